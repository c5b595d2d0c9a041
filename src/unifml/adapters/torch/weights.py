"""Canonical weights <-> torch's: kernels are ``(in, out)`` here and ``(out, in)`` there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from unifml.layers import Network

Array = npt.NDArray[Any]


def read(module: nn.Module, network: Network) -> dict[str, Array]:
    """Return copies of a module's weights by their canonical names."""
    return {
        name: np.array(_there[1](tensor.detach().cpu().numpy()))
        for name, tensor, _there in places(module, network)
    }


def write(module: nn.Module, network: Network, weights: Mapping[str, Array]) -> None:
    """Write canonical weights into a module, in place."""
    with torch.no_grad():
        for name, tensor, (to_torch, _) in places(module, network):
            if name in weights:
                tensor.copy_(torch.from_numpy(np.array(to_torch(np.asarray(weights[name])))))


def read_state(module: nn.Module) -> dict[str, Array]:
    """Return copies of all tensors of a module of the user, by torch's own names."""
    return {k: v.detach().cpu().numpy().copy() for k, v in module.state_dict().items()}


def write_state(module: nn.Module, weights: Mapping[str, Array]) -> None:
    """Write tensors back by torch's own names, in place."""
    with torch.no_grad():
        own = module.state_dict()
        for name, value in weights.items():
            own[name].copy_(torch.tensor(value))


def places(
    module: nn.Module, network: Network
) -> Iterator[tuple[str, Tensor, tuple[Callable[[Array], Array], Callable[[Array], Array]]]]:
    """Yield canonical name, tensor, and how to turn an array into torch's layout and back."""
    for name, layer in network.named():
        child = getattr(module, name.replace(".", "_"), None)
        if child is None:
            continue
        for canonical, (attribute, *change) in _NAMES.get(layer.kind, {}).items():
            tensor = getattr(child, attribute)
            if tensor is not None:
                yield f"{name}.{canonical}", tensor, (change[0], change[1])


def _same(value: Array) -> Array:
    return value


_NAMES: dict[str, dict[str, tuple[Any, ...]]] = {
    "dense": {"kernel": ("weight", np.transpose, np.transpose), "bias": ("bias", _same, _same)},
    "batch_norm": {
        "scale": ("weight", _same, _same),
        "offset": ("bias", _same, _same),
        "mean": ("running_mean", _same, _same),
        "variance": ("running_var", _same, _same),
    },
    "layer_norm": {"scale": ("weight", _same, _same), "offset": ("bias", _same, _same)},
    "standardize": {
        "mean": ("running_mean", _same, _same),
        "scale": ("running_var", np.square, np.sqrt),
    },
}
