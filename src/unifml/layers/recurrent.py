"""Recurrent layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unifml.layers.base import Layer, Masks, Shape, WeightSpec


class Recurrent(Layer):
    """What recurrent layers share.

    A primitive is one layer, in one direction or both; stacked ones are made of them.
    """

    masks: ClassVar[Masks] = "use"
    gates: ClassVar[int] = 1
    bias_initial: ClassVar[str] = "zeros"
    two_biases: ClassVar[bool] = False
    units: int
    return_sequences: bool
    bidirectional: bool
    depth: int

    def expand(self, shape: Shape) -> Layer | None:
        from unifml.layers.combinators import Sequential

        self.need(isinstance(self.depth, int) and self.depth >= 1, "depth is a whole number >= 1")
        if self.depth == 1:
            return None
        one = self.with_params(depth=1, return_sequences=True)
        inner = [one.with_params(name=f"layer_{i}") for i in range(self.depth)]
        inner[-1] = inner[-1].with_params(return_sequences=self.return_sequences)
        return Sequential(tuple(inner), name=self.name)

    def output_shape(self, *shapes: Shape) -> Shape:
        self.need(len(shapes[0]) == 2, "rows have the shape (steps, features)")
        self.need_counts(units=self.units)
        width = self.units * (2 if self.bidirectional else 1)
        return (shapes[0][0], width) if self.return_sequences else (width,)

    def weights(self, *shapes: Shape) -> tuple[WeightSpec, ...]:
        ways = ("forward_", "backward_") if self.bidirectional else ("",)
        return tuple(spec for way in ways for spec in self._one_way(way, shapes[0][-1]))

    def mask_policy(self) -> Masks:
        return "use" if self.return_sequences else "end"

    def _one_way(self, way: str, features: int) -> tuple[WeightSpec, ...]:
        wide = self.gates * self.units
        specs = (
            WeightSpec(f"{way}kernel", (features, wide), "glorot_uniform", "kernel"),
            WeightSpec(f"{way}recurrent", (self.units, wide), "orthogonal", "kernel"),
            WeightSpec(f"{way}bias", (wide,), self.bias_initial, "bias"),
        )
        second = WeightSpec(f"{way}recurrent_bias", (wide,), "zeros", "bias")
        return (*specs, second) if self.two_biases else specs


@dataclass(frozen=True, repr=False)
class LSTM(Recurrent):
    """Long short-term memory.

    With ``[i, f, g, o] = x_t @ kernel + h @ recurrent + bias``: the memory is
    ``c = sigmoid(f) * c + sigmoid(i) * tanh(g)``, the state ``h = sigmoid(o) * tanh(c)``. The bias
    of ``f`` starts at 1.

    Parameters
    ----------
    units : int
        Numbers in the state.
    return_sequences : bool, default=False
        Whether the state after each step is returned, or only that after the last.
    bidirectional : bool, default=False
        Whether a second layer reads backwards; its states stand beside the first one's.
    depth : int, default=1
        How many such layers are stacked.

    References
    ----------
    Hochreiter and Schmidhuber, "Long short-term memory", Neural Computation 9, 1997. Gers et al.,
    "Learning to forget", Neural Computation 12, 2000.

    Examples
    --------
    >>> from unifml.layers import LSTM
    >>> LSTM(8, bidirectional=True).output_shape((20, 3))
    (16,)
    """

    kind: ClassVar[str] = "lstm"
    gates: ClassVar[int] = 4
    bias_initial: ClassVar[str] = "forget_ones"
    units: int
    return_sequences: bool = False
    bidirectional: bool = False
    depth: int = 1


@dataclass(frozen=True, repr=False)
class GRU(Recurrent):
    """Gated recurrent unit.

    With ``[r, z, n] = x_t @ kernel + bias`` and ``[s, y, m] = h @ recurrent + recurrent_bias``:
    ``h = (1 - u) * tanh(n + sigmoid(r + s) * m) + u * h`` where ``u = sigmoid(z + y)``.

    Parameters
    ----------
    units : int
        Numbers in the state.
    return_sequences : bool, default=False
        Whether the state after each step is returned, or only that after the last.
    bidirectional : bool, default=False
        Whether a second layer reads backwards; its states stand beside the first one's.
    depth : int, default=1
        How many such layers are stacked.

    References
    ----------
    Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014.

    Examples
    --------
    >>> from unifml.layers import GRU
    >>> GRU(8, return_sequences=True).output_shape((20, 3))
    (20, 8)
    """

    kind: ClassVar[str] = "gru"
    gates: ClassVar[int] = 3
    two_biases: ClassVar[bool] = True
    units: int
    return_sequences: bool = False
    bidirectional: bool = False
    depth: int = 1


@dataclass(frozen=True, repr=False)
class SimpleRNN(Recurrent):
    """A plain recurrent layer, ``h = f(x_t @ kernel + h @ recurrent + bias)``.

    Parameters
    ----------
    units : int
        Numbers in the state.
    return_sequences : bool, default=False
        Whether the state after each step is returned, or only that after the last.
    bidirectional : bool, default=False
        Whether a second layer reads backwards; its states stand beside the first one's.
    depth : int, default=1
        How many such layers are stacked.
    activation : {"tanh", "relu"}, default="tanh"
        The function ``f``.

    References
    ----------
    Elman, "Finding structure in time", Cognitive Science 14, 1990.

    Examples
    --------
    >>> from unifml.layers import SimpleRNN
    >>> SimpleRNN(8).output_shape((20, 3))
    (8,)
    """

    kind: ClassVar[str] = "simple_rnn"
    units: int
    return_sequences: bool = False
    bidirectional: bool = False
    depth: int = 1
    activation: str = "tanh"

    def output_shape(self, *shapes: Shape) -> Shape:
        self.need(self.activation in ("tanh", "relu"), 'activation in ("tanh", "relu")')
        return super().output_shape(*shapes)
