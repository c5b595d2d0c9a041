"""Layers that look along a sequence: positions, recurrence, attention; and padding."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from unifml.adapters.keras.building import Builder, Site, named
from unifml.core.signature import Feed
from unifml.layers.positions import sinusoids

CELLS = {"lstm": "LSTM", "gru": "GRU", "simple_rnn": "SimpleRNN"}


def mask_of_lengths(feed: Feed, X: Any, lengths: Any) -> Any:
    """Return which steps (n, T) of an input are no padding."""
    row = (slice(0, 1), slice(None), *_ZERO[: len(feed.shape) - 1])
    there = ops.less(_counted(X[row]), ops.expand_dims(ops.cast(lengths, "int32"), 1))
    return named(there, f"{feed.name}_mask")


def mask_of_ids(name: str, ids: Any, mask_id: int) -> Any:
    """Return which ids (n, T) are no padding."""
    return named(ops.not_equal(ops.cast(ids, "int32"), mask_id), f"{name}_mask")


def _counted(row: Any) -> Any:
    """Return 0, 1, 2, ... for the steps of a (1, T) tensor."""
    return ops.cumsum(ops.ones_like(row, dtype="int32"), axis=1) - 1


def _learned_positions(site: Site, x: tuple[Any, ...]) -> Any:
    return _add_positions(site, x[0], {"embeddings_initializer": site.start["table"]})


def _sinusoidal_positions(site: Site, x: tuple[Any, ...]) -> Any:
    return _add_positions(site, x[0], {"embeddings_initializer": "zeros", "trainable": False})


def _add_positions(site: Site, x: Any, options: dict[str, Any]) -> Any:
    length, features = site.layer.length(site.node.shapes[0]), site.node.shape[-1]
    table = keras.layers.Embedding(length, features, **options, **site.common)
    places = table(_counted(x[:1, :, 0]))
    return keras.layers.Add(name=f"{site.name}_added", dtype=site.dtype)([x, places])


def position_table(site: Any) -> np.ndarray:
    """Return what the table of sinusoidal positions holds."""
    return sinusoids(site.layer.length(site.shapes[0]), site.shape[-1])


def _recurrent(site: Site, x: tuple[Any, ...]) -> Any:
    layer, source = site.layer, site.node.inputs[0].mask
    options = {"activation": layer.activation} if layer.kind == "simple_rnn" else {}
    way = "forward_" if layer.bidirectional else ""
    recurrent = getattr(keras.layers, CELLS[layer.kind])(
        layer.units, return_sequences=layer.return_sequences, seed=site.seed,
        kernel_initializer=site.start[f"{way}kernel"],
        recurrent_initializer=site.start[f"{way}recurrent"],
        zero_output_for_mask=source is not None and layer.return_sequences,
        **options, **site.common,
    )  # fmt: skip
    if layer.bidirectional:
        recurrent = keras.layers.Bidirectional(recurrent, **site.common)
    return recurrent(x[0]) if source is None else recurrent(x[0], mask=site.mask(source))


def _attention(site: Site, x: tuple[Any, ...]) -> Any:
    layer, width = site.layer, site.layer.width(site.node.shapes[0])
    kind = keras.layers.MultiHeadAttention
    attention = (ExactAttention if site.exact and site.dtype == "float64" else kind)(
        layer.heads, width, dropout=layer.dropout, use_bias=layer.bias, seed=site.seed,
        kernel_initializer=site.start["query_kernel"], **site.common,
    )  # fmt: skip
    source = site.node.inputs[-1].mask
    mask = None if source is None else ops.expand_dims(site.mask(source), 1)
    return attention(x[0], x[-1], attention_mask=mask, use_causal_mask=layer.causal)


class ExactAttention(keras.layers.MultiHeadAttention):
    """Attention in float64: Keras's own rounds scores (JAX) or their scale (TensorFlow)."""

    def _compute_attention(
        self,
        query: Any,
        key: Any,
        value: Any,
        attention_mask: Any = None,
        training: Any = None,
        return_attention_scores: bool = False,
        **causal: bool,
    ) -> Any:
        scale, self._inverse_sqrt_key_dim = self._key_dim**-0.5, 1.0
        # Asked for the scores, Keras computes them step by step.
        return super()._compute_attention(
            query * scale, key, value, attention_mask, training, True, **causal
        )


_ZERO = (0, 0, 0)

BUILDERS: dict[str, Builder] = {
    "learned_positions": _learned_positions,
    "sinusoidal_positions": _sinusoidal_positions,
    "lstm": _recurrent,
    "gru": _recurrent,
    "simple_rnn": _recurrent,
    "attention": _attention,
}
