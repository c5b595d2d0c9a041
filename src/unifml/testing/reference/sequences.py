"""The oracle's recurrent layers and attention: a row, a step and a head at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = Any  # a NumPy array of floats
Mask = npt.NDArray[np.bool_] | None
Own = Mapping[str, Array]


def sigmoid(x: Array) -> Array:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def lstm(layer: Any, w: Own, x: Array) -> list[Array]:
    h, c, states = np.zeros(layer.units), np.zeros(layer.units), []
    for x_t in x:
        i, f, g, o = np.split(x_t @ w["kernel"] + h @ w["recurrent"] + w["bias"], 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
    return states


def gru(layer: Any, w: Own, x: Array) -> list[Array]:
    h, states = np.zeros(layer.units), []
    for x_t in x:
        r, z, n = np.split(x_t @ w["kernel"] + w["bias"], 3)
        s, y, m = np.split(h @ w["recurrent"] + w["recurrent_bias"], 3)
        u = sigmoid(z + y)
        h = (1 - u) * np.tanh(n + sigmoid(r + s) * m) + u * h
        states.append(h)
    return states


def simple_rnn(layer: Any, w: Own, x: Array) -> list[Array]:
    h, states = np.zeros(layer.units), []
    for x_t in x:
        a = x_t @ w["kernel"] + h @ w["recurrent"] + w["bias"]
        h = np.tanh(a) if layer.activation == "tanh" else np.maximum(a, 0.0)
        states.append(h)
    return states


CELLS: dict[str, Callable[[Any, Own, Array], list[Array]]] = {
    "lstm": lstm,
    "gru": gru,
    "simple_rnn": simple_rnn,
}


def recurrent(layer: Any, weights: Own, x: Array, mask: Mask) -> Array:
    """Each row by itself, without its padding; behind its end there are zeros."""
    cell, rows = CELLS[layer.kind], []
    for i, row in enumerate(x):
        own = row if mask is None else row[mask[i]]
        if layer.bidirectional:
            there = cell(layer, _way(weights, "forward_"), own)
            back = cell(layer, _way(weights, "backward_"), own[::-1])
            ends = np.concatenate([there[-1], back[-1]])
            states = [np.concatenate(pair) for pair in zip(there, back[::-1], strict=True)]
        else:
            states = cell(layer, weights, own)
            ends = states[-1]
        if not layer.return_sequences:
            rows.append(ends)
            continue
        rest = [np.zeros_like(ends)] * (len(row) - len(own))
        rows.append(np.stack([*states, *rest]))
    return np.stack(rows)


def _way(weights: Own, way: str) -> Own:
    return {k.removeprefix(way): v for k, v in weights.items() if k.startswith(way)}


def attention(
    sizes: tuple[int, int],
    causal: bool,
    weights: Own,
    inputs: tuple[Array, ...],
    mask: Mask,
) -> Array:
    """``softmax(q @ k.T / sqrt(key_dim)) @ v`` in each head; the mask is that of what is seen."""
    (heads, inside), x, memory = sizes, inputs[0], inputs[-1]

    def mapped(part: str, values: Array) -> Array:
        return np.asarray(values @ weights[f"{part}_kernel"] + weights.get(f"{part}_bias", 0.0))

    q, k, v = mapped("query", x), mapped("key", memory), mapped("value", memory)
    out = np.zeros((*x.shape[:-1], heads * inside))
    for i in range(len(x)):
        for head in range(heads):
            own = slice(head * inside, (head + 1) * inside)
            for t in range(x.shape[1]):
                sees = np.ones(memory.shape[1], bool) if mask is None else mask[i].copy()
                if causal:
                    sees &= np.arange(memory.shape[1]) <= t
                score = k[i, sees, own] @ q[i, t, own] / np.sqrt(inside)
                share = np.exp(score - score.max())
                out[i, t, own] = share / share.sum() @ v[i, sees, own]
    return mapped("output", out)
