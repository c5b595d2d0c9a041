"""Several estimators fitted at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from unifml.core.inputs import size
from unifml.estimators.base import Base
from unifml.estimators.resolve import resolve_adapter, resolve_model
from unifml.models import Model
from unifml.training.job import complete_all

VALUES = 2**22  # of all rows together: they are all in memory at once


def may_fit_together(estimator: Any, X: Any, count: int) -> bool:
    """Say whether `count` copies of an estimator may be worth fitting at once.

    They are networks of ours on a backend that can train several, and their rows are few. Whether
    it is faster for them is known when all is planned; if not, they are trained in turn.
    """
    if not isinstance(estimator, Base) or count < 2 or not isinstance(X, np.ndarray):
        return False
    model = resolve_model(estimator.model)
    if not isinstance(model, Model) or model.procedure != "epochs":
        return False
    adapter = resolve_adapter(model, estimator.backend)
    return adapter.capabilities.stacks and size(X) * count <= VALUES


def fit_together(
    estimators: Sequence[Base], rows: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> None:
    """Fit several estimators, each on its own rows, to the results of fitting them in turn.

    Small networks of one architecture are trained in one program, where that is faster; each has
    its own settings, seed and early stopping.

    Parameters
    ----------
    estimators : sequence of Classifier, Regressor or Transformer
        They are fitted in place.
    rows : sequence of dict
        The arguments of ``fit`` of each: ``X``, ``y``, ``sample_weight``.
    names : sequence of str
        What each is called in the note that its errors get.

    Raises
    ------
    UnifmlError
        What `fit` raises, for the first that fails; then none of them is changed by a fit that
        was still under way.
    """
    fits = [
        estimator._learn(given["X"], given.get("y"), given.get("sample_weight"), (None, None, None))
        for estimator, given in zip(estimators, rows, strict=True)
    ]
    complete_all(fits, names)
