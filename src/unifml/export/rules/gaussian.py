"""Gaussian processes: their kernels, node by node, in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import linalg, special
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process import kernels as ks
from sklearn.gaussian_process._gpc import (
    COEFS,
    LAMBDAS,
    _BinaryGaussianProcessClassifierLaplace,
)

from unifml.export.algebra import Algebra
from unifml.export.own import by_unifml, dense, doubles, halved
from unifml.export.pairwise import exact_squared, kernel
from unifml.export.values import Answers, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer

Pairs = Callable[["Writer", Any, Any, str, Any], str]


def _pairs(w: Writer, model: Any, k: Any, x: str, kept: Any) -> str:
    """Write a kernel between rows and rows that the model keeps (n, kept)."""
    for base in type(k).__mro__:
        if base in _KERNELS:
            return _KERNELS[base](w, model, k, x, kept)
    raise w.refusal(model, f"kernel {type(k).__name__}", rule="it must be one of scikit-learn's")


def _two(kind: str) -> Pairs:
    def pairs(w: Writer, model: Any, k: Any, x: str, kept: Any) -> str:
        both = (_pairs(w, model, part, x, kept) for part in (k.k1, k.k2))
        return w.g.op(kind, *both)

    return pairs


def _power(w: Writer, model: Any, k: Any, x: str, kept: Any) -> str:
    return Algebra(w.g).op("Pow", _pairs(w, model, k.kernel, x, kept), float(k.exponent))


def _constant(w: Writer, model: Any, k: Any, x: str, kept: Any) -> str:
    return Algebra(w.g).filled(x, np.full(len(kept), k.constant_value))


def _white(w: Writer, model: Any, k: Any, x: str, kept: Any) -> str:
    """Write 0: noise is of a row by itself."""
    return Algebra(w.g).filled(x, np.zeros(len(kept)))


def _far(a: Algebra, x: str, kept: Any, scale: Any) -> str:
    """Write squared distances in units of a length; weights may be huge, so without shortcuts."""
    return exact_squared(a, a.div(x, np.atleast_1d(scale)), kept / np.atleast_1d(scale))


def _rbf(w: Writer, model: Any, k: Any, x: str, kept: Any) -> str:
    a = Algebra(w.g)
    return a.op("Exp", a.mul(_far(a, x, kept, k.length_scale), -0.5))


def _matern(w: Writer, model: Any, k: Any, x: str, kept: Any) -> str:
    if k.nu == np.inf:
        return _rbf(w, model, k, x, kept)
    if k.nu not in (0.5, 1.5, 2.5):
        raise w.refusal(model, f"Matern(nu={k.nu})", rule="nu is 0.5, 1.5, 2.5 or inf")
    a = Algebra(w.g)
    far = a.mul(a.op("Sqrt", _far(a, x, kept, k.length_scale)), np.sqrt(2 * k.nu))
    fall = a.op("Exp", a.op("Neg", far))
    if k.nu == 0.5:
        return fall
    grown = a.add(far, 1.0)
    if k.nu == 2.5:
        grown = a.add(grown, a.div(a.mul(far, far), 3.0))
    return a.mul(grown, fall)


def _rational(w: Writer, model: Any, k: Any, x: str, kept: Any) -> str:
    a = Algebra(w.g)
    inner = a.div(_far(a, x, kept, 1.0), 2 * k.alpha * k.length_scale**2)
    return a.op("Pow", a.add(inner, 1.0), -float(k.alpha))


def _periodic(w: Writer, model: Any, k: Any, x: str, kept: Any) -> str:
    a = Algebra(w.g)
    turns = a.mul(a.op("Sqrt", _far(a, x, kept, 1.0)), np.pi / k.periodicity)
    wave = a.div(a.op("Sin", turns), float(k.length_scale))
    return a.op("Exp", a.mul(a.mul(wave, wave), -2.0))


def _product(w: Writer, model: Any, k: Any, x: str, kept: Any) -> str:
    a = Algebra(w.g)
    return a.add(a.dot(x, kept.T), float(k.sigma_0) ** 2)


def _named(w: Writer, model: Any, k: Any, x: str, kept: Any) -> str:
    params = {"gamma": k.gamma} | (k.pairwise_kernels_kwargs or {})
    return kernel(w, model, x, kept, k.metric, params)


_KERNELS: dict[type, Pairs] = {
    ks.Sum: _two("Add"),
    ks.Product: _two("Mul"),
    ks.Exponentiation: _power,
    ks.ConstantKernel: _constant,
    ks.WhiteKernel: _white,
    ks.Matern: _matern,
    ks.RBF: _rbf,
    ks.RationalQuadratic: _rational,
    ks.ExpSineSquared: _periodic,
    ks.DotProduct: _product,
    ks.PairwiseKernel: _named,
}


def _diagonal(w: Writer, model: Any, k: Any, x: str) -> Any:
    """Return the kernel of each row with itself: a number, or a tensor (n, 1)."""
    a = Algebra(w.g)
    if isinstance(k, ks.KernelOperator):
        one, two = (_diagonal(w, model, part, x) for part in (k.k1, k.k2))
        return (a.add if isinstance(k, ks.Sum) else a.mul)(one, two)
    if isinstance(k, ks.Exponentiation):
        return a.op("Pow", _diagonal(w, model, k.kernel, x), float(k.exponent))
    if isinstance(k, ks.DotProduct):
        return a.add(a.sum(x, keep=True, kind="ReduceSumSquare"), float(k.sigma_0) ** 2)
    if isinstance(k, ks.PairwiseKernel):
        raise w.refusal(model, "PairwiseKernel", rule="it has no closed variance of a row")
    return float(k.diag(np.zeros((1, model.X_train_.shape[1])))[0])


def _regressor(w: Writer, model: Any, rows: Rows) -> Answers:
    if not hasattr(model, "X_train_"):
        raise w.refusal(model, "no training rows", rule="it must be fitted")
    a, x = doubles(w, rows)
    alpha = dense(model.alpha_).reshape(len(model.alpha_), -1)
    mean = a.dot(_pairs(w, model, model.kernel_, x, dense(model.X_train_)), alpha)
    scale, shift = (np.atleast_1d(dense(v)) for v in (model._y_train_std, model._y_train_mean))
    return w.predicted(a.add(a.mul(mean, scale), shift), "double", alpha.shape[1])


def _several(w: Writer, model: Any, rows: Rows) -> Answers:
    return w.write(model.base_estimator_, rows)


def _binary(w: Writer, model: Any, rows: Rows) -> Answers:
    """Write Laplace's approximation (Rasmussen and Williams, Algorithm 3.2)."""
    a, x = doubles(w, rows)
    pairs = _pairs(w, model, model.kernel_, x, dense(model.X_train_))
    mean = a.column(a.flat(a.dot(pairs, (dense(model.y_train_) - dense(model.pi_))[:, None])))
    root = linalg.solve(dense(model.L_), np.diag(dense(model.W_sr_)))
    lost = a.sum(a.dot(pairs, root.T), keep=True, kind="ReduceSumSquare")
    variance = a.sub(_diagonal(w, model, model.kernel_, x), lost)
    return halved(w, mean, model.classes_, a.pair(_averaged(a, mean, variance)))


