"""What scikit-learn's meta-estimators are given: the folds, and the way of the weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral
from typing import Any

import sklearn
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline

from unifml.config import config_context
from unifml.core.task import Kind
from unifml.errors import DataError
from unifml.tasks.splits import make_splits
from unifml.tasks.weights import NAME, fit_weights, takes_weights
from unifml.tasks.wrap import is_fitted

CLASSES: Kind = "classification"


def folds_of(cv: Any, estimator: Any, X: Any, y: Any, groups: Any, seed: int) -> Any:
    """Return the folds that `cv` means, or "prefit" for an estimator that is fitted.

    Raises
    ------
    DataError
        If it is to be taken as fitted, and is not.
    """
    if isinstance(cv, str) and cv == "prefit":
        if not is_fitted(estimator):
            raise DataError(
                'cv="prefit"', found="the model is not fitted", fix="fit it, or take folds: cv=5"
            )
        return "prefit"
    splits = make_splits(cv, X, y, CLASSES, groups, seed)
    if groups is None and isinstance(cv, Integral):
        return StratifiedKFold(int(cv), shuffle=True, random_state=seed)  # the same, in one word
    return [(fold.train, fold.test) for fold in splits.folds]


@contextmanager
def carried(weight: Any, verbose: int | None) -> Iterator[dict[str, Any]]:
    """Let weights of rows through by metadata routing, where there are any; fits are silent."""
    given = {} if weight is None else {NAME: weight}
    routing = bool(given) or sklearn.get_config()["enable_metadata_routing"]
    ours = config_context(verbose=verbose or 0)
    with ours, sklearn.config_context(enable_metadata_routing=routing):
        yield given


def asking(estimator: Any, weight: Any) -> Any:
    """Return a copy that asks for the weights, if there are any; of a Pipeline, its last step.

    Raises
    ------
    CapabilityError
        If its fit takes none.
    """
    if weight is None:
        return estimator
    fit_weights(estimator, weight)
    copy = clone(estimator)
    _ask(copy)
    return copy


def _ask(estimator: Any) -> None:
    if not isinstance(estimator, Pipeline):
        estimator.set_fit_request(sample_weight=True)
        return
    for _, step in estimator.steps[:-1]:
        if hasattr(step, "set_fit_request") and takes_weights(step):
            step.set_fit_request(sample_weight=False)
    _ask(estimator.steps[-1][1])
