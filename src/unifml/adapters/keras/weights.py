"""Canonical weights to Keras's variables and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.adapters.keras.bindings import bindings
from unifml.adapters.keras.building import flat
from unifml.core.adapter import Weights
from unifml.errors import DataError
from unifml.layers import Graph

Arrays = dict[str, npt.NDArray[Any]]


def read(model: Any, graph: Graph) -> Arrays:
    """Return copies of all canonical weights of a model that `layers.build` made."""
    found: Arrays = {}
    for binding in bindings(model, graph):
        found |= binding.to_canonical(array(binding.variable))
    found |= _read_standardize(model, graph)
    return {name: found[name] for name in graph.weight_specs() if name in found}


def write(model: Any, graph: Graph, weights: Weights) -> None:
    """Write canonical weights into a model that `layers.build` made."""
    _write_standardize(model, graph, weights)
    for binding in bindings(model, graph):
        binding.variable.assign(binding.to_keras(weights))


def array(variable: Any) -> npt.NDArray[Any]:
    """Return a copy of a variable or tensor."""
    return np.array(variable.numpy())


def _read_standardize(model: Any, graph: Graph) -> Arrays:
    found: Arrays = {}
    for path in graph.standardized.values():
        layer, second = _normalization(model, path)
        scale = np.sqrt(array(layer.adapt_variance))
        if second is not None:
            scale = scale / np.asarray(second.scale, dtype=scale.dtype)
        found |= {f"{path}.mean": array(layer.adapt_mean), f"{path}.scale": scale}
    return found


def _write_standardize(model: Any, graph: Graph, weights: Weights) -> None:
    for path in graph.standardized.values():
        layer, second = _normalization(model, path)
        scale = np.asarray(weights[f"{path}.scale"], dtype=np.float64)
        if second is not None:
            second.scale, scale = (1.0 / scale).tolist(), np.ones_like(scale)
        layer.adapt_mean.assign(np.asarray(weights[f"{path}.mean"]))
        layer.adapt_variance.assign(scale**2)
        layer.finalize_state()


def _normalization(model: Any, path: str) -> tuple[Any, Any]:
    """Return the layer that standardises, and the one that divides if it cannot, or None."""
    name = flat(path)
    second = (layer for layer in model.layers if layer.name == f"{name}_scale")
    return model.get_layer(name), next(second, None)


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


def prefixed(prefix: str, arrays: Arrays) -> Arrays:
    """Return arrays by longer names."""
    return {f"{prefix}/{name}": value for name, value in arrays.items()}


def under(prefix: str, state: Weights, suffix: str = "") -> Arrays:
    """Return the part of a state whose names begin and end so, without that."""
    return {
        name.removeprefix(prefix).removesuffix(suffix): value
        for name, value in state.items()
        if name.startswith(prefix) and name.endswith(suffix)
    }
