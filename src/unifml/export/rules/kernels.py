"""Models that compare rows with rows of their own by a kernel, and maps that stand for kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import kernel_approximation as ka
from sklearn.decomposition import KernelPCA
from sklearn.gaussian_process.kernels import Kernel
from sklearn.kernel_ridge import KernelRidge
from sklearn.semi_supervised import LabelPropagation, LabelSpreading

from unifml.export.algebra import Algebra
from unifml.export.own import by_unifml, dense, doubles
from unifml.export.pairwise import kernel
from unifml.export.rules.neighbours import nearest
from unifml.export.values import Answers, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer


def _ridge(w: Writer, model: Any, rows: Rows) -> Answers:
    if isinstance(model.kernel, Kernel):
        raise w.refusal(model, "an object as kernel", rule="kernel is a name")
    a, x = doubles(w, rows)
    params = {"gamma": model.gamma, "degree": model.degree, "coef0": model.coef0}
    pairs = kernel(w, model, x, dense(model.X_fit_), model.kernel, params)
    dual = dense(model.dual_coef_).reshape(len(model.dual_coef_), -1)
    return w.predicted(a.dot(pairs, dual), "double", dual.shape[1])


def centered_pca(w: Writer, model: Any, pairs: str) -> str:
    """Write what a fitted `KernelPCA` makes of a kernel (n, kept)."""
    a = Algebra(w.g)
    center = model._centerer
    mean = a.div(a.sum(pairs, keep=True), float(len(center.K_fit_rows_)))
    pairs = a.sub(a.sub(pairs, dense(center.K_fit_rows_) - float(center.K_fit_all_)), mean)
    values, vectors = dense(model.eigenvalues_), dense(model.eigenvectors_)
    there = values != 0
    weights = np.where(there, vectors / np.sqrt(np.where(there, values, 1.0)), 0.0)
    return a.dot(pairs, weights)


def _kernel_pca(w: Writer, model: Any, rows: Rows) -> Answers:
    _, x = doubles(w, rows)
    params = {"gamma": model.gamma_, "degree": model.degree, "coef0": model.coef0}
    pairs = kernel(w, model, x, dense(model.X_fit_), model.kernel, params)
    return w.transformed(centered_pca(w, model, pairs), "double", len(model.eigenvalues_))


def _nystroem(w: Writer, model: Any, rows: Rows) -> Answers:
    a, x = doubles(w, rows)
    named = {name: getattr(model, name) for name in ("gamma", "degree", "coef0")}
    params = {name: value for name, value in named.items() if value is not None}
    params |= model.kernel_params or {}
    pairs = kernel(w, model, x, dense(model.components_), model.kernel, params)
    weights = dense(model.normalization_).T
    return w.transformed(a.dot(pairs, weights), "double", weights.shape[1])


def _propagation(w: Writer, model: Any, rows: Rows) -> Answers:
    """Weigh the labels of training rows, spread while fitting, by how near they are."""
    a, x = doubles(w, rows)
    labels = dense(model.label_distributions_)
    if model.kernel == "knn":
        _, indices = nearest(w, model.nn_fit, x)
        shares = a.sum(a.take(labels, indices))
    else:
        pairs = kernel(w, model, x, dense(model.X_), model.kernel, {"gamma": model.gamma})
        shares = a.dot(pairs, labels)
    return w.labelled(a.normal(shares), model.classes_)


def _rbf_sampler(w: Writer, model: Any, rows: Rows) -> Answers:
    a, x = doubles(w, rows)
    return _cosines(w, model, a, x)


def _skewed_chi2(w: Writer, model: Any, rows: Rows) -> Answers:
    a, x = doubles(w, rows)
    return _cosines(w, model, a, a.op("Log", a.add(x, float(model.skewedness))))


def _cosines(w: Writer, model: Any, a: Algebra, x: str) -> Answers:
    weights = dense(model.random_weights_)
    angles = a.affine(x, weights, dense(model.random_offset_))
    width = weights.shape[1]
    return w.transformed(a.mul(a.op("Cos", angles), np.sqrt(2.0 / width)), "double", width)


def _additive_chi2(w: Writer, model: Any, rows: Rows) -> Answers:
    """Write the map of Vedaldi and Zisserman (2012) of the additive chi-squared kernel."""
    a, x = doubles(w, rows)
    step = model.sample_interval or {1: 0.8, 2: 0.5, 3: 0.4}[model.sample_steps]
    none = w.g.op("Equal", x, a.of(0.0))
    safe = a.where(none, 1.0, x)
    turns = a.mul(a.op("Log", safe), step)
    parts = [a.op("Sqrt", a.mul(x, step))]
    for j in range(1, model.sample_steps):
        size = a.op("Sqrt", a.mul(x, 2 * step / np.cosh(np.pi * j * step)))
        angle = a.mul(turns, float(j))
        parts += [a.mul(size, a.op(turn, angle)) for turn in ("Cos", "Sin")]
    return w.transformed(a.stack(*parts), "double", len(parts) * rows.width)


def _count_sketch(w: Writer, model: Any, rows: Rows) -> Answers:
    """Multiply the sketches as polynomials: their Fourier transforms, as products of matrices."""
    a, x = doubles(w, rows)
    k, width = model.n_components, rows.width
    angles = 2 * np.pi * np.outer(np.arange(k), np.arange(k)) / k
    real, imaginary = "", ""
    for hashes, signs in zip(model.indexHash_, model.bitHash_, strict=True):
        sketch = np.zeros((len(hashes), k))
        sketch[np.arange(len(hashes)), hashes] = signs
        scale, offset = np.sqrt(model.gamma), np.sqrt(model.coef0) * sketch[width:].sum(axis=0)
        parts = (np.cos(angles), -np.sin(angles))
        re, im = (a.affine(x, scale * sketch[:width] @ part, offset @ part) for part in parts)
        real, imaginary = _product(a, real, imaginary, re, im) if real else (re, im)
    back = a.sub(a.dot(real, np.cos(angles) / k), a.dot(imaginary, np.sin(angles) / k))
    return w.transformed(back, "double", k)


def _product(a: Algebra, re: str, im: str, re2: str, im2: str) -> tuple[str, str]:
    """Multiply complex numbers."""
    real = a.sub(a.mul(re, re2), a.mul(im, im2))
    return real, a.add(a.mul(re, im2), a.mul(im, re2))


RULES: dict[type, Rule] = by_unifml(
    {
        KernelRidge: _ridge,
        KernelPCA: _kernel_pca,
        ka.Nystroem: _nystroem,
        LabelPropagation: _propagation,
        LabelSpreading: _propagation,
        ka.RBFSampler: _rbf_sampler,
        ka.SkewedChi2Sampler: _skewed_chi2,
        ka.AdditiveChi2Sampler: _additive_chi2,
        ka.PolynomialCountSketch: _count_sketch,
    }
)
