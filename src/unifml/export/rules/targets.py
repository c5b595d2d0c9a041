"""Regressors that learned a transformed target: what they say is transformed back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from unifml.export.formulas import Real, log1p
from unifml.export.normal import normal_share
from unifml.export.rules.piecewise import piecewise_linear
from unifml.export.values import Answers, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer

Inverse = Callable[["Writer", Any, Real, int], Real]
_EDGE = 1e-7  # scikit-learn's: shares closer to 0 or 1 are beyond the first or last quantile
_TINY = np.spacing(1.0)  # exponents closer than this to 0 and 2 count as these


def _transformed(w: Writer, model: Any, rows: Rows) -> Answers:
    said = w.write(model.regressor_, rows, "regressor").prediction
    assert said is not None
    values = _back(w, model.transformer_, Real.of(w.g, said), said.width)
    return w.predicted(values.name, "double", said.width)


def _back(w: Writer, model: Any, x: Real, width: int) -> Real:
    """Write the ``inverse_transform`` of a transformer."""
    for base in type(model).__mro__:
        if base in _INVERSES:
            return _INVERSES[base](w, model, x, width)
    raise w.refusal(
        model,
        "an inverse_transform that has no formula",
        rule=f"targets are transformed by {', '.join(kind.__name__ for kind in _INVERSES)}",
    )


def _steps(w: Writer, model: Any, x: Real, width: int) -> Real:
    for _, step in reversed(model.steps):
        if step is not None and step != "passthrough":
            x = _back(w, step, x, width)
    return x


def _function(w: Writer, model: Any, x: Real, width: int) -> Real:
    """Write the inverse function as the function of a transformer."""
    inverse = FunctionTransformer(model.inverse_func, kw_args=model.inv_kw_args)
    written = w.write(inverse, Rows.of(x.name, "double", width), "inverse_func").transformed
    assert written is not None
    return Real.of(w.g, written.joined(w.g, "double"))


def _standard(w: Writer, model: Any, x: Real, width: int) -> Real:
    if model.with_std:
        x = x * model.scale_
    return x + model.mean_ if model.with_mean else x


def _robust(w: Writer, model: Any, x: Real, width: int) -> Real:
    if model.with_scaling:
        x = x * model.scale_
    return x + model.center_ if model.with_centering else x


def _minmax(w: Writer, model: Any, x: Real, width: int) -> Real:
    back: Real = (x - model.min_) / model.scale_
    return back


def _maxabs(w: Writer, model: Any, x: Real, width: int) -> Real:
    back: Real = x * model.scale_
    return back


def _power(w: Writer, model: Any, x: Real, width: int) -> Real:
    if model.standardize:
        x = _standard(w, model._scaler, x, width)
    one = _box_cox if model.method == "box-cox" else _yeo_johnson
    return _each_column(x, [partial(one, power=float(power)) for power in model.lambdas_])


def _box_cox(x: Real, power: float) -> Real:
    if power == 0:
        return x.do("Exp")
    return (log1p(x * power) / power).do("Exp")


def _yeo_johnson(x: Real, power: float) -> Real:
    if abs(power) < _TINY:
        above = x.do("Exp") - 1.0
    else:
        above = (x * power + 1.0).do("Pow", 1 / power) - 1.0
    if abs(power - 2) > _TINY:
        below = 1.0 - (x * -(2 - power) + 1.0).do("Pow", 1 / (2 - power))
    else:
        below = 1.0 - (-x).do("Exp")
    return above.where(x >= 0.0, below)


def _quantiles(w: Writer, model: Any, x: Real, width: int) -> Real:
    normal = model.output_distribution == "normal"
    share = normal_share(x) if normal else x
    columns: list[Callable[[Real], Real]] = [
        partial(_quantile, model=model, quantiles=column) for column in model.quantiles_.T
    ]
    return _each_column(share, columns)


def _quantile(share: Real, model: Any, quantiles: Any) -> Real:
    """Interpolate; close to 0 and 1 there are the first and the last quantile."""
    g, edge = share.g, _EDGE if model.output_distribution == "normal" else 0.0
    values = Real(g, piecewise_linear(g, share.name, model.references_, quantiles))
    values = values.otherwise(share + edge > 1.0, quantiles[-1])
    return values.otherwise(share - edge < 0.0, quantiles[0])


def _each_column(x: Real, formulas: list[Callable[[Real], Real]]) -> Real:
    """Write a formula for each column."""
    if len(formulas) == 1:
        return formulas[0](x)
    g, names = x.g, []
    for i, formula in enumerate(formulas):
        column = g.op("Gather", x.name, g.constant("column", [i], np.int64), axis=1)
        names.append(formula(Real(g, column)).name)
    return Real(g, g.op("Concat", *names, axis=1))


_INVERSES: dict[type, Inverse] = {
    FunctionTransformer: _function,
    StandardScaler: _standard,
    RobustScaler: _robust,
    MinMaxScaler: _minmax,
    MaxAbsScaler: _maxabs,
    PowerTransformer: _power,
    QuantileTransformer: _quantiles,
    Pipeline: _steps,
}
RULES: dict[type, Rule] = {TransformedTargetRegressor: _transformed}
