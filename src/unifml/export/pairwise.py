"""Distances and kernels between rows and rows that a model keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from unifml.export.algebra import Algebra
from unifml.export.graph import Graph

if TYPE_CHECKING:
    from unifml.export.writer import Writer

Kept = npt.NDArray[np.float64]
Step = Callable[[Algebra, str, str, str], str]
"""Takes a running total (n, kept), and a column of both sides, (n, 1) and (1, kept)."""
Pairs = Callable[..., str]


def distances(
    w: Writer, model: Any, x: str, kept: Any, metric: Any, params: dict[str, Any] | None = None
) -> str:
    """Write distances (n, kept) between rows and those that a model keeps.

    Parameters
    ----------
    w : Writer
        Receives the nodes.
    model : estimator
        Named in the error.
    x : str
        Rows (n, width), float64.
    kept : array of shape (kept, width)
        Rows of the model.
    metric : str
        As scikit-learn calls it.
    params : dict or None
        Of the metric.

    Raises
    ------
    ExportError
        For a metric that has no formula here.
    """
    return _found(w, model, DISTANCES, metric, "metric")(
        Algebra(w.g), x, np.asarray(kept, np.float64), **(params or {})
    )


def kernel(
    w: Writer, model: Any, x: str, kept: Any, metric: Any, params: dict[str, Any] | None = None
) -> str:
    """Write a kernel (n, kept) between rows and those that a model keeps.

    Parameters
    ----------
    w, model, x, kept, metric
        As for `distances`.
    params : dict or None
        ``gamma``, ``degree`` and ``coef0``; those that the kernel has not are passed over.

    Raises
    ------
    ExportError
        For a kernel that has no formula here.
    """
    kept = np.asarray(kept, np.float64)
    known = {"gamma": None, "degree": 3, "coef0": 1.0} | (params or {})
    known["gamma"] = _gamma(known["gamma"], metric, kept.shape[1])
    return _found(w, model, KERNELS, metric, "kernel")(Algebra(w.g), x, kept, known)


def _found(w: Writer, model: Any, table: dict[str, Pairs], name: Any, what: str) -> Pairs:
    if isinstance(name, str) and name in table:
        return table[name]
    raise w.refusal(model, f"{what}={name!r}", rule=f"{what} is one of {', '.join(table)}")


def _gamma(gamma: Any, metric: Any, width: int) -> float:
    if gamma is None:
        return 1.0 if metric == "chi2" else 1.0 / width
    return float(gamma)


def squared(a: Algebra, x: str, kept: Kept) -> str:
    """Write squared distances (n, kept), by the products of rows."""
    mine = a.sum(x, keep=True, kind="ReduceSumSquare")
    product = a.dot(x, -2.0 * kept.T)
    both = a.add(a.add(product, mine), (kept**2).sum(axis=1))
    return a.op("Max", both, 0.0, name="squared")


def euclidean(a: Algebra, x: str, kept: Kept) -> str:
    """Write distances (n, kept)."""
    return a.op("Sqrt", squared(a, x, kept), name="distances")


def by_columns(a: Algebra, x: str, kept: Kept, step: Step, start: float = 0.0) -> str:
    """Write what is summed up over the columns one after another, as a loop over pairs would.

    It takes no more room than the answer (n, kept), whatever the number of columns.
    """
    from onnx import helper

    prefix = f"{a.g.unique('scan')}/"
    ends = [f"{prefix}{name}" for name in ("total", "mine", "theirs")]
    body = Graph(prefix, tuple(ends))
    inner = Algebra(body)
    mine = body.op("Unsqueeze", ends[1], inner.ints(1))
    theirs = body.op("Unsqueeze", ends[2], inner.ints(0))
    out = body.op("Identity", step(inner, ends[0], mine, theirs))
    graph = helper.make_graph(
        body.nodes,
        f"{prefix}body",
        [helper.make_tensor_value_info(name, 11, None) for name in ends],
        [helper.make_tensor_value_info(out, 11, None)],
        body.initializers,
    )
    total = a.filled(x, np.full(len(kept), start))
    columns = a.g.op("Transpose", x, perm=[1, 0])
    return a.op("Scan", total, columns, kept.T, body=graph, num_scan_inputs=2, name="pairs")


def exact_squared(a: Algebra, x: str, kept: Kept) -> str:
    """Write squared distances column by column: equal rows are 0 apart, as in a tree."""

    def step(b: Algebra, total: str, mine: str, theirs: str) -> str:
        apart = b.sub(mine, theirs)
        return b.add(total, b.mul(apart, apart))

    return by_columns(a, x, kept, step)


def manhattan(a: Algebra, x: str, kept: Kept) -> str:
    """Write sums of absolute differences (n, kept)."""

    def step(b: Algebra, total: str, mine: str, theirs: str) -> str:
        return b.add(total, b.op("Abs", b.sub(mine, theirs)))

    return by_columns(a, x, kept, step)


def _chebyshev(a: Algebra, x: str, kept: Kept) -> str:
    def step(b: Algebra, total: str, mine: str, theirs: str) -> str:
        return b.op("Max", total, b.op("Abs", b.sub(mine, theirs)))

    return by_columns(a, x, kept, step)


def _minkowski(a: Algebra, x: str, kept: Kept, p: float = 2.0, w: Any = None) -> str:
    factors = np.ones(kept.shape[1]) if w is None else np.asarray(w, np.float64)
    scale = factors ** (1.0 / p)

    def step(b: Algebra, total: str, mine: str, theirs: str) -> str:
        return b.add(total, b.op("Pow", b.op("Abs", b.sub(mine, theirs)), p))

    return a.op("Pow", by_columns(a, a.mul(x, scale), kept * scale, step), 1.0 / p)


def _seuclidean(a: Algebra, x: str, kept: Kept, **params: Any) -> str:
    scale = 1.0 / np.sqrt(np.asarray(params["V"], np.float64))
    return euclidean(a, a.mul(x, scale), kept * scale)


def _mahalanobis(a: Algebra, x: str, kept: Kept, **params: Any) -> str:
    inverse = params["VI"] if "VI" in params else np.linalg.inv(params["V"])
    root = np.linalg.cholesky(np.asarray(inverse, np.float64))
    return euclidean(a, a.dot(x, root), kept @ root)


def _hamming(a: Algebra, x: str, kept: Kept) -> str:
    def step(b: Algebra, total: str, mine: str, theirs: str) -> str:
        same = b.g.op("Equal", mine, theirs)
        return b.add(total, b.where(same, 0.0, 1.0 / kept.shape[1]))

    return by_columns(a, x, kept, step)


def _canberra(a: Algebra, x: str, kept: Kept) -> str:
    def step(b: Algebra, total: str, mine: str, theirs: str) -> str:
        both = b.add(b.op("Abs", mine), b.op("Abs", theirs))
        apart = b.op("Abs", b.sub(mine, theirs))
        return b.add(total, _ratio(b, apart, both))

    return by_columns(a, x, kept, step)


def _ratio(a: Algebra, top: str, bottom: str) -> str:
    """Write top / bottom, and 0 where the bottom is 0."""
    none = a.g.op("Equal", bottom, a.of(0.0))
    return a.where(none, 0.0, a.div(top, a.where(none, 1.0, bottom)))


def cosine(a: Algebra, x: str, kept: Kept) -> str:
    """Write cosines (n, kept); rows of zeros are at right angles to all."""
    size = a.sum(x, keep=True, kind="ReduceL2")
    none = a.g.op("Equal", size, a.of(0.0))
    unit = a.div(x, a.where(none, 1.0, size))
    sizes = np.linalg.norm(kept, axis=1, keepdims=True)
    return a.dot(unit, (kept / np.where(sizes == 0, 1.0, sizes)).T)


def _cosine_distance(a: Algebra, x: str, kept: Kept) -> str:
    return a.op("Clip", a.sub(1.0, cosine(a, x, kept)), 0.0, 2.0)


DISTANCES: dict[str, Pairs] = {
    "euclidean": euclidean,
    "l2": euclidean,
    "sqeuclidean": squared,
    "manhattan": manhattan,
    "cityblock": manhattan,
    "l1": manhattan,
    "chebyshev": _chebyshev,
    "infinity": _chebyshev,
    "minkowski": _minkowski,
    "seuclidean": _seuclidean,
    "mahalanobis": _mahalanobis,
    "hamming": _hamming,
    "canberra": _canberra,
    "cosine": _cosine_distance,
}


def _polynomial(a: Algebra, x: str, kept: Kept, p: dict[str, Any]) -> str:
    inner = a.add(a.dot(x, p["gamma"] * kept.T), p["coef0"])
    return a.op("Pow", inner, float(p["degree"]))


def _rbf(a: Algebra, x: str, kept: Kept, p: dict[str, Any]) -> str:
    return a.op("Exp", a.mul(squared(a, x, kept), -p["gamma"]))


def _laplacian(a: Algebra, x: str, kept: Kept, p: dict[str, Any]) -> str:
    return a.op("Exp", a.mul(manhattan(a, x, kept), -p["gamma"]))


def _additive_chi2(a: Algebra, x: str, kept: Kept, p: dict[str, Any]) -> str:
    def step(b: Algebra, total: str, mine: str, theirs: str) -> str:
        apart = b.sub(mine, theirs)
        return b.sub(total, _ratio(b, b.mul(apart, apart), b.add(mine, theirs)))

    return by_columns(a, x, kept, step)


def _chi2(a: Algebra, x: str, kept: Kept, p: dict[str, Any]) -> str:
    return a.op("Exp", a.mul(_additive_chi2(a, x, kept, p), p["gamma"]))


def _sigmoid(a: Algebra, x: str, kept: Kept, p: dict[str, Any]) -> str:
    return a.op("Tanh", a.add(a.dot(x, p["gamma"] * kept.T), p["coef0"]))


def _linear(a: Algebra, x: str, kept: Kept, p: dict[str, Any]) -> str:
    return a.dot(x, kept.T)


def _cosines(a: Algebra, x: str, kept: Kept, p: dict[str, Any]) -> str:
    return cosine(a, x, kept)


KERNELS: dict[str, Pairs] = {
    "linear": _linear,
    "poly": _polynomial,
    "polynomial": _polynomial,
    "rbf": _rbf,
    "laplacian": _laplacian,
    "sigmoid": _sigmoid,
    "cosine": _cosines,
    "chi2": _chi2,
    "additive_chi2": _additive_chi2,
}
