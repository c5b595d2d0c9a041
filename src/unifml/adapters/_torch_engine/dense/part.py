"""What a layer in a chain is given, and what it must do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from unifml.adapters._torch_engine.dense.layout import Lead
from unifml.adapters._torch_engine.dense.noise import Noise
from unifml.layers import Node

Views = Mapping[str, Tensor]


@dataclass(frozen=True)
class Room:
    """What a part of a chain is given to work in.

    Attributes
    ----------
    weights, gradients : mapping of str to Tensor
        The weights of the layer by their short names, and where their gradients go.
    lead : tuple of int
        Empty, or the number of networks.
    x : Tensor
        What its input looks like, (*lead, n, features).
    first : bool
        Nothing before it is trained: nobody asks for the gradient of its input.
    free : bool
        It may overwrite its input.
    noise : Noise or None
        Where random bits come from; None in inference mode.
    """

    weights: Views
    gradients: Views
    lead: Lead
    x: Tensor
    first: bool
    free: bool
    noise: Noise | None

    def like(self, units: int) -> Tensor:
        """Return a buffer of (*lead, n, units)."""
        return self.x.new_empty((*self.x.shape[:-1], units))


class Part:
    """One layer at work. `out` is what its output looks like.

    Subclasses compute ``forward(x)`` and ``backward(g, add)``, which writes the gradients of the
    weights (or adds to them) and returns the gradient of the input. Each may overwrite what it is
    given in the backward pass.
    """

    out: Tensor
    keeps_output = False

    def forward(self, x: Tensor) -> Tensor:
        """Return the output for a batch."""
        raise NotImplementedError

    def backward(self, g: Tensor, add: bool) -> Tensor:
        """Return the gradient of the input from that of the output."""
        raise NotImplementedError


class Rule(NamedTuple):
    """How a kind of layer takes part in a chain.

    Attributes
    ----------
    part : callable
        From a node and its `Room` to a `Part`.
    apply : callable
        ``apply(node, weights, x)`` computes it in inference mode, anew.
    """

    part: Callable[[Node, Room], Part]
    apply: Callable[[Node, Views, Tensor], Tensor]
