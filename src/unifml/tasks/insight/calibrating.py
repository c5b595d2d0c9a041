"""`calibrate`: probabilities that mean what they say."""

from __future__ import annotations

from typing import Any

from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.utils import indexable
from sklearn.utils.multiclass import type_of_target

from unifml.core.inputs import as_rows
from unifml.core.seeds import draw_seed
from unifml.data import check_weights
from unifml.errors import CapabilityError, UnknownNameError
from unifml.tasks.insight.folds import CLASSES, asking, carried, folds_of
from unifml.tasks.wrap import prepare


def calibrate(
    model: Any,
    X: Any,
    y: Any,
    *,
    method: str = "sigmoid",
    backend: str | None = None,
    cv: Any = 5,
    groups: Any = None,
    sample_weight: Any = None,
    ensemble: Any = "auto",
    n_jobs: int | None = None,
    random_state: Any = None,
    verbose: int | None = None,
) -> CalibratedClassifierCV:
    """Make a classifier whose probabilities are the shares in which they come true.

    By scikit-learn's ``CalibratedClassifierCV``, on rows that were not learned from.

    Parameters
    ----------
    model : Estimator, Model, str or native model
        A classifier with probabilities or decision values. It is never changed.
    X : table of shape (n, features)
        The rows.
    y : array-like of shape (n,)
        Labels.
    method : {"sigmoid", "isotonic", "temperature"}
        Platt's two numbers a class; a staircase, for a thousand rows or more; or one number for
        all classes, which changes no label (scikit-learn 1.8).
    backend : str or None
        As in `unifml.evaluate`.
    cv : int, float, splitter, iterable of (train, test) or "prefit"
        Folds whose held-out rows calibrate. ``"prefit"`` takes a fitted model as it is: give rows
        that it has not learned from.
    groups : array-like of shape (n,) or None
        Rows of one group stay in one fold.
    sample_weight : array-like of shape (n,) or None
        Weights of rows, in learning and in calibrating.
    ensemble : bool or "auto"
        Average the models of the folds; or fit one on all rows, calibrated by all folds.
    n_jobs : int or None
        Processes, as joblib counts them.
    random_state : int, RandomState or None
        Shuffles folds; also the seed of a model that is wrapped here.
    verbose : int or None
        Of the fits; nothing is said by default.

    Returns
    -------
    CalibratedClassifierCV
        Fitted; it exports to ONNX.

    See Also
    --------
    tune_threshold : From which probability on to say yes.

    References
    ----------
    Platt, "Probabilistic outputs for support vector machines", 1999; Zadrozny and Elkan,
    "Transforming classifier scores into accurate multiclass probability estimates", KDD 2002;
    Guo et al., "On calibration of modern neural networks", ICML 2017.

    Examples
    --------
    >>> import unifml
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = unifml.calibrate("random_forest", X, y, cv=3, random_state=0)
    >>> clf.predict_proba(X[:2]).shape
    (2, 3)
    """
    _check_method(method)
    seed = draw_seed(random_state)
    estimator, _ = prepare(model, y, X, task=CLASSES, backend=backend, random_state=seed)
    X, y = indexable(as_rows(X), y)
    if type_of_target(y) not in ("binary", "multiclass"):
        raise CapabilityError("calibrate for several labels a row", rule="one label a row")
    weight = check_weights(sample_weight, X)
    folds = folds_of(cv, estimator, X, y, groups, seed)
    with carried(weight, verbose) as given:
        if isinstance(folds, str):
            estimator, folds = FrozenEstimator(estimator), None
        made = CalibratedClassifierCV(
            asking(estimator, weight), method=method, cv=folds, n_jobs=n_jobs, ensemble=ensemble
        )
        return made.fit(X, y, **given)


def _check_method(method: str) -> None:
    known = CalibratedClassifierCV._parameter_constraints["method"][0].options
    if method not in known:
        raise UnknownNameError.among("method", method, known)
