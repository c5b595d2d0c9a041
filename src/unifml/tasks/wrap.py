"""Whatever a user calls a model becomes an estimator: the door of every verb."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone, is_classifier, is_clusterer, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from unifml.core.estimator import Estimator
from unifml.core.registry import owner
from unifml.core.task import Kind, Purpose
from unifml.errors import CapabilityError, DataError, ParameterError, UnknownNameError
from unifml.estimators import Classifier, Regressor, Transformer, resolve_model
from unifml.metrics import Measured
from unifml.models import Native
from unifml.models.native import is_factory
from unifml.tasks.preprocess.decision import Preprocessor

FACES: dict[str, type[Any]] = {
    "classification": Classifier,
    "regression": Regressor,
    "transformation": Transformer,
}
_OF_ESTIMATORS = ("clustering",)  # tasks that have no face of ours
MOST_CLASSES = 20  # whole numbers of more values than that may be counts: we ask


def as_estimator(
    model: Any, *, task: str | None = None, backend: str | None = None, random_state: Any = None
) -> Any:
    """Return the estimator that a verb is to work with.

    Parameters
    ----------
    model : Estimator, Model, str or native model
        An estimator (a Pipeline, any of scikit-learn's) is returned as it is; everything else is
        put into a `Classifier`, `Regressor` or `Transformer`.
    task : {"classification", "regression", "transformation"} or None
        Needed for a model that serves several.
    backend : str or None
        Where it is to run. An estimator of another backend is copied, unfitted, and changed.
    random_state : int, RandomState or None
        For what is made here; an estimator keeps its own.

    Raises
    ------
    UnknownNameError, DataTypeError
        For what cannot be a model.
    ParameterError
        If the task is needed and not given, or contradicts the estimator.
    CapabilityError
        If the estimator cannot run on that backend.
    """
    there = is_estimator(model)
    known = (*FACES, *_OF_ESTIMATORS) if there else FACES
    if task is not None and task not in known:
        raise UnknownNameError.among("task", task, known)
    if there:
        _agree(model, task)
        return model if backend is None else _moved(model, backend)
    spec = resolve_model(model)
    face = FACES[task or _only_task(spec, model)]
    inner = spec if isinstance(spec, Native) and is_factory(spec.factory) else model
    return face(inner, backend=backend, random_state=random_state)


def is_estimator(model: object) -> bool:
    """Say whether `model` is used as it is; networks of a framework never are."""
    if isinstance(model, type | str) or not isinstance(model, Estimator):
        return False
    adapter = owner(model)
    return adapter is None or adapter.capabilities.untouched


def kind_of(estimator: Any) -> Measured:
    """Return what an estimator learns.

    Raises
    ------
    CapabilityError
        If it is no classifier, regressor or clusterer, or a clusterer without ``predict``.
    """
    if is_classifier(estimator):
        return "classification"
    if is_regressor(estimator):
        return "regression"
    clusterer = is_clusterer(estimator)
    if clusterer and hasattr(estimator, "predict"):
        return "clustering"
    raise CapabilityError(
        f"{type(estimator).__name__}",
        found="a clusterer without predict, which has no answer for new rows"
        if clusterer
        else "neither a classifier, a regressor nor a clusterer by its tags",
        rule="what predicts classes, numbers or clusters of new rows can be evaluated and tuned",
    )


def infer_task(y: Any) -> Kind:
    """Return what learning `y` is: strings, bools, categories and few whole numbers are classes.

    Raises
    ------
    DataError
        For whole numbers of more than 20 values, which may be either.
    """
    if y is None:
        raise DataError("y is None", rule="labels or numbers to learn are needed")
    if hasattr(getattr(y, "dtype", None), "categories"):
        return "classification"
    values = _plain(y)
    if values.dtype.kind not in "iuf":
        return "classification"
    if np.any(values != np.floor(values)):
        return "regression"
    found = len(np.unique(values))
    if found <= MOST_CLASSES:
        return "classification"
    raise DataError(
        "is y classes or numbers?",
        found=f"{found} different whole numbers",
        rule=f"at most {MOST_CLASSES} whole numbers are classes; fractions are numbers",
        fix='say task="classification" or task="regression"',
    )


def is_fitted(estimator: Any) -> bool:
    """Say whether an estimator has learned already."""
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        return False
    return True


def prepare(
    model: Any, y: Any, X: Any = None, *, task: str | None, backend: str | None, random_state: Any
) -> tuple[Any, Measured]:
    """Return the estimator of a verb that has data, and what it learns; see `suited`."""
    estimator = suited(model, y, X, task=task, backend=backend, random_state=random_state)
    return estimator, kind_of(estimator)


def suited(
    model: Any, y: Any, X: Any = None, *, task: str | None, backend: str | None, random_state: Any
) -> Any:
    """Return the estimator of a verb that has data; they tell the task where nobody does.

    A model of unifml that is no estimator yet gets a `Preprocessor` before it where X, if given,
    is a table with text, dates or missing values.
    """
    if is_estimator(model):
        return as_estimator(model, task=task, backend=backend, random_state=random_state)
    from unifml.tasks.preprocess.auto import prepared  # it stands on this module

    spec = resolve_model(model)
    if task is None:
        task = infer_task(y) if _task_open(spec) else _only_task(spec, model)
    made = as_estimator(model, task=task, backend=backend, random_state=random_state)
    return prepared(made, spec, X, y, task)


def called(estimator: Any) -> str:
    """Return what an estimator is called in a title: short, on one line."""
    if isinstance(estimator, Pipeline):
        return " > ".join(called(step) for _, step in estimator.steps)
    if isinstance(estimator, Preprocessor):
        return "preprocess"
    ours = isinstance(estimator, tuple(FACES.values()))
    text = " ".join(repr(estimator).split()) if ours else type(estimator).__name__
    return text if len(text) <= 100 else f"{text[:97]}..."


def _plain(y: Any) -> npt.NDArray[Any]:
    """Return y as an array of numbers where it holds numbers, NaN left out."""
    values = np.asarray(y)
    if values.dtype == object and all(_is_number(value) for value in values.flat):
        values = values.astype(np.float64)
    return values[np.isfinite(values)] if values.dtype.kind == "f" else values


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _agree(estimator: Any, task: str | None) -> None:
    found = "transformation" if isinstance(estimator, Transformer) else None
    if task is not None and task != (found or kind_of(estimator)):
        raise ParameterError(
            f"task={task!r} for {type(estimator).__name__}",
            found=f"it is for {found or kind_of(estimator)}",
            fix="leave task out",
        )


def _moved(estimator: Any, backend: str) -> Any:
    """Return the estimator on a backend: itself if it is there, else an unfitted copy."""
    from unifml.tasks.names import full_names

    names = full_names(estimator, "backend")
    if len(names) == 1:
        there = estimator.get_params(deep=True)[names[0]] == backend
        return estimator if there else clone(estimator).set_params(**{names[0]: backend})
    here = owner(estimator)
    if here is not None and here.name == backend and not names:
        return estimator
    raise CapabilityError(
        f"backend={backend!r} for {type(estimator).__name__}",
        found=f"several parts have one: {', '.join(names)}"
        if names
        else "it has no backend to set",
        fix="leave backend out" + (", and set them on the estimator" if names else ""),
    )


def _task_open(spec: Any) -> bool:
    return isinstance(spec, Native) or len(spec.tasks) > 1


def _only_task(spec: Any, model: Any) -> Purpose:
    if not _task_open(spec):
        return spec.tasks[0]  # type: ignore[no-any-return]
    raise ParameterError(
        f"the task of {model!r}",
        found="it serves classification and regression",
        fix='say task="classification" or task="regression"',
    )
