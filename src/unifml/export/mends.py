"""What skl2onnx fails on for reasons that can be mended before or around its converters."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    VotingClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

Converter = Callable[[Any, Any, Any], None]


def options(model: Any) -> dict[Any, dict[str, Any]]:
    """Return options of converters: division as scikit-learn divides, tensors for probabilities."""
    chosen: dict[Any, dict[str, Any]] = {
        StandardScaler: {"div": "div"},
        CountVectorizer: {"locale": "C"},
        TfidfVectorizer: {"locale": "C"},
    }
    return chosen | {id(last): {"zipmap": False} for last in _ends(model) if _has_zipmap(last)}


def parsers() -> dict[type, Any]:
    """Return parsers of our own, by type."""
    return {ColumnTransformer: _parse_columns}


def converters() -> dict[type, Converter]:
    """Return converters of our own around those of skl2onnx, by type."""
    return {
        VotingClassifier: _around(VotingClassifier, before=_plain_votes),
        SimpleImputer: _around(SimpleImputer, before=_plain_missing),
        HistGradientBoostingClassifier: _around(HistGradientBoostingClassifier, coerce=True),
        HistGradientBoostingRegressor: _around(HistGradientBoostingRegressor, coerce=True),
    }


def unwrapped(model: Any) -> Any:
    """Return what really predicts: the best estimator of a search, what a frozen one holds."""
    while True:
        if isinstance(model, FrozenEstimator):
            model = model.estimator
        elif isinstance(model, BaseSearchCV) or hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        else:
            return model


def _ends(model: Any) -> list[Any]:
    """Return the model, and the last step of each pipeline that it ends in."""
    model = unwrapped(model)
    return [model, *(_ends(model.steps[-1][1]) if isinstance(model, Pipeline) else [])]


def _has_zipmap(model: Any) -> bool:
    from skl2onnx._supported_operators import sklearn_operator_name_map
    from skl2onnx.common._registration import get_converter

    alias = sklearn_operator_name_map.get(type(model))
    allowed = get_converter(alias).get_allowed_options() if alias else None
    return isinstance(allowed, dict) and "zipmap" in allowed


def _parse_columns(scope: Any, model: Any, inputs: Any, custom_parsers: Any = None) -> Any:
    """Tell columns by position, however they were told to scikit-learn: name, mask, slice."""
    from skl2onnx._parse import _parse_sklearn_column_transformer

    places = model._transformer_to_input_indices
    plain = copy.copy(model)
    plain.transformers_ = [
        (name, step, [int(i) for i in places[name]]) for name, step, _ in model.transformers_
    ]
    return _parse_sklearn_column_transformer(scope, plain, inputs, custom_parsers=custom_parsers)


def _around(
    kind: type, before: Callable[[Any, Any], Any] | None = None, coerce: bool = False
) -> Converter:
    def convert(scope: Any, operator: Any, container: Any) -> None:
        from skl2onnx._supported_operators import sklearn_operator_name_map
        from skl2onnx.common._registration import get_converter

        if before is not None:
            operator.raw_operator = before(copy.copy(operator.raw_operator), operator)
        target = _Coercing(container) if coerce else container
        get_converter(sklearn_operator_name_map[kind])(scope, operator, target)

    return convert


def _plain_votes(model: Any, operator: Any) -> Any:
    model.flatten_transform = False  # it shapes `transform` only
    if model.weights is not None:
        kept = [w for w, (_, e) in zip(model.weights, model.estimators, strict=True) if e != "drop"]
        model.weights = np.asarray(kept, dtype=float)
    return model


def _plain_missing(model: Any, operator: Any) -> Any:
    """Name the missing value as the feeding layer does: text as text, all else as NaN."""
    from skl2onnx.common.data_types import StringTensorType

    if isinstance(operator.inputs[0].type, StringTensorType):
        model.missing_values = str(model.missing_values)
    elif isinstance(model.missing_values, int | np.integer):
        model.missing_values = float(model.missing_values)
    return model


class _Coercing:
    """A container that turns bools in attributes into ints, as ONNX wants them."""

    def __init__(self, container: Any) -> None:
        self._container = container

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def add_node(self, *args: Any, **attributes: Any) -> Any:
        plain = {key: _coerced(value) for key, value in attributes.items()}
        return self._container.add_node(*args, **plain)


def _coerced(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_coerced(item) for item in value]
    if isinstance(value, bool | np.bool_):
        return int(value)
    return value.item() if isinstance(value, np.generic) else value
