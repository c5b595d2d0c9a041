"""Canonical weights <-> torch's: kernels are ``(in, out)`` here and ``(out, in)`` there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from unifml.adapters.torch.weaving import part, target
from unifml.layers import Graph, Node

Array = npt.NDArray[Any]
Turn = Callable[[Array], Array]


@dataclass(frozen=True)
class Place:
    """Where a canonical weight is in a module.

    Attributes
    ----------
    name : str
        Its canonical name.
    tensor : Tensor
        The parameter or buffer.
    there, back : callable
        From the canonical layout to torch's, and back.
    """

    name: str
    tensor: Tensor
    there: Turn
    back: Turn


def read(module: nn.Module, graph: Graph) -> dict[str, Array]:
    """Return copies of a module's weights by their canonical names."""
    return {
        place.name: np.array(place.back(place.tensor.detach().cpu().numpy()), order="C")
        for place in places(module, graph)
    }


def write(module: nn.Module, graph: Graph, weights: Mapping[str, Array]) -> None:
    """Write canonical weights into a module, in place."""
    with torch.no_grad():
        for place in places(module, graph):
            if place.name in weights:
                value = np.array(place.there(np.asarray(weights[place.name])))
                place.tensor.copy_(torch.from_numpy(value))


def read_state(module: nn.Module) -> dict[str, Array]:
    """Return copies of all tensors of a module of the user, by torch's own names."""
    return {k: v.detach().cpu().numpy().copy() for k, v in module.state_dict().items()}


def write_state(module: nn.Module, weights: Mapping[str, Array]) -> None:
    """Write tensors back by torch's own names, in place."""
    with torch.no_grad():
        own = module.state_dict()
        for name, value in weights.items():
            own[name].copy_(torch.tensor(value))


def places(module: nn.Module, graph: Graph) -> Iterator[Place]:
    """Yield where each canonical weight of a graph is in the module built from it."""
    for node in graph.nodes:
        owner = part(module, node.name)
        if owner is None:
            continue
        for short, (path, there, back) in _names(node).items():
            tensor = owner
            for step in path.split("."):
                tensor = getattr(tensor, step)
            yield Place(f"{node.name}.{short}", tensor, there, back)


def _names(node: Node) -> dict[str, tuple[str, Turn, Turn]]:
    """Return where torch keeps each weight of a layer, and how to turn it."""
    kind = node.layer.kind
    own = [spec.name for spec in node.weights]
    if kind in _RECURRENT:
        parted = node.inputs[0].mask is not None
        return {name: _recurrent(name, parted) for name in own}
    if kind == "attention":
        return {name: _attention(name) for name in own}
    if kind.startswith("depthwise"):
        known = {"kernel": ("weight", *_depthwise(node)), "bias": ("bias", *_SAME)}
        return {name: known[name] for name in own}
    known = _NAMES.get(kind[:-2] if "conv" in kind else kind, {})  # conv2d: conv
    return {name: known[name] for name in own}


def _recurrent(name: str, parted: bool) -> tuple[str, Turn, Turn]:
    """Return the place of a weight; sequences of unequal length have a cell for each direction."""
    way, _, rest = name.partition("_")
    one_way = way not in ("forward", "backward")
    short = name if one_way else rest
    owner = "" if one_way or not parted else f"{target(way)}."
    suffix = "_l0_reverse" if way == "backward" and not parted else "_l0"
    attribute = owner + _CELL_NAMES[short] + suffix
    return (attribute, *_TRANSPOSED) if short in ("kernel", "recurrent") else (attribute, *_SAME)


def _attention(name: str) -> tuple[str, Turn, Turn]:
    side, _, what = name.partition("_")
    return (f"{side}.weight", *_TRANSPOSED) if what == "kernel" else (f"{side}.bias", *_SAME)


def _same(value: Array) -> Array:
    return value


def _moved(order: Callable[[int], tuple[int, ...]]) -> Turn:
    return lambda value: value.transpose(order(value.ndim))


def _depthwise(node: Node) -> tuple[Turn, Turn]:
    """Turn (*window, in, multiplier) into (in * multiplier, 1, *window), and back."""
    wanted = node.weights[0].shape

    def there(value: Array) -> Array:
        return _CONVOLVED[0](value.reshape(*wanted[:-2], 1, -1))

    return there, lambda value: _CONVOLVED[1](value).reshape(wanted)


_SAME: tuple[Turn, Turn] = (_same, _same)
_TRANSPOSED: tuple[Turn, Turn] = (np.transpose, np.transpose)
_CONVOLVED: tuple[Turn, Turn] = (
    _moved(lambda n: (n - 1, n - 2, *range(n - 2))),  # (*window, in, out) -> (out, in, *window)
    _moved(lambda n: (*range(2, n), 1, 0)),
)
_SPREAD: tuple[Turn, Turn] = (
    _moved(lambda n: (n - 2, n - 1, *range(n - 2))),  # (*window, in, out) -> (in, out, *window)
    _moved(lambda n: (*range(2, n), 0, 1)),
)
_RECURRENT = ("lstm", "gru", "simple_rnn")
_CELL_NAMES = {
    "kernel": "weight_ih",
    "recurrent": "weight_hh",
    "bias": "bias_ih",
    "recurrent_bias": "bias_hh",
}
_NORM = {"scale": ("weight", *_SAME), "offset": ("bias", *_SAME)}
_NAMES: dict[str, dict[str, tuple[str, Turn, Turn]]] = {
    "dense": {"kernel": ("weight", *_TRANSPOSED), "bias": ("bias", *_SAME)},
    "feature_dense": {"kernel": ("kernel", *_SAME), "bias": ("bias", *_SAME)},
    "conv": {"kernel": ("weight", *_CONVOLVED), "bias": ("bias", *_SAME)},
    "conv_transpose": {"kernel": ("weight", *_SPREAD), "bias": ("bias", *_SAME)},
    "batch_norm": {
        **_NORM,
        "mean": ("running_mean", *_SAME),
        "variance": ("running_var", *_SAME),
    },
    "layer_norm": _NORM,
    "group_norm": _NORM,
    "rms_norm": {"scale": ("weight", *_SAME)},
    "learned_activation": {"strength": ("strength", *_SAME)},
    "standardize": {"mean": ("mean", *_SAME), "scale": ("scale", *_SAME)},
    "embedding": {"table": ("weight", *_SAME)},
    "learned_positions": {"table": ("table", *_SAME)},
    "periodic": {"frequency": ("frequency", *_SAME)},
    "piecewise": {"slope": ("slope", *_SAME), "shift": ("shift", *_SAME)},
}
