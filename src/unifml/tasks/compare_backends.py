"""`compare_backends`: one network, one seed, and how far the backends differ."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import _safe_indexing, indexable

from unifml.core import registry
from unifml.core.inputs import as_rows, count
from unifml.core.seeds import draw_seed
from unifml.errors import CapabilityError, DataError, MissingDependencyError, told
from unifml.estimators import resolve_model
from unifml.models import Native
from unifml.tasks.backend_comparison import BackendComparison
from unifml.tasks.backend_runs import Run, answers_apart, apart, run
from unifml.tasks.move import to_backend
from unifml.tasks.spellings import ALL
from unifml.tasks.wrap import FACES, called, prepare
from unifml.training.progress import progress

_FEW = 1000  # rows of the single step: all of them are one batch


def compare_backends(
    model: Any,
    X: Any,
    y: Any = None,
    *,
    task: str | None = None,
    backends: Any = None,
    random_state: Any = None,
    verbose: int | None = None,
) -> BackendComparison:
    """Fit one network on several backends with one seed, and measure how far they differ.

    Every backend starts from the same weights and sees the same rows in the same order. Promised
    of networks without random layers are, up to 1e-6, equal losses before the first step, and
    equal predictions of a model that `to_backend` moved. What later steps add is rounding; it
    grows with the number of steps.

    Parameters
    ----------
    model : Classifier, Regressor, Model or str
        A network of unifml. It is not changed.
    X, y : table of shape (n, features), array-like of shape (n,) or (n, outputs)
        The rows to learn.
    task : {"classification", "regression"} or None
        As in `evaluate`.
    backends : list of str or None
        None is all that there are.
    random_state : int, RandomState or None
        The seed, where the estimator has none.
    verbose : int or None
        0 silent, 1 a bar.

    Returns
    -------
    BackendComparison
        Its ``cannot`` says which backends cannot fit the model, and why.

    Raises
    ------
    CapabilityError
        For models that belong to one framework, and where no backend can fit the model.

    See Also
    --------
    to_backend : A fitted network on another backend.

    Examples
    --------
    >>> import unifml
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> found = unifml.compare_backends("mlp", X, y, backends=["sklearn"], random_state=0)
    >>> [run.backend for run in found.runs]
    ['sklearn']
    """
    seed = draw_seed(random_state)
    estimator, kind = prepare(model, y, task=task, backend=None, random_state=seed)
    _check_network(estimator)
    if y is None:
        raise DataError("compare_backends", found="y is None", rule="y is needed to learn")
    if estimator.random_state is None:
        estimator = clone(estimator).set_params(random_state=seed)
    X, y = indexable(as_rows(X), y)
    runs, cannot = _runs(estimator, X, y, _names(backends), seed, verbose)
    if not runs:
        raise CapabilityError(
            f"compare_backends({called(estimator)})",
            found="; ".join(f"{name}: {why}" for name, why in cannot.items()),
            rule="one backend at least can fit the model",
        )
    differences = [
        {"first": a.backend, "second": b.backend, **apart(a, b, X, y), "moved": _moved(a, b, X, y)}
        for a, b in combinations(runs, 2)
    ]
    title = f"{called(estimator)}: {kind} of {count(X)} rows, seed {estimator.random_state}"
    return BackendComparison(title, runs, differences, cannot)


def _check_network(estimator: Any) -> None:
    ours = isinstance(estimator, tuple(FACES.values()))
    if not ours or isinstance(resolve_model(estimator.model), Native):
        raise CapabilityError(
            f"compare_backends({called(estimator)})",
            found="it belongs to one framework" if ours else "it is no Classifier or Regressor",
            rule="networks of unifml run on several backends",
            fix='for example compare_backends("mlp", X, y)',
        )


def _names(backends: Any) -> list[str]:
    if backends is None or backends == ALL:
        return list(registry.names())
    found = [backends] if isinstance(backends, str) else list(backends)
    return [registry.get_adapter(name).name for name in found]


def _runs(
    estimator: Any, X: Any, y: Any, backends: list[str], seed: int, verbose: int | None
) -> tuple[list[Run], dict[str, str]]:
    """Return the runs of backends that can, and why the others cannot."""
    few = _few(X, y, seed)
    runs, cannot = [], {}
    with progress(len(backends), "comparing backends", verbose) as bar:
        for backend in backends:
            try:
                with told(f"on backend {backend!r}"):
                    runs.append(run(estimator, backend, X, y, few))
            except (CapabilityError, MissingDependencyError) as error:
                cannot[backend] = str(error)
            bar.advance(backend)
    return runs, cannot


def _few(X: Any, y: Any, seed: int) -> tuple[Any, Any]:
    if count(X) <= _FEW:
        return X, y
    rows = np.random.default_rng(seed).choice(count(X), _FEW, replace=False)
    return _safe_indexing(X, rows), _safe_indexing(y, rows)


def _moved(one: Run, other: Run, X: Any, y: Any) -> float | None:
    """Return how much predictions change when the first model is moved to the other backend."""
    try:
        there = to_backend(one.estimator, other.backend)
    except CapabilityError:
        return None
    return answers_apart(one.estimator, there, X, y)
