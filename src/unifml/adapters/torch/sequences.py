"""Layers that look along a sequence: embeddings, positions, recurrence, attention."""

from __future__ import annotations

import math
from operator import getitem
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from unifml.adapters.torch.weaving import Builder, Weaver, Wire
from unifml.core.signature import ANY
from unifml.layers import Node
from unifml.layers.positions import sinusoids

_CELLS: dict[str, Any] = {"lstm": nn.LSTM, "gru": nn.GRU, "simple_rnn": nn.RNN}


def _embedding(w: Weaver, node: Node, x: tuple[Wire, ...]) -> Wire:
    layer: Any = node.layer
    ids = w.method("long", x[0])
    if layer.unknown:
        size: Any = layer.size
        if isinstance(size, tuple):
            size = w.tensor(f"{node.name}.size", torch.tensor(size))
        inside = w.call(torch.logical_and, w.call(torch.ge, ids, 0), w.call(torch.lt, ids, size))
        ids = w.call(torch.where, inside, ids, size)
    if isinstance(layer.size, tuple):
        offsets = w.tensor(f"{node.name}.offsets", torch.tensor(layer.offsets))
        ids = w.call(torch.add, ids, offsets)
    table = nn.utils.skip_init(nn.Embedding, sum(layer.tables), layer.dim)
    return w.module(node.name, table, ids)


def _learned_positions(w: Weaver, node: Node, x: tuple[Wire, ...]) -> Wire:
    layer: Any = node.layer
    shape = (layer.length(node.shapes[0]), node.shape[-1])
    return _add_positions(w, node, x[0], nn.Parameter(torch.empty(shape)))


def _sinusoidal_positions(w: Weaver, node: Node, x: tuple[Wire, ...]) -> Wire:
    layer: Any = node.layer
    table = sinusoids(layer.length(node.shapes[0]), node.shape[-1])
    return _add_positions(w, node, x[0], torch.tensor(table))


def _add_positions(w: Weaver, node: Node, x: Wire, table: torch.Tensor) -> Wire:
    places, steps = w.tensor(f"{node.name}.table", table), node.shape[0]
    if steps != len(table):
        end: Any = w.method("size", x, 1) if steps == ANY else steps
        places = w.call(torch.narrow, places, 0, 0, end)
    return w.call(torch.add, x, places)


def _recurrent(w: Weaver, node: Node, x: tuple[Wire, ...]) -> Wire:
    layer: Any = node.layer
    if node.inputs[0].mask is not None:
        return _recurrent_padded(w, node, x[0], node.inputs[0].mask)
    both = w.module(node.name, _cell(node, layer.bidirectional), x[0])
    if layer.return_sequences:
        return w.call(getitem, both, 0)
    memory = w.call(getitem, both, 1)
    state = w.call(getitem, memory, 0) if layer.kind == "lstm" else memory
    if not layer.bidirectional:
        return w.call(getitem, state, 0)
    return w.call(torch.cat, [w.call(getitem, state, 0), w.call(getitem, state, 1)], -1)


def _recurrent_padded(w: Weaver, node: Node, x: Wire, source: str) -> Wire:
    """Read sequences of unequal length: backwards from their own ends, to their own last step.

    Indices, not packed sequences: those cannot be traced, and so neither loaded nor exported.
    """
    layer: Any = node.layer
    lengths = w.method("unsqueeze", w.lengths(source), 1)
    last = w.method("unsqueeze", w.call(torch.sub, lengths, 1), -1)
    turn = w.method("unsqueeze", _turned(w, x, lengths), -1) if layer.bidirectional else None
    ends = []
    for way in ("forward", "backward") if layer.bidirectional else ("",):
        back = way == "backward"
        steps = w.call(torch.take_along_dim, x, turn, 1) if back else x
        path = f"{node.name}.{way}" if way else node.name
        states = w.call(getitem, w.module(path, _cell(node, both=False), steps), 0)
        if not layer.return_sequences:
            end = w.call(torch.take_along_dim, states, last, 1)
            ends.append(w.method("squeeze", end, 1))
        else:
            ends.append(w.call(torch.take_along_dim, states, turn, 1) if back else states)
    return ends[0] if len(ends) == 1 else w.call(torch.cat, ends, -1)


