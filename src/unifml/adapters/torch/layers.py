"""From the vocabulary of networks to plain ``torch.nn`` modules with readable names."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import numpy.typing as npt
import torch
from torch import nn

from unifml.adapters.torch import weights as room
from unifml.layers import Activation, BatchNorm, Dense, Dropout, Layer, LayerNorm, Network
from unifml.layers.activation import LEAKY_SLOPE

Shape = tuple[int, ...]


def native(
    network: Network, shape: Shape, weights: Mapping[str, npt.NDArray[Any]], dtype: str
) -> nn.Sequential:
    """Build the plain module, standardisation included, in inference mode."""
    module = assemble(list(network.walk(shape)), dtype)
    room.write(module, network, weights)
    return module.eval()


def body(
    network: Network, shape: Shape, weights: Mapping[str, npt.NDArray[Any]], dtype: str
) -> nn.Sequential:
    """Build the module that programs train: all but the leading standardisation."""
    inner = {name for name, _ in network.body()}
    module = assemble([step for step in network.walk(shape) if step[0] in inner], dtype)
    room.write(module, network, weights)
    return module


def assemble(steps: list[tuple[str, Layer, Shape]], dtype: str) -> nn.Sequential:
    """Build an ``nn.Sequential`` of named layers; weights are to be written afterwards."""
    modules = OrderedDict(
        (name.replace(".", "_"), _BUILDERS[layer.kind](layer, shape))
        for name, layer, shape in steps
    )
    return nn.Sequential(modules).to(getattr(torch, dtype))


def _dense(layer: Dense, shape: Shape) -> nn.Module:
    # skip_init: the weights come from NumPy, and torch's generators stay untouched.
    return nn.utils.skip_init(nn.Linear, shape[-1], layer.units, bias=layer.bias)


def _activation(layer: Activation, shape: Shape) -> nn.Module:
    return _ACTIVATIONS[layer.function]()


def _dropout(layer: Dropout, shape: Shape) -> nn.Module:
    return nn.Dropout(layer.rate)


def _batch_norm(layer: BatchNorm, shape: Shape) -> nn.Module:
    return nn.BatchNorm1d(shape[-1], eps=layer.epsilon, momentum=1.0 - layer.momentum)


def _layer_norm(layer: LayerNorm, shape: Shape) -> nn.Module:
    return nn.LayerNorm(shape[-1], eps=layer.epsilon)


def _standardize(layer: Layer, shape: Shape) -> nn.Module:
    # The one layer of torch that subtracts a stored mean and divides by a stored deviation.
    return nn.BatchNorm1d(shape[-1], eps=0.0, momentum=0.0, affine=False)


_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "identity": nn.Identity,
    "relu": nn.ReLU,
    "leaky_relu": lambda: nn.LeakyReLU(LEAKY_SLOPE),
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}

_BUILDERS: dict[str, Callable[[Any, Shape], nn.Module]] = {
    "dense": _dense,
    "activation": _activation,
    "dropout": _dropout,
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "standardize": _standardize,
}
