"""`partial_dependence`: what a model answers on average, as one column changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import inspection
from sklearn.base import clone

from unifml.config import config_context
from unifml.data import check_weights
from unifml.errors import CapabilityError, DataError, DataTypeError, UnknownNameError
from unifml.tasks.insight.columns import as_columns, names_of
from unifml.tasks.insight.dependences import Dependence, Effect
from unifml.tasks.weights import fit_weights
from unifml.tasks.wrap import called, is_fitted, prepare

Array = npt.NDArray[Any]
_FEW = 10  # whole numbers of at most so many values are taken one by one


def partial_dependence(
    model: Any,
    X: Any,
    features: Any,
    *,
    y: Any = None,
    task: str | None = None,
    backend: str | None = None,
    sample_weight: Any = None,
    grid: int = 50,
    percentiles: tuple[float, float] = (0.05, 0.95),
    individual: bool = False,
    random_state: Any = None,
    verbose: int | None = None,
) -> Dependence:
    """Set a column of every row to one value after the other, and average what is answered.

    Computed by scikit-learn's ``partial_dependence``. The columns are those of X, before any step
    of a Pipeline. Classifiers answer with probabilities, or else decision values.

    Parameters
    ----------
    model : Estimator, Model, str or native model
        Anything that can be wrapped. An unfitted one is fitted here, on a copy, for which `y` is
        needed.
    X : table of shape (n, features)
        The rows to average over.
    features : str, int, pair, or list of those
        Columns by name or place; a pair is looked at together.
    y : array-like of shape (n,) or None
        For a model that is not fitted.
    task, backend
        As in `unifml.evaluate`.
    sample_weight : array-like of shape (n,) or None
        Weights of rows, in the average, and in the fit if there is one.
    grid : int, default=50
        How many values of a column; text, categories and few whole numbers are taken one by one.
    percentiles : (float, float)
        Where the grid begins and ends.
    individual : bool
        Keep the answer of every row as well, for single columns with a grid.
    random_state : int, RandomState or None
        Seed of a model that is wrapped here.
    verbose : int or None
        Of a fit here; else nothing is said.

    Returns
    -------
    Dependence
        One effect for each of `features`.

    References
    ----------
    Friedman, "Greedy function approximation: a gradient boosting machine", Annals of Statistics
    29, 2001.

    Examples
    --------
    >>> import unifml
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> reg = unifml.Regressor("linear").fit(X, y)
    >>> found = unifml.partial_dependence(reg, X, ["bmi", "age"])
    >>> found.effects[0].spread > found.effects[1].spread
    True
    """
    X = as_columns("partial_dependence", X)
    estimator, kind = _fitted(model, X, y, task, backend, sample_weight, random_state, verbose)
    names = names_of(X, estimator)
    asked = [_places(each, names) for each in _listed(features)]
    wanted = sorted({place for places in asked for place in places})
    by_value = [place for place in wanted if _one_by_one(_column(X, place))]
    _check_pairs(asked, by_value, names)
    table = _with_floats(X, [place for place in wanted if place not in by_value])
    weight = check_weights(sample_weight, X)
    answers, measure = _said(estimator, kind)
    effects = []
    for places in asked:
        single = individual and len(places) == 1 and places[0] not in by_value
        with config_context(verbose=0):
            found = inspection.partial_dependence(
                estimator, table, list(places), sample_weight=weight,
                categorical_features=by_value or None, percentiles=percentiles,
                grid_resolution=_resolution(X, places, by_value, grid),
                method="brute",  # the same question for every model: what does it answer?
                kind="both" if single else "average",
            )  # fmt: skip
        columns = tuple(names[place] for place in places)
        rugs = tuple(_deciles(_column(X, p), p in by_value) for p in places)
        effects.append(Effect(columns, found, tuple(p in by_value for p in places), rugs))
    title = f"{called(estimator)}: averaged over {len(X)} rows"
    return Dependence(title, effects, answers, measure)


def _fitted(
    model: Any,
    X: Any,
    y: Any,
    task: str | None,
    backend: str | None,
    weight: Any,
    random_state: Any,
    verbose: int | None,
) -> tuple[Any, Any]:
    estimator, kind = prepare(model, y, X, task=task, backend=backend, random_state=random_state)
    if is_fitted(estimator):
        return estimator, kind
    if y is None:
        raise DataError(
            "partial_dependence", found="the model is not fitted", fix="fit it, or pass y="
        )
    estimator = clone(estimator)
    with config_context(verbose=verbose if verbose is not None else 0):
        estimator.fit(X, y, **fit_weights(estimator, weight))
    return estimator, kind


def _said(estimator: Any, kind: Any) -> tuple[list[str], str]:
    """Return what the answers are called: one a class beyond two, and what they are."""
    if kind == "regression":
        return [], "predicted"
    classes = getattr(estimator, "classes_", None)
    if classes is None or not hasattr(classes, "dtype"):
        raise CapabilityError(
            "partial_dependence for several labels a row", rule="one label or numbers are needed"
        )
    what = "probability" if hasattr(estimator, "predict_proba") else "decision value"
    return [str(c) for c in (classes if len(classes) > 2 else classes[1:])], what


def _listed(features: Any) -> list[Any]:
    if isinstance(features, str | int | np.integer | tuple):
        return [features]
    if not isinstance(features, Sequence | np.ndarray) or not len(features):
        raise DataTypeError(f"features={features!r}", rule="a column, a pair, or a list of those")
    return list(features)


def _places(feature: Any, names: list[str]) -> tuple[int, ...]:
    """Return the places of a column, or of a pair."""
    parts = feature if isinstance(feature, tuple | list) else (feature,)
    if len(parts) not in (1, 2):
        raise DataTypeError(f"features={feature!r}", rule="one column, or two together")
    return tuple(_place(part, names) for part in parts)


def _place(part: Any, names: list[str]) -> int:
    if isinstance(part, int | np.integer) and 0 <= part < len(names):
        return int(part)
    if part not in names:
        raise UnknownNameError.among("column", part, names)
    return names.index(part)


def _check_pairs(asked: list[tuple[int, ...]], by_value: list[int], names: list[str]) -> None:
    for places in asked:
        if len({place in by_value for place in places}) > 1:
            raise CapabilityError(
                f"the pair {tuple(names[place] for place in places)}",
                found="one has a grid, the other is taken value by value",
                rule="both of a pair must be of one kind",
            )


def _column(X: Any, place: int) -> Any:
    return X.iloc[:, place] if hasattr(X, "iloc") else X[:, place]


def _one_by_one(column: Any) -> bool:
    """Say whether a column is text, categories, or few whole numbers."""
    kind = getattr(column.dtype, "kind", "O")
    if kind in "iu":
        return len(np.unique(column)) <= _FEW
    return bool(kind != "f")


def _with_floats(X: Any, places: list[int]) -> Any:
    """Return X with whole numbers as fractions where a grid is laid over them."""
    whole = [p for p in places if getattr(_column(X, p).dtype, "kind", "") in "iu"]
    if not whole:
        return X
    if not hasattr(X, "iloc"):
        return X.astype(np.float64)
    return X.astype({X.columns[p]: np.float64 for p in whole})


def _resolution(X: Any, places: tuple[int, ...], by_value: list[int], grid: int) -> int:
    """Return the number of grid values, no less than a column that is taken by its values has."""
    counts = [len(set(_column(X, p).tolist())) for p in places if p in by_value]
    return max([grid, *counts])


def _deciles(column: Any, by_value: bool) -> Array | None:
    if by_value:
        return None
    values = np.asarray(column, dtype=np.float64)
    return np.asarray(np.nanquantile(values, np.arange(0.1, 1, 0.1)))
