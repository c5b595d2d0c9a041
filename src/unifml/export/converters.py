"""What skl2onnx is told of unifml's estimators, so that they work anywhere in a pipeline."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from sklearn.frozen import FrozenEstimator

from unifml.estimators import Classifier, Regressor
from unifml.export.graph import Graph
from unifml.export.head import label_values
from unifml.export.mends import parsers
from unifml.export.pieces import write_piece


@cache
def register() -> None:
    """Make `Classifier` and `Regressor` known to skl2onnx, once in a process."""
    from skl2onnx import update_registered_converter

    update_registered_converter(
        Classifier,
        "UnifmlClassifier",
        _classifier_types,
        _convert,
        parser=_parse_classifier,
        options={"zipmap": [True, False, "columns"], "nocl": [True, False]},
    )
    update_registered_converter(
        Regressor, "UnifmlRegressor", _regressor_types, _convert, parser=_parse_regressor
    )
    update_registered_converter(
        FrozenEstimator,
        "UnifmlFrozenEstimator",
        _frozen_types,
        _convert_frozen,
        options={"zipmap": [True, False, "columns"], "nocl": [True, False]},
    )


def _parse_classifier(scope: Any, model: Any, inputs: Any, custom_parsers: Any = None) -> Any:
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType

    return _declare(
        scope,
        model,
        inputs,
        "UnifmlClassifier",
        {"label": Int64TensorType(), "probabilities": FloatTensorType()},
    )


def _parse_regressor(scope: Any, model: Any, inputs: Any, custom_parsers: Any = None) -> Any:
    from skl2onnx.common.data_types import FloatTensorType

    return _declare(scope, model, inputs, "UnifmlRegressor", {"variable": FloatTensorType()})


def _declare(scope: Any, model: Any, inputs: Any, alias: str, outputs: dict[str, Any]) -> Any:
    operator = scope.declare_local_operator(alias, model)
    operator.inputs = inputs
    for name, kind in outputs.items():
        operator.outputs.append(scope.declare_local_variable(name, kind))
    return operator.outputs


def _classifier_types(operator: Any) -> None:
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType

    classes = np.asarray(operator.raw_operator.classes_)
    text = label_values(classes)[1] is object
    operator.outputs[0].set_type((StringTensorType if text else Int64TensorType)([None]))
    operator.outputs[1].set_type(FloatTensorType([None, len(classes)]))


def _regressor_types(operator: Any) -> None:
    from skl2onnx.common.data_types import FloatTensorType

    width = operator.raw_operator._fitted.plan.task.n_targets
    operator.outputs[0].set_type(FloatTensorType([None, width]))


def _convert(scope: Any, operator: Any, container: Any) -> None:
    inner = operator.raw_operator._estimator()
    if inner is not None:
        _convert_inner(scope, operator, container, inner)
        return
    from skl2onnx.common.data_types import FloatTensorType

    floats = [isinstance(variable.type, FloatTensorType) for variable in operator.inputs]
    name = scope.get_unique_operator_name("unifml")
    opset = container.target_opset_any_domain("")
    piece = write_piece(operator.raw_operator, floats, f"{name}/", opset)
    container.nodes.append(
        piece.as_node(operator.input_full_names, operator.output_full_names, name)
    )


def _frozen_types(operator: Any) -> None:
    if hasattr(operator.raw_operator, "classes_"):
        _classifier_types(operator)


def _convert_frozen(scope: Any, operator: Any, container: Any) -> None:
    _convert_inner(scope, operator, container, operator.raw_operator.estimator)


def _convert_inner(scope: Any, operator: Any, container: Any, inner: Any) -> None:
    """Let skl2onnx convert the scikit-learn estimator inside, and hand its outputs through."""
    from skl2onnx._parse import _parse_sklearn

    for holder in (scope, container):
        holder.add_options(id(inner), {"zipmap": False} if len(operator.outputs) == 2 else None)
    found = list(_parse_sklearn(scope, inner, list(operator.inputs), custom_parsers=parsers()))
    for source, target in zip(found, operator.outputs, strict=False):
        container.add_node(
            "Identity",
            source.full_name,
            target.full_name,
            name=scope.get_unique_operator_name("Identity"),
        )
    codes = getattr(operator.raw_operator, "_fitted_codes", None)
    if codes is not None:
        _decode(scope, operator, container, codes.classes, found[0])


def _decode(scope: Any, operator: Any, container: Any, classes: Any, codes: Any) -> None:
    """Replace the label, which is a code here, by the user's own."""
    name = scope.get_unique_operator_name("labels")
    graph = Graph(f"{name}/", (f"{name}/codes",))
    values = graph.constant("classes", *label_values(np.asarray(classes)))
    graph.outputs = [graph.op("Gather", values, graph.inputs[0], axis=0)]
    del container.nodes[-2]  # the identity of the label
    target = operator.outputs[0].full_name
    container.nodes.append(graph.as_node([codes.full_name], [target], name))