def _averaged(a: Algebra, mean: str, variance: str) -> str:
    """Write the mean of a sigmoid over a Gaussian, by five error functions (n, 1)."""
    lambdas, weights = LAMBDAS.ravel(), COEFS.ravel()
    alpha = a.div(0.5, variance)
    inner = a.op("Sqrt", a.div(alpha, a.add(alpha, lambdas**2)))
    errors = erf(a, a.mul(a.mul(mean, lambdas), inner))
    return a.add(a.dot(errors, 0.5 * weights[:, None]), 0.5 * weights.sum())


_PIECES, _END, _DEGREE = 64, 6.0, 11  # beyond 6 it is 1 to the last digit


def erf(a: Algebra, x: str) -> str:
    """Write the error function in float64, which ONNX's runtime has in float32 alone.

    Polynomials on 64 pieces of [0, 6], with errors below 1e-15; it is odd.
    """
    width = _END / _PIECES
    table = np.stack([_polynomial(i * width, width) for i in range(_PIECES)])
    size = a.op("Clip", a.op("Abs", x), 0.0, _END)
    number = a.op("Clip", a.op("Floor", a.div(size, width)), 0.0, float(_PIECES - 1))
    place = a.whole(number)
    inner = a.sub(a.mul(a.sub(a.div(size, width), number), 2.0), 1.0)
    value = a.take(table[:, -1], place)
    for power in range(_DEGREE - 1, -1, -1):
        value = a.add(a.mul(value, inner), a.take(table[:, power], place))
    return a.mul(value, a.op("Sign", x))


def _polynomial(start: float, width: float) -> Any:
    """Return coefficients by powers of a place between -1 and 1."""
    found = np.polynomial.chebyshev.chebinterpolate(
        lambda t: special.erf(start + width * (t + 1) / 2), _DEGREE
    )
    powers = np.polynomial.chebyshev.cheb2poly(found)  # without the zeros at its end
    return np.pad(powers, (0, _DEGREE + 1 - len(powers)))


RULES: dict[type, Rule] = by_unifml(
    {GaussianProcessRegressor: _regressor, _BinaryGaussianProcessClassifierLaplace: _binary}
) | {GaussianProcessClassifier: _several}
