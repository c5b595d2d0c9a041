"""Support vector machines with kernels, in float64."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import svm

from unifml.export.algebra import Algebra
from unifml.export.coupling import coupled
from unifml.export.own import by_unifml, dense, doubles, halved, judged
from unifml.export.pairwise import kernel
from unifml.export.values import Answers, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer


def _kernel(w: Writer, model: Any, x: str) -> str:
    """Write the kernel with the support vectors (n, vectors)."""
    params = {"gamma": model._gamma, "degree": model.degree, "coef0": model.coef0}
    return kernel(w, model, x, dense(model.support_vectors_), model.kernel, params)


def _value(w: Writer, model: Any, rows: Rows) -> str:
    a, x = doubles(w, rows)
    weights = dense(model._dual_coef_).T
    return a.affine(_kernel(w, model, x), weights, dense(model._intercept_))


def _regressor(w: Writer, model: Any, rows: Rows) -> Answers:
    return w.predicted(_value(w, model, rows), "double", 1)


def _one_class(w: Writer, model: Any, rows: Rows) -> Answers:
    return judged(w, _value(w, model, rows), tie=False)


def _classifier(w: Writer, model: Any, rows: Rows) -> Answers:
    """Let each pair of classes vote, as libsvm does."""
    a, x = doubles(w, rows)
    count = len(model.classes_)
    weights = _pairs(model, count)
    duels = a.affine(_kernel(w, model, x), weights.T, dense(model._intercept_), name="duels")
    shares = _shares(a, model, duels, count) if hasattr(model, "predict_proba") else None
    if count == 2:
        return halved(w, a.op("Neg", duels), model.classes_, shares, tie=True)
    votes = _votes(a, duels, count)
    scores = _scores(a, duels, votes, count)
    code = w.argmax(scores if model.break_ties else votes)
    label, classes = w.labels(code, model.classes_), np.asarray(model.classes_)
    said = scores if model.decision_function_shape == "ovr" else duels
    return Answers(label, shares, said, classes=classes)


def _pairs(model: Any, count: int) -> Any:
    """Return the weights of support vectors (pairs, vectors): those of both classes of a pair."""
    ends = np.cumsum(model._n_support)
    of = [slice(end - size, end) for end, size in zip(ends, model._n_support, strict=True)]
    dual = dense(model._dual_coef_)
    first, second = np.triu_indices(count, 1)
    weights = np.zeros((len(first), dual.shape[1]))
    for k, (i, j) in enumerate(zip(first, second, strict=True)):
        weights[k, of[i]], weights[k, of[j]] = dual[j - 1, of[i]], dual[i, of[j]]
    return weights


def _sides(count: int) -> tuple[Any, Any]:
    """Return which class stands first and second in each pair (pairs, classes)."""
    first, second = np.triu_indices(count, 1)
    return np.eye(count)[first], np.eye(count)[second]


def _votes(a: Algebra, duels: str, count: int) -> str:
    """Write how many pairs each class wins: the first of a pair where its value is above 0."""
    first, second = _sides(count)
    won = a.number(a.g.op("Greater", duels, a.of(0.0)))
    return a.affine(won, first - second, second.sum(axis=0), name="votes")


def _scores(a: Algebra, duels: str, votes: str, count: int) -> str:
    """Write votes and, below a third of one, how clear they were; an even duel is the first's."""
    first, second = _sides(count)
    clear = a.dot(duels, first - second)
    small = a.div(clear, a.mul(a.add(a.op("Abs", clear), 1.0), 3.0))
    even = a.number(a.g.op("Equal", duels, a.of(0.0)))
    return a.add(a.add(votes, a.dot(even, first - second)), small, name="scores")


def _shares(a: Algebra, model: Any, duels: str, count: int) -> str:
    """Write probabilities of pairs by Platt's sigmoid, and couple them."""
    inner = a.add(a.mul(duels, dense(model._probA)), dense(model._probB))
    return coupled(a, a.sigmoid(a.op("Neg", inner)), count)


RULES: dict[type, Rule] = by_unifml(
    {
        svm.SVC: _classifier,
        svm.NuSVC: _classifier,
        svm.SVR: _regressor,
        svm.NuSVR: _regressor,
        svm.OneClassSVM: _one_class,
    }
)
