"""Canonical weights to Keras's variables and back; kernels have the same layout in both."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.core.adapter import Weights
from unifml.errors import DataError
from unifml.layers import BatchNorm, Dense, Layer, LayerNorm, Network, Standardize

Arrays = dict[str, npt.NDArray[Any]]


def variables(model: Any, network: Network) -> dict[str, Any]:
    """Return the Keras variable of each canonical weight that the model holds."""
    found: dict[str, Any] = {}
    for path, layer in network.named():
        name = path.replace(".", "_")
        if isinstance(layer, Standardize) or not layer_variables(layer):
            continue
        native = model.get_layer(name)
        for ours, theirs in layer_variables(layer).items():
            found[f"{path}.{ours}"] = getattr(native, theirs)
    return found


def layer_variables(layer: Layer) -> dict[str, str]:
    """Return Keras's name of each weight of a layer."""
    if isinstance(layer, Dense):
        return {"kernel": "kernel", "bias": "bias"} if layer.bias else {"kernel": "kernel"}
    if isinstance(layer, LayerNorm):
        return {"scale": "gamma", "offset": "beta"}
    if isinstance(layer, BatchNorm):
        names = {"scale": "gamma", "offset": "beta"}
        return names | {"mean": "moving_mean", "variance": "moving_variance"}
    return {}


def read(model: Any, network: Network) -> Arrays:
    """Return copies of all canonical weights of a model that `layers.build` made."""
    found = _read_standardize(model, network)
    return found | {name: array(v) for name, v in variables(model, network).items()}


def write(model: Any, network: Network, weights: Weights) -> None:
    """Write canonical weights into a model that `layers.build` made."""
    _write_standardize(model, network, weights)
    for name, variable in variables(model, network).items():
        variable.assign(np.asarray(weights[name]))


def array(variable: Any) -> npt.NDArray[Any]:
    """Return a copy of a variable or tensor."""
    return np.array(variable.numpy())


def _read_standardize(model: Any, network: Network) -> Arrays:
    if network.standardize is None:
        return {}
    path, name = network.standardize, network.standardize.replace(".", "_")
    layer = model.get_layer(name)
    scale = np.sqrt(array(layer.adapt_variance))
    second = [inner for inner in model.layers if inner.name == f"{name}_scale"]
    if second:
        scale = scale / np.asarray(second[0].scale, dtype=scale.dtype)
    return {f"{path}.mean": array(layer.adapt_mean), f"{path}.scale": scale}


def _write_standardize(model: Any, network: Network, weights: Weights) -> None:
    if network.standardize is None:
        return
    path, name = network.standardize, network.standardize.replace(".", "_")
    layer = model.get_layer(name)
    scale = np.asarray(weights[f"{path}.scale"], dtype=np.float64)
    second = [inner for inner in model.layers if inner.name == f"{name}_scale"]
    if second:
        second[0].scale, scale = (1.0 / scale).tolist(), np.ones_like(scale)
    layer.adapt_mean.assign(np.asarray(weights[f"{path}.mean"]))
    layer.adapt_variance.assign(scale**2)
    layer.finalize_state()


def native_variables(model: Any) -> dict[str, Any]:
    """Return all variables of a user's model by place and name, such as ``0.kernel``.

    Paths of Keras would not do: they change when a model is saved and loaded.
    """
    return {f"{place}.{v.name}": v for place, v in enumerate(model.variables)}


def read_native(model: Any) -> Arrays:
    """Return copies of all variables of a user's model, by place and name."""
    return {name: array(variable) for name, variable in native_variables(model).items()}


def write_native(model: Any, weights: Weights) -> None:
    """Write what `read_native` returned into a model of the same kind."""
    found = native_variables(model)
    if set(found) != set(weights):
        raise DataError(
            f"writing {len(weights)} weights into a Keras model",
            found=f"not in both: {', '.join(sorted(set(found) ^ set(weights)))}",
            rule="the names of the weights must be those of the model",
        )
    for name, variable in found.items():
        variable.assign(np.asarray(weights[name]))
    settle(model)


def settle(model: Any) -> None:
    """Let layers that keep something computed from their weights compute it again."""
    for layer in model._flatten_layers():
        if hasattr(layer, "finalize_state") and layer.built:
            layer.finalize_state()
