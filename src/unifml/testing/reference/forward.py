"""The oracle: every primitive in plain float64 NumPy, written from the formulas of the docs.

It is slow and obvious. Data are channels-last and whole batches, as at the API.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.layers import Graph, Node
from unifml.testing.reference import sequences, windows

Array = Any  # a NumPy array of floats
Arrays = Mapping[str, npt.NDArray[Any]]


def run(graph: Graph, weights: Arrays, X: Any, training: bool = False) -> dict[str, Array]:
    """Return the outputs of a network by name.

    ``training`` means the batch's own statistics in BatchNorm (dropout drops nothing).
    """
    known = values(graph, weights, X, training)
    return {name: known[value.name] for name, value in graph.outputs}


def values(graph: Graph, weights: Arrays, X: Any, training: bool = False) -> dict[str, Array]:
    """Return every value of a network by its name, inputs included."""
    feeds = X if isinstance(X, Mapping) else {graph.feeds[0].name: X}
    known = {feed.name: np.asarray(feeds[feed.name], np.float64) for feed in graph.feeds}
    for node in graph.nodes:
        own = {s.name: np.asarray(weights[f"{node.name}.{s.name}"], float) for s in node.weights}
        inputs = tuple(known[value.name] for value in node.inputs)
        masks = tuple(valid(graph, value.mask, known, feeds) for value in node.inputs)
        call = Call(node, own, inputs, masks, training)
        known[node.name] = KINDS[node.layer.kind](call)
    return known


def valid(
    graph: Graph, mask: str | None, known: Arrays, feeds: Arrays
) -> npt.NDArray[np.bool_] | None:
    """Return which steps (n, T) are no padding; None where there is none."""
    if mask is None:
        return None
    for feed in graph.feeds:
        if feed.name == mask:
            steps = np.arange(known[mask].shape[1])
            return steps[None, :] < np.asarray(feeds[feed.lengths])[:, None]
    node = next(node for node in graph.nodes if node.name == mask)
    ids = known[node.inputs[0].name].astype(np.int64)
    return np.asarray(ids != node.layer.mask_id)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Call:
    """One primitive at work: its node, weights by short name, inputs and which steps are real."""

    node: Node
    weights: dict[str, Array]
    inputs: tuple[Array, ...]
    masks: tuple[npt.NDArray[np.bool_] | None, ...]
    training: bool

    @property
    def layer(self) -> Any:
        return self.node.layer

    @property
    def x(self) -> Array:
        return self.inputs[0]

    def __getitem__(self, name: str) -> Any:
        """A weight; 0 for a bias that the layer does not have."""
        return self.weights.get(name, 0.0)


def erf(x: Array) -> Array:
    return np.array([math.erf(value) for value in x.flat]).reshape(x.shape)


def sigmoid(x: Array) -> Array:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def softplus(x: Array) -> Array:
    return np.logaddexp(0.0, x)


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def elu(x: Array) -> Array:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0.0)))


def selu(x: Array) -> Array:
    alpha, scale = 1.6732632423543772, 1.0507009873554805
    return scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0)))


FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "identity": lambda x: x,
    "relu": lambda x: np.maximum(x, 0.0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "elu": elu,
    "gelu": lambda x: x * 0.5 * (1.0 + erf(x / np.sqrt(2.0))),
    "silu": lambda x: x * sigmoid(x),
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "softmax": softmax,
    "mish": lambda x: x * np.tanh(softplus(x)),
    "softplus": softplus,
    "selu": selu,
    "relu6": lambda x: np.clip(x, 0.0, 6.0),
    "hard_sigmoid": lambda x: np.clip(x + 3.0, 0.0, 6.0) / 6.0,
    "hard_silu": lambda x: x * np.clip(x + 3.0, 0.0, 6.0) / 6.0,
    "hard_tanh": lambda x: np.clip(x, -1.0, 1.0),
    "smooth_clip": lambda x: x / np.sqrt(1.0 + (x / 3.0) ** 2),
}


def dense(c: Call) -> Array:
    return c.x @ c["kernel"] + c["bias"]


def learned_activation(c: Call) -> Array:
    return c.x + c["strength"] * (FUNCTIONS[c.layer.function](c.x) - c.x)


def feature_dense(c: Call) -> Array:
    features = [c.x[:, f] @ c["kernel"][f] for f in range(c.x.shape[1])]
    return np.stack(features, axis=1) + c["bias"]


def batch_norm(c: Call) -> Array:
    axes = tuple(range(c.x.ndim - 1))
    mean, variance = c["mean"], c["variance"]
    if c.training:
        mean, variance = c.x.mean(axes), c.x.var(axes)
    return (c.x - mean) / np.sqrt(variance + c.layer.epsilon) * c["scale"] + c["offset"]


def normalised(x: Array, axes: tuple[int, ...], epsilon: float) -> Array:
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon)


def layer_norm(c: Call) -> Array:
    return normalised(c.x, (-1,), c.layer.epsilon) * c["scale"] + c["offset"]


def group_norm(c: Call) -> Array:
    size = c.x.shape[-1] // c.layer.groups
    groups = [c.x[..., g * size : (g + 1) * size] for g in range(c.layer.groups)]
    axes = tuple(range(1, c.x.ndim))
    each = [normalised(group, axes, c.layer.epsilon) for group in groups]
    return np.concatenate(each, -1) * c["scale"] + c["offset"]


def rms_norm(c: Call) -> Array:
    square = np.mean(c.x**2, -1, keepdims=True)
    return c.x / np.sqrt(square + c.layer.epsilon) * c["scale"]


def embedding(c: Call) -> Array:
    ids = c.x.astype(np.int64)
    sizes = c.layer.size if isinstance(c.layer.size, tuple) else (c.layer.size,)
    rows, begin = np.empty_like(ids), 0
    for place, size in enumerate(sizes):
        here = (..., place) if isinstance(c.layer.size, tuple) else (...,)
        own = ids[here]
        if c.layer.unknown:
            own = np.where((own >= 0) & (own < size), own, size)
        assert np.all((own >= 0) & (own < size + c.layer.unknown)), "ids out of range"
        rows[here] = begin + own
        begin += size + c.layer.unknown
    return np.asarray(c["table"][rows])


def learned_positions(c: Call) -> Array:
    return c.x + c["table"][: c.x.shape[1]]


def sinusoidal_positions(c: Call) -> Array:
    steps, d = c.x.shape[1:]
    table = np.zeros((steps, d))
    for t in range(steps):
        for j in range(d):
            angle = t / 10000.0 ** (2 * (j // 2) / d)
            table[t, j] = np.sin(angle) if j % 2 == 0 else np.cos(angle)
    return c.x + table


def periodic(c: Call) -> Array:
    angle = 2.0 * np.pi * c["frequency"] * c.x[..., None]
    return np.concatenate([np.sin(angle), np.cos(angle)], -1)


def piecewise(c: Call) -> Array:
    z = c.x[..., None] * c["slope"] + c["shift"]
    if c.layer.bins == 1:
        return np.asarray(z)
    middle = np.clip(z[..., 1:-1], 0.0, 1.0)
    return np.concatenate([np.minimum(z[..., :1], 1.0), middle, np.maximum(z[..., -1:], 0.0)], -1)


def standardize(c: Call) -> Array:
    result = c.x.copy()
    columns = range(c.x.shape[-1]) if c.layer.columns is None else c.layer.columns
    for column in columns:
        result[..., column] = (c.x[..., column] - c["mean"][column]) / c["scale"][column]
    return result


def join(c: Call) -> Array:
    if c.layer.how == "concat":
        return np.concatenate(c.inputs, -1)
    if c.layer.how == "average":
        return np.asarray(np.mean(c.inputs, axis=0))
    result = c.inputs[0]
    for other in c.inputs[1:]:
        result = result + other if c.layer.how == "add" else result * other
    return result


def flatten(c: Call) -> Array:
    return c.x.reshape(len(c.x), -1)


def global_avg_pool(c: Call) -> Array:
    return np.stack([row.reshape(-1, c.x.shape[-1]).mean(0) for row in own_steps(c)])


def global_max_pool(c: Call) -> Array:
    return np.stack([row.reshape(-1, c.x.shape[-1]).max(0) for row in own_steps(c)])


def own_steps(c: Call) -> Iterator[Array]:
    """Yield each row of the input, without padding."""
    for i, row in enumerate(c.x):
        yield row if c.masks[0] is None else row[c.masks[0][i]]


def conv(c: Call) -> Array:
    layer = c.layer
    window = (layer.strides, layer.padding, layer.dilation)
    return windows.conv(c.x, c["kernel"], *window, layer.groups) + c["bias"]


def depthwise_conv(c: Call) -> Array:
    return windows.depthwise(c.x, c["kernel"], c.layer.strides, c.layer.padding) + c["bias"]


def conv_transpose(c: Call) -> Array:
    spread = windows.conv_transpose(c.x, c["kernel"], c.layer.strides, c.layer.padding)
    return spread + c["bias"]


def recurrent(c: Call) -> Array:
    return sequences.recurrent(c.layer, c.weights, c.x, c.masks[0])


def attention(c: Call) -> Array:
    inside = c.layer.key_dim or c.x.shape[-1] // c.layer.heads
    sizes = (c.layer.heads, inside)
    return sequences.attention(sizes, c.layer.causal, c.weights, c.inputs, c.masks[-1])


KINDS: dict[str, Callable[[Call], Array]] = {
    "dense": dense,
    "feature_dense": feature_dense,
    "activation": lambda c: FUNCTIONS[c.layer.function](c.x),
    "learned_activation": learned_activation,
    "dropout": lambda c: c.x,
    "spatial_dropout": lambda c: c.x,
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "group_norm": group_norm,
    "rms_norm": rms_norm,
    "embedding": embedding,
    "learned_positions": learned_positions,
    "sinusoidal_positions": sinusoidal_positions,
    **{f"conv{rank}d": conv for rank in (1, 2, 3)},
    **{f"depthwise_conv{rank}d": depthwise_conv for rank in (1, 2)},
    **{f"conv_transpose{rank}d": conv_transpose for rank in (1, 2, 3)},
    "upsample": lambda c: windows.upsample(c.x, c.layer.size, c.layer.interpolation),
    "max_pool": lambda c: windows.pool(c.x, c.layer.size, c.layer.steps, c.layer.padding, np.max),
    "avg_pool": lambda c: windows.pool(c.x, c.layer.size, c.layer.steps, c.layer.padding, np.mean),
    "global_avg_pool": global_avg_pool,
    "global_max_pool": global_max_pool,
    "flatten": flatten,
    "reshape": lambda c: c.x.reshape(len(c.x), *c.layer.shape),
    "permute": lambda c: c.x.transpose(0, *(axis + 1 for axis in c.layer.axes)),
    "columns": lambda c: c.x[..., list(c.layer.indices)],
    "lstm": recurrent,
    "gru": recurrent,
    "simple_rnn": recurrent,
    "attention": attention,
    "periodic": periodic,
    "piecewise": piecewise,
    "standardize": standardize,
    "join": join,
}