def _turned(w: Weaver, x: Wire, lengths: Wire) -> Wire:
    """Return where each step stands when its sequence is read backwards; padding stays."""
    steps = w.call(torch.arange, w.method("size", x, 1))
    steps = w.method("to", steps, w.call(getattr, lengths, "device"))
    places = w.call(torch.sub, w.call(torch.sub, lengths, 1), steps)
    return w.call(torch.where, w.call(torch.ge, places, 0), places, steps)


def _cell(node: Node, both: bool) -> Any:
    layer: Any = node.layer
    options = {"nonlinearity": layer.activation} if layer.kind == "simple_rnn" else {}
    cell = _CELLS[layer.kind](
        node.shapes[0][-1],
        layer.units,
        batch_first=True,
        bidirectional=both,
        device="meta",  # nothing is drawn: the weights come from NumPy
        **options,
    ).to_empty(device="cpu")
    if not layer.two_biases:
        _close_second_bias(cell)
    return cell


def _close_second_bias(cell: Any) -> None:
    """Keep torch's second bias at 0: it adds nothing to the first, where gates add both."""
    for name, parameter in cell.named_parameters():
        if name.startswith("bias_hh"):
            nn.init.zeros_(parameter)
            parameter.requires_grad_(False)


def _attention(w: Weaver, node: Node, x: tuple[Wire, ...]) -> Wire:
    layer: Any = node.layer
    width, heads = layer.width(node.shapes[0]), layer.heads
    sources = {"query": x[0], "key": x[-1], "value": x[-1]}
    split = {}
    for part, wire in sources.items():
        features = node.shapes[0 if part == "query" else -1][-1]
        linear = nn.utils.skip_init(nn.Linear, features, heads * width, bias=layer.bias)
        mapped = w.module(f"{node.name}.{part}", linear, wire)
        parted = w.method("unflatten", mapped, -1, (heads, width))
        split[part] = w.method("transpose", parted, 1, 2)
    looked = _look(w, node, split["query"], split["key"], split["value"], width)
    joined = w.method("flatten", w.method("transpose", looked, 1, 2), 2)
    output = nn.utils.skip_init(nn.Linear, heads * width, node.shape[-1], bias=layer.bias)
    return w.module(f"{node.name}.output", output, joined)


def _look(w: Weaver, node: Node, query: Wire, key: Wire, value: Wire, width: int) -> Wire:
    layer: Any = node.layer
    source = node.inputs[-1].mask
    mask: Any = None
    if source is not None:
        mask = w.method("unsqueeze", w.method("unsqueeze", w.mask(source), 1), 1)
    fused = functional.scaled_dot_product_attention
    if not layer.dropout and not (layer.causal and source):
        return w.call(fused, query, key, value, attn_mask=mask, is_causal=layer.causal)
    if layer.causal:
        steps, others = (w.method("size", wire, 2) for wire in (query, key))
        earlier = w.method("tril", w.call(torch.ones, steps, others, dtype=torch.bool))
        earlier = w.method("to", earlier, w.call(getattr, query, "device"))
        mask = earlier if mask is None else w.call(torch.logical_and, mask, earlier)
    if not layer.dropout:
        return w.call(fused, query, key, value, attn_mask=mask)
    scores = w.call(torch.matmul, query, w.method("transpose", key, 2, 3))
    scores = w.call(torch.div, scores, math.sqrt(width))
    if mask is not None:
        scores = w.call(torch.where, mask, scores, -float("inf"))
    shares = w.call(torch.softmax, scores, -1)
    kept = w.module(f"{node.name}.dropout", nn.Dropout(layer.dropout), shares)
    return w.call(torch.matmul, kept, value)


BUILDERS: dict[str, tuple[str, Builder]] = {
    "embedding": ("last", _embedding),
    "learned_positions": ("last", _learned_positions),
    "sinusoidal_positions": ("last", _sinusoidal_positions),
    "lstm": ("last", _recurrent),
    "gru": ("last", _recurrent),
    "simple_rnn": ("last", _recurrent),
    "attention": ("last", _attention),
}
