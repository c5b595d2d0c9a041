"""FunctionTransformer: ufuncs of NumPy and SciPy whose formula is known."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from math import log
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.preprocessing import FunctionTransformer

from unifml.export.formulas import Real, clipped, columns, expm1, log1p
from unifml.export.own import by_unifml
from unifml.export.values import Answers, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer

Formula = Callable[[Real], Real]
Settings = Mapping[str, Any]


def _function(w: Writer, model: Any, rows: Rows) -> Answers:
    function, settings = _unfolded(model.func, dict(model.kw_args or {}))
    name = _name(function)
    if function is None or (name in _SAME and set(settings) <= {"copy", "order"}):
        return Answers(transformed=rows)
    block = rows.joined(w.g)
    x = Real.of(w.g, block)
    if name in FORMULAS and not settings:
        return columns(w, FORMULAS[name](x), block.kind, block.width)
    if name in _WITH_SETTINGS:
        known, formula = _WITH_SETTINGS[name]
        if set(settings) <= known:
            return columns(w, formula(x, settings), block.kind, block.width)
    raise _unknown(w, model, settings)


def _unfolded(function: Any, settings: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return what a partial calls, with its keywords; one with positions stays as it is."""
    while isinstance(function, functools.partial) and not function.args:
        function, settings = function.func, dict(function.keywords) | settings
    return function, settings


def _name(function: Any) -> str:
    """Return the name of a function of NumPy, or of a ufunc; of others nothing."""
    known = isinstance(function, np.ufunc) or _of_numpy(function)
    return str(getattr(function, "__name__", "")) if known else ""


def _of_numpy(function: Any) -> bool:
    return str(getattr(function, "__module__", "")).split(".")[0] == "numpy"


def _unknown(w: Writer, model: Any, settings: Settings) -> Exception:
    names = sorted({*FORMULAS, *_WITH_SETTINGS, *_SAME})
    found = getattr(model.func, "__qualname__", getattr(model.func, "__name__", repr(model.func)))
    given = f" with {', '.join(sorted(settings))}" if settings else ""
    return w.refusal(
        model,
        f"func={found}{given}",
        rule=f"functions of NumPy and SciPy that can be written: {', '.join(names)}",
        fix="use one of these, or several FunctionTransformers one after another",
    )


def _log_to(base: float) -> Formula:
    return lambda x: x.do("Log") / log(base)


def _power_of(base: float) -> Formula:
    return lambda x: Real(x.g, x.g.constant("base", base, np.float64)).do("Pow", x)


def _signed(formula: Formula) -> Formula:
    """Return the formula of an odd function from that for numbers above 0."""

    def both(x: Real) -> Real:
        value = formula(x.do("Abs"))
        return value.otherwise(x < 0.0, -value)

    return both


def _sinh(x: Real) -> Real:
    grown = expm1(x)
    exact = (grown + grown / (grown + 1.0)) * 0.5
    return exact.where(x < 20.0, x.do("Exp") * 0.5)


def _arcsinh(x: Real) -> Real:
    square = x * x
    return log1p(x + square / ((square + 1.0).do("Sqrt") + 1.0))


def _arctanh(x: Real) -> Real:
    return 0.5 * log1p(2.0 * x / (1.0 - x))


def _truncated(x: Real) -> Real:
    return _signed(lambda above: above.do("Floor"))(x)


def _clip(x: Real, settings: Settings) -> Real:
    low = settings.get("a_min", settings.get("min"))
    return clipped(x, low, settings.get("a_max", settings.get("max")))


def _round(x: Real, settings: Settings) -> Real:
    decimals = int(settings.get("decimals", 0))
    if not decimals:
        return x.do("Round")
    scale = 10.0 ** abs(decimals)
    return (x * scale).do("Round") / scale if decimals > 0 else (x / scale).do("Round") * scale


def _nan_to_num(x: Real, settings: Settings) -> Real:
    most = np.finfo(np.float64).max
    high, low = settings.get("posinf"), settings.get("neginf")
    x = x.otherwise(x.equals(np.inf), most if high is None else high)
    x = x.otherwise(x.equals(-np.inf), -most if low is None else low)
    return x.otherwise(x.missing(), settings.get("nan", 0.0))


_NODES = {
    "absolute": "Abs",
    "fabs": "Abs",
    "ceil": "Ceil",
    "cos": "Cos",
    "exp": "Exp",
    "floor": "Floor",
    "log": "Log",
    "negative": "Neg",
    "reciprocal": "Reciprocal",
    "rint": "Round",
    "sin": "Sin",
    "sqrt": "Sqrt",
    "tanh": "Tanh",
}


def _node(kind: str) -> Formula:
    return lambda x: x.do(kind)


FORMULAS: dict[str, Formula] = {name: _node(kind) for name, kind in _NODES.items()} | {
    "arcsinh": _signed(_arcsinh),
    "arctanh": _signed(_arctanh),
    "cbrt": _signed(lambda x: x.do("Pow", 1 / 3)),
    "cosh": lambda x: (x.do("Exp") + (-x).do("Exp")) * 0.5,
    "deg2rad": lambda x: x * (np.pi / 180),
    "degrees": lambda x: x * (180 / np.pi),
    "exp2": _power_of(2.0),
    "expit": lambda x: 1.0 / ((-x).do("Exp") + 1.0),
    "expm1": expm1,
    "log10": _log_to(10.0),
    "log1p": log1p,
    "log2": _log_to(2.0),
    "logit": lambda x: x.do("Log") - log1p(-x),
    "rad2deg": lambda x: x * (180 / np.pi),
    "radians": lambda x: x * (np.pi / 180),
    "sign": lambda x: x.do("Sign").otherwise(x.missing(), np.nan),
    "sinh": _signed(_sinh),
    "square": lambda x: x * x,
    "tan": lambda x: x.do("Sin") / x.do("Cos"),
    "trunc": _truncated,
}
"""By the names that ufuncs of NumPy and SciPy have."""
_SAME = ("array", "asarray", "ascontiguousarray", "copy", "positive")
_ROUND = (frozenset({"decimals"}), _round)
_WITH_SETTINGS: dict[str, tuple[frozenset[str], Callable[[Real, Settings], Real]]] = {
    "around": _ROUND,
    "clip": (frozenset({"a_min", "a_max", "min", "max"}), _clip),
    "fix": (frozenset(), lambda x, _: _truncated(x)),
    "nan_to_num": (frozenset({"nan", "posinf", "neginf", "copy"}), _nan_to_num),
    "round": _ROUND,
}
RULES: dict[type, Rule] = by_unifml({FunctionTransformer: _function})
