"""What a Keras model of the user says of itself: its outputs, its loss, its optimizer."""

from __future__ import annotations

import inspect
from typing import Any

import keras

from unifml.adapters.keras.optimizers import kind
from unifml.core.capabilities import NativeTraits
from unifml.core.plan import Output
from unifml.errors import CapabilityError, ParameterError

PROBABILITIES = ("softmax", "sigmoid", "hard_sigmoid")
_OURS = {
    "binary_crossentropy": "cross_entropy",
    "categorical_crossentropy": "cross_entropy",
    "sparse_categorical_crossentropy": "cross_entropy",
    "crossentropy": "cross_entropy",
    "ce": "cross_entropy",
    "mean_squared_error": "mse",
    "mean_absolute_error": "mae",
    "huber": "huber",
    "log_cosh": "log_cosh",
    "hinge": "hinge",
    "squared_hinge": "squared_hinge",
}
_SHAPE_ONLY = ("Reshape", "Flatten", "Dropout", "Identity", "Squeeze", "Permute")


def traits(native: Any) -> NativeTraits:
    """Describe a model; a class or function says nothing before it is called.

    The outputs are what the compiled loss takes them for, else what the last activation makes.
    """
    if inspect.isclass(native) or not isinstance(native, keras.Model):
        return NativeTraits()
    return NativeTraits(
        output=output_kind(native),
        loss=_OURS.get(loss_name(native) or ""),
        optimizer=kind(native.optimizer) if native.compiled and native.optimizer else None,
        dtype=_dtype(native),
    )


def _dtype(model: Any) -> str | None:
    dtypes = (keras.backend.standardize_dtype(v.dtype) for v in model.weights)
    return next((dtype for dtype in dtypes if "float" in dtype), None)


def output_kind(model: Any) -> Output | None:
    """Return what the outputs are; None where neither loss nor activation tells.

    Raises
    ------
    ParameterError
        If the loss expects logits and the last layer makes probabilities.
    """
    function, loss = last_activation(model), compiled_with(model)
    by_layer = _by_activation(function)
    if loss is not None and loss_name(model) in ("hinge", "squared_hinge"):
        return "scores"
    if loss is None or "crossentropy" not in (loss_name(model) or ""):
        return by_layer
    if not from_logits(loss):
        return "probabilities" if by_layer != "log_probabilities" else by_layer
    if by_layer == "probabilities":
        raise ParameterError(
            f"a Keras model compiled with {loss_name(model)}(from_logits=True)",
            found=f"its last activation is {function!r}",
            rule="logits have no activation, or they are normalised twice",
            fix="leave the activation out, or set from_logits=False",
        )
    return "logits"


def compiled_with(model: Any) -> Any:
    """Return the loss that a model was compiled with: Keras's object or a function; or None."""
    if not model.compiled or model.loss is None:
        return None
    loss = model.loss
    if isinstance(loss, list | tuple) and len(loss) == 1:
        loss = loss[0]
    if isinstance(loss, list | tuple | dict):
        raise CapabilityError(
            "a Keras model with several losses", rule="models of one output are trained here"
        )
    if loss in ("crossentropy", "ce"):
        return loss
    return keras.losses.get(loss)


def loss_name(model: Any) -> str | None:
    """Return the name of the compiled loss as Keras's functions are called."""
    loss = compiled_with(model)
    if loss is None or isinstance(loss, str):
        return loss
    inner = getattr(loss, "fn", loss)
    name = getattr(inner, "__name__", None) or type(inner).__name__
    return str(name)


def from_logits(loss: Any) -> bool:
    """Say whether a loss of Keras expects logits; its functions do not unless told."""
    settings = getattr(loss, "_fn_kwargs", {})
    return bool(getattr(loss, "from_logits", settings.get("from_logits", False)))


def last_activation(model: Any) -> str | None:
    """Return the name of the function that makes the outputs; None if it cannot be told."""
    layer = _last_layer(model)
    if isinstance(layer, keras.Model):
        return last_activation(layer)
    if isinstance(layer, keras.layers.Softmax):
        return "softmax"
    function = getattr(layer, "activation", None)
    name = getattr(function, "__name__", None) or type(layer).__name__.lower()
    return str(name) if layer is not None else None


def _last_layer(model: Any) -> Any:
    if not getattr(model, "outputs", None):
        layers = [layer for layer in model.layers if hasattr(layer, "activation")]
        return layers[-1] if layers else None
    tensor = model.outputs[0]
    operation = tensor._keras_history.operation
    while type(operation).__name__ in _SHAPE_ONLY:
        tensor = operation._inbound_nodes[-1].input_tensors[0]
        operation = tensor._keras_history.operation
    return operation


def _by_activation(function: str | None) -> Output | None:
    if function is None:
        return None
    if function in PROBABILITIES:
        return "probabilities"
    return "log_probabilities" if function.replace("_", "") == "logsoftmax" else "logits"
