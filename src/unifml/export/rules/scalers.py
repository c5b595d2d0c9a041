"""Scalers, column by column or row by row, rounded where scikit-learn rounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.preprocessing import (
    Binarizer,
    KernelCenterer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)

from unifml.export.formulas import Real, clipped, columns, expm1, log1p
from unifml.export.own import by_unifml
from unifml.export.values import Answers, Block, Rows
from unifml.runtime.schema import Kind

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer

Step = tuple[str, Any]
"""An operator, and what it is done with."""


def _standard(w: Writer, model: Any, rows: Rows) -> Answers:
    """Subtract and divide in the kind of the rows, with statistics of that kind."""
    x = rows.joined(w.g)
    steps = (("Sub", model.mean_, model.with_mean), ("Div", model.scale_, model.with_std))
    name = x.name
    for kind, by, done in steps:
        if done:
            name = w.g.op(kind, name, w.g.constant("by", by, x.dtype), name="scaled")
    return w.transformed(name, x.kind, x.width)


def _stepwise(w: Writer, rows: Rows, steps: list[Step], clip: Any = None) -> Answers:
    """Compute each step in float64, and keep it as the kind of the rows."""
    block = rows.joined(w.g)
    x = Real.of(w.g, block)
    for kind, by in steps:
        x = x.do(kind, np.asarray(by, np.float64)).rounded(block.kind)
    if clip is not None:
        x = clipped(x, *clip)
    return columns(w, x, block.kind, block.width)


def _minmax(w: Writer, model: Any, rows: Rows) -> Answers:
    steps = [("Mul", model.scale_), ("Add", model.min_)]
    return _stepwise(w, rows, steps, model.feature_range if model.clip else None)


def _maxabs(w: Writer, model: Any, rows: Rows) -> Answers:
    return _stepwise(w, rows, [("Div", model.scale_)], (-1.0, 1.0) if model.clip else None)


def _robust(w: Writer, model: Any, rows: Rows) -> Answers:
    steps = [("Sub", model.center_)] if model.with_centering else []
    return _stepwise(w, rows, steps + ([("Div", model.scale_)] if model.with_scaling else []))


def _normalizer(w: Writer, model: Any, rows: Rows) -> Answers:
    """Divide each row by its norm; a row of zeros stays."""
    block = rows.joined(w.g)
    x, axis = Real.of(w.g, block), w.g.constant("axis", [1], np.int64)
    parts = x * x if model.norm == "l2" else x.do("Abs")
    reduction = "ReduceMax" if model.norm == "max" else "ReduceSum"
    norm = Real(w.g, w.g.op(reduction, parts.name, axis, keepdims=1, name="norm"))
    norm = norm.do("Sqrt") if model.norm == "l2" else norm
    nothing = norm < 10 * np.finfo(block.dtype).eps
    return columns(w, x / norm.otherwise(nothing, 1.0), block.kind, block.width)


def _binarizer(w: Writer, model: Any, rows: Rows) -> Answers:
    x = rows.joined(w.g)
    above = w.g.op("Greater", x.name, w.g.constant("threshold", model.threshold, x.dtype))
    return w.transformed(Block(above, "bool").cast(w.g, x.kind).name, x.kind, x.width)


def _centerer(w: Writer, model: Any, rows: Rows) -> Answers:
    block = rows.joined(w.g)
    kernel, axis = Real.of(w.g, block), w.g.constant("axis", [1], np.int64)
    total = Real(w.g, w.g.op("ReduceSum", kernel.name, axis, keepdims=1)).rounded(block.kind)
    mean = (total / float(len(model.K_fit_rows_))).rounded(block.kind)
    centred = (kernel - np.asarray(model.K_fit_rows_)).rounded(block.kind)
    centred = (centred - mean).rounded(block.kind) + np.asarray(model.K_fit_all_)
    return columns(w, centred, block.kind, block.width)


def _power(w: Writer, model: Any, rows: Rows) -> Answers:
    block = rows.joined(w.g)
    x, powers = Real.of(w.g, block), np.asarray(model.lambdas_)
    curve = _box_cox if model.method == "box-cox" else _yeo_johnson
    answers = columns(w, curve(x, powers, block.kind), block.kind, block.width)
    if not model.standardize or answers.transformed is None:
        return answers
    return _standard(w, model._scaler, answers.transformed)


def _yeo_johnson(x: Real, powers: Any, kind: Kind) -> Real:
    """Write (|x| + 1)^p - 1 over p, with p for numbers above 0 and 2 - p below, and their sign."""
    log = log1p(x.do("Abs")).rounded(kind)
    small = np.finfo(powers.dtype).eps
    above = _curve(log, np.where(np.abs(powers) < small, 0.0, powers), kind)
    under = _curve(log, np.where(np.abs(powers - 2) <= small, 0.0, 2 - powers), kind)
    return above.otherwise(x < 0.0, -under)


def _box_cox(x: Real, powers: Any, kind: Kind) -> Real:
    small = np.abs(powers) < 1e-19
    return _curve(x.do("Log").rounded(kind), np.where(small, 0.0, powers), kind)


def _curve(log: Real, powers: Any, kind: Kind) -> Real:
    """Write (exp(p * log) - 1) / p, and its limit where p is 0."""
    straight = powers == 0.0
    if straight.all():
        return log
    grown = expm1((log * powers).rounded(kind)).rounded(kind)
    curved = grown / np.where(straight, 1.0, powers)
    if not straight.any():
        return curved
    return log.where(log.g.constant("straight", straight, np.bool_), curved)


RULES: dict[type, Rule] = by_unifml(
    {
        StandardScaler: _standard,
        MinMaxScaler: _minmax,
        MaxAbsScaler: _maxabs,
        RobustScaler: _robust,
        Normalizer: _normalizer,
        Binarizer: _binarizer,
        KernelCenterer: _centerer,
        PowerTransformer: _power,
    }
)
