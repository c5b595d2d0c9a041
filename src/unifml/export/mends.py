"""What skl2onnx fails on for reasons that can be mended before or around its converters."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.ensemble._stacking import _BaseStacking
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from unifml.errors import ExportError
from unifml.estimators import Classifier, Regressor
from unifml.export.graph import Graph
from unifml.runtime.feeding import is_missing, text_of

Converter = Callable[[Any, Any, Any], None]


def options(model: Any) -> dict[Any, dict[str, Any]]:
    """Return options of converters: division as scikit-learn divides, tensors for probabilities."""
    chosen: dict[Any, dict[str, Any]] = {
        StandardScaler: {"div": "div"},
        CountVectorizer: {"locale": "C"},
        TfidfVectorizer: {"locale": "C"},
    }
    ends = _ends(model) if is_classifier(model) else []
    if ends and not _has_zipmap(ends[-1]):  # an empty entry keeps a pipeline from asking for it
        return chosen | {id(ends[-1]): {}}
    return chosen | {id(end): {"zipmap": False} for end in ends}


def parsers() -> dict[type, Any]:
    """Return parsers of our own, by type."""
    return {ColumnTransformer: _parse_columns}


def converters() -> dict[type, Converter]:
    """Return converters of our own around those of skl2onnx, by type."""
    return {
        VotingClassifier: _around(VotingClassifier, before=_plain_votes),
        SimpleImputer: _impute,
        HistGradientBoostingClassifier: _around(HistGradientBoostingClassifier, coerce=True),
        HistGradientBoostingRegressor: _around(HistGradientBoostingRegressor, coerce=True),
    }


def unwrapped(model: Any) -> Any:
    """Return what really predicts: the best of a search, what a frozen or thin wrapper holds."""
    while True:
        if isinstance(model, FrozenEstimator):
            model = model.estimator
        elif _hands_through(model):
            model = model._estimator()
        elif isinstance(model, BaseSearchCV) or hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        else:
            return model


def has_late_trees(model: Any) -> bool:
    """Say whether trees stand behind other steps of a pipeline.

    Their thresholds often lie on values of the data, where one rounding step takes the other
    branch: what comes before them has to be computed in float64, as scikit-learn does.
    """
    if not isinstance(model, Pipeline) or len(model.steps) < 2:
        return False
    last = unwrapped(model.steps[-1][1])
    inner = getattr(last, "_estimator", lambda: None)()
    parts = [last, inner, *last.get_params(deep=True).values()]
    return any(_grows_trees(part) for part in parts)


def narrowed(model: Any) -> Any:
    """Return a pipeline that goes from float64 to float32 right before its last step."""
    from skl2onnx.sklapi import CastTransformer

    plain = copy.copy(model)
    plain.steps = [
        *model.steps[:-1],
        ("narrow", CastTransformer(dtype=np.float32)),
        model.steps[-1],
    ]
    return plain


def _grows_trees(part: Any) -> bool:
    module = type(part).__module__
    holds = isinstance(part, VotingClassifier | VotingRegressor | _BaseStacking)
    return module.startswith(("sklearn.tree.", "sklearn.ensemble.")) and not holds


def _hands_through(model: Any) -> bool:
    """Say whether a wrapped scikit-learn estimator answers for itself, in the user's labels."""
    if not isinstance(model, Classifier | Regressor) or not model.__sklearn_is_fitted__():
        return False
    return model._estimator() is not None and model.__dict__.get("_fitted_codes") is None


def _ends(model: Any) -> list[Any]:
    """Return the model, and the last step of each pipeline that it ends in."""
    model = unwrapped(model)
    return [model, *(_ends(model.steps[-1][1]) if isinstance(model, Pipeline) else [])]


def _has_zipmap(model: Any) -> bool:
    converter = _upstream(type(model))
    allowed = converter.get_allowed_options() if converter else None
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
    kind: type, before: Callable[[Any], Any] | None = None, coerce: bool = False
) -> Converter:
    def convert(scope: Any, operator: Any, container: Any) -> None:
        if before is not None:
            operator.raw_operator = before(copy.copy(operator.raw_operator))
        _upstream(kind)(scope, operator, _Coercing(container) if coerce else container)

    return convert


def _upstream(kind: type) -> Any:
    """Return skl2onnx's own converter of a type, or None."""
    from skl2onnx._supported_operators import sklearn_operator_name_map
    from skl2onnx.common._registration import get_converter

    alias = sklearn_operator_name_map.get(kind)
    return get_converter(alias) if alias else None


def _plain_votes(model: Any) -> Any:
    model.flatten_transform = False  # it shapes `transform` only
    if model.weights is not None:
        kept = [w for w, (_, e) in zip(model.weights, model.estimators, strict=True) if e != "drop"]
        model.weights = np.asarray(kept, dtype=float)
    return model


def _impute(scope: Any, operator: Any, container: Any) -> None:
    """Fill in missing values: text by skl2onnx, numbers by ``Where``, which float64 has too."""
    from skl2onnx.common.data_types import StringTensorType, guess_numpy_type

    model = copy.copy(operator.raw_operator)
    if model.add_indicator or any(is_missing(value) for value in model.statistics_):
        raise ExportError(
            f"exporting {model!r} to ONNX",
            found="it adds or drops columns",
            fix="use add_indicator=False, and drop columns without values before",
        )
    if isinstance(operator.inputs[0].type, StringTensorType):
        # The missing value is named as the feeding layer names it.
        model.missing_values = text_of(model.missing_values)
        operator.raw_operator = model
        _upstream(SimpleImputer)(scope, operator, container)
        return
    dtype = guess_numpy_type(operator.inputs[0].type)
    name = scope.get_unique_operator_name("imputer")
    graph = Graph(f"{name}/", tuple(f"{name}/X{i}" for i in range(len(operator.inputs))))
    x = graph.inputs[0] if len(graph.inputs) == 1 else graph.op("Concat", *graph.inputs, axis=1)
    fill = graph.constant("statistics", np.asarray(model.statistics_, dtype=float), dtype)
    if is_missing(model.missing_values):
        missing = graph.op("IsNaN", x)
    else:
        missing = graph.op("Equal", x, graph.constant("missing", model.missing_values, dtype))
    graph.outputs = [graph.op("Where", missing, fill, x)]
    container.nodes.append(
        graph.as_node(operator.input_full_names, operator.output_full_names, name)
    )


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
