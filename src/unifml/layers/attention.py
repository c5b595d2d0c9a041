"""Attention, and the block that transformers are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unifml.layers.activation import Activation
from unifml.layers.base import Layer, Masks, Shape, WeightSpec
from unifml.layers.combinators import Residual, Sequential
from unifml.layers.dense import Dense
from unifml.layers.dropout import Dropout
from unifml.layers.graph import Trace, Value
from unifml.layers.norm import LayerNorm


@dataclass(frozen=True, repr=False)
class MultiHeadAttention(Layer):
    """Each step looks at the steps of a sequence: its own, or another one's.

    ``softmax(q @ k.T / sqrt(key_dim)) @ v`` in each head, with linear maps before and after.

    Parameters
    ----------
    heads : int
        Number of heads.
    key_dim : int or None, default=None
        Length of queries, keys and values in a head; None divides the features by the heads.
    causal : bool, default=False
        Whether a step sees no later ones.
    dropout : float, default=0.0
        Share of the looks that are dropped in training.
    bias : bool, default=True
        Whether the linear maps have biases.
    memory : Layer or None, default=None
        What is looked at (cross attention): a layer on the same input, `Input` or `Skip`. None:
        the sequence itself.

    References
    ----------
    Vaswani et al., "Attention is all you need", NeurIPS 2017.

    Examples
    --------
    >>> from unifml.layers import MultiHeadAttention
    >>> MultiHeadAttention(2).output_shape((20, 8))
    (20, 8)
    """

    kind: ClassVar[str] = "attention"
    masks: ClassVar[Masks] = "use"
    heads: int
    key_dim: int | None = None
    causal: bool = False
    dropout: float = 0.0
    bias: bool = True
    memory: Layer | None = None

    def trace(self, trace: Trace, path: str, x: Value | None) -> Value:
        x = trace.feed() if x is None else x
        if self.memory is None:
            return trace.add(path, self, x)
        memory = self.memory.trace(trace, f"{path}.memory", x)
        return trace.add(path, self, x, memory)

    def width(self, shape: Shape) -> int:
        """Return the length of queries, keys and values in a head."""
        return self.key_dim or shape[-1] // self.heads

    def output_shape(self, *shapes: Shape) -> Shape:
        self.need(all(len(shape) == 2 for shape in shapes), "rows have the shape (steps, features)")
        self.need_counts(heads=self.heads, key_dim=1 if self.key_dim is None else self.key_dim)
        features = shapes[0][-1]
        divides = self.key_dim or features % self.heads == 0
        self.need(divides, f"heads divides the {features} features", fix="or set key_dim")
        self.need(0 <= self.dropout < 1, "0 <= dropout < 1")
        return shapes[0]

    def weights(self, *shapes: Shape) -> tuple[WeightSpec, ...]:
        inside, features = self.heads * self.width(shapes[0]), shapes[0][-1]
        sides = {"query": (features, inside), "key": (shapes[-1][-1], inside)}
        sides |= {"value": sides["key"], "output": (inside, features)}
        specs = []
        for part, side in sides.items():
            specs.append(WeightSpec(f"{part}_kernel", side, "glorot_uniform", "kernel"))
            if self.bias:
                specs.append(WeightSpec(f"{part}_bias", side[1:], "zeros", "bias"))
        return tuple(specs)


@dataclass(frozen=True, repr=False)
class TransformerBlock(Layer):
    """Attention and two dense layers, each behind a norm and with its input added.

    Parameters
    ----------
    heads : int
        Number of heads.
    hidden : int or None, default=None
        Units between the dense layers; None takes four times the features.
    dropout : float, default=0.0
        Share of values dropped in training, after attention and after the dense layers.
    activation : str, default="gelu"
        Activation between the dense layers.
    causal : bool, default=False
        Whether a step sees no later ones.

    References
    ----------
    Vaswani et al., "Attention is all you need", NeurIPS 2017. Xiong et al., "On layer normalization
    in the transformer architecture", ICML 2020 (the norm comes first).

    Examples
    --------
    >>> from unifml.layers import TransformerBlock
    >>> TransformerBlock(2).output_shape((20, 8))
    (20, 8)
    """

    kind: ClassVar[str] = "transformer_block"
    heads: int
    hidden: int | None = None
    dropout: float = 0.0
    activation: str = "gelu"
    causal: bool = False

    def expand(self, shape: Shape) -> Layer:
        drop = (Dropout(self.dropout, name="dropout"),) if self.dropout else ()
        attention = MultiHeadAttention(self.heads, causal=self.causal, name="attention")
        look: tuple[Layer, ...] = (LayerNorm(name="norm"), attention, *drop)
        think: tuple[Layer, ...] = (
            LayerNorm(name="norm"),
            Dense(self.hidden or 4 * shape[-1], name="hidden"),
            Activation(self.activation, name="activation"),
            Dense(shape[-1], name="output"),
            *drop,
        )
        look_block = Residual(look, projection=False, name="look")
        return Sequential(
            (look_block, Residual(think, projection=False, name="think")), name=self.name
        )
