"""The layers of a chain at work, forward and backward."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unifml.adapters._torch_engine.dense import waves
from unifml.adapters._torch_engine.dense.activations import FUNCTIONS
from unifml.adapters._torch_engine.dense.noise import Mask
from unifml.adapters._torch_engine.dense.part import Part, Room, Rule, Views
from unifml.layers import Node


class Sums:
    """Writes sums over the rows of a batch to gradients, or adds them."""

    def __init__(self, room: Room) -> None:
        several = bool(room.lead)
        self.product: Any = torch.bmm if several else torch.mm
        self.add_to: Any = torch.Tensor.baddbmm_ if several else torch.Tensor.addmm_
        self.ones = room.x.new_ones((*room.lead, 1, room.x.shape[-2]))

    def products(self, left: Tensor, right: Tensor, to: Tensor, add: bool) -> None:
        """Put ``left @ right`` there."""
        if add:
            self.add_to(to, left, right)
        else:
            self.product(left, right, out=to)

    def over_rows(self, values: Tensor, to: Tensor, add: bool) -> None:
        """Put the sum of (*lead, n, units) over rows there, (*lead, units)."""
        self.products(self.ones, values, to.unsqueeze(-2), add)


class DensePart(Part):
    """``x @ kernel + bias``."""

    def __init__(self, node: Node, room: Room) -> None:
        several = bool(room.lead)
        self.product: Any = torch.bmm if several else torch.mm
        self.with_bias: Any = torch.baddbmm if several else torch.addmm
        self.sums = Sums(room)
        self.kernel, self.d_kernel = room.weights["kernel"], room.gradients["kernel"]
        self.kernel_turned = self.kernel.mT
        self.x, self.x_turned = room.x, room.x.mT
        self.out = room.like(self.kernel.shape[-1])
        self.dx = None if room.first else torch.empty_like(room.x)
        self.bias = None
        if "bias" in room.weights:
            self.bias = room.weights["bias"].unsqueeze(-2)
            self.d_bias = room.gradients["bias"]

    def forward(self, x: Tensor) -> Tensor:
        if x is not self.x:
            self.x, self.x_turned = x, x.mT
        if self.bias is None:
            return self.product(x, self.kernel, out=self.out)
        return self.with_bias(self.bias, x, self.kernel, out=self.out)

    def backward(self, g: Tensor, add: bool) -> Tensor:
        self.sums.products(self.x_turned, g, self.d_kernel, add)
        if self.bias is not None:
            self.sums.over_rows(g, self.d_bias, add)
        return g if self.dx is None else self.product(g, self.kernel_turned, out=self.dx)


class ActivationPart(Part):
    """A function of each value, or of each row."""

    def __init__(self, node: Node, room: Room) -> None:
        layer: Any = node.layer
        self.function = FUNCTIONS[layer.function]
        self.keeps_output = self.function.keeps_output
        # A softmax looks at the whole row, and cannot write where it reads.
        inside = room.free and self.keeps_output and layer.function != "softmax"
        self.out = room.x if inside else torch.empty_like(room.x)
        self.inside = inside

    def forward(self, x: Tensor) -> Tensor:
        self.x = x
        out = x if self.inside else self.out
        self.y = out
        self.function.forward(x, out=out)
        return out

    def backward(self, g: Tensor, add: bool) -> Tensor:
        return self.function.backward(g, self.y if self.keeps_output else self.x, g)


class DropoutPart(Part):
    """Sets a share of the values to 0."""

    def __init__(self, node: Node, room: Room) -> None:
        layer: Any = node.layer
        assert room.noise is not None
        self.mask = Mask(room.x, layer.rate, room.noise)
        self.out = torch.empty_like(room.x)

    def forward(self, x: Tensor) -> Tensor:
        return torch.mul(x, self.mask.draw(), out=self.out)

    def backward(self, g: Tensor, add: bool) -> Tensor:
        return g.mul_(self.mask.values)


class LearnedActivationPart(Part):
    """``x + a (f(x) - x)`` with a learned `a` for each feature."""

    def __init__(self, node: Node, room: Room) -> None:
        layer: Any = node.layer
        self.function = FUNCTIONS[layer.function]
        self.strength = room.weights["strength"].unsqueeze(-2)
        self.d_strength = room.gradients["strength"]
        self.bent, self.out, self.share = (torch.empty_like(room.x) for _ in range(3))
        self.sums = Sums(room)

    def forward(self, x: Tensor) -> Tensor:
        self.x = x
        self.function.forward(x, out=self.bent)
        return torch.lerp(x, self.bent, self.strength, out=self.out)

    def backward(self, g: Tensor, add: bool) -> Tensor:
        moved = torch.sub(self.bent, self.x, out=self.share).mul_(g)
        self.sums.over_rows(moved, self.d_strength, add)
        share = torch.mul(g, self.strength, out=self.share)
        g.sub_(share)
        kept = self.bent if self.function.keeps_output else self.x
        return g.add_(self.function.backward(share, kept, share))


def _dense(node: Node, w: Views, x: Tensor) -> Tensor:
    return torch.addmm(w["bias"], x, w["kernel"]) if "bias" in w else torch.mm(x, w["kernel"])


def _activation(node: Node, w: Views, x: Tensor) -> Tensor:
    layer: Any = node.layer
    return FUNCTIONS[layer.function].forward(x, out=torch.empty_like(x))


def _learned(node: Node, w: Views, x: Tensor) -> Tensor:
    return torch.lerp(x, _activation(node, w, x), w["strength"])


RULES: dict[str, Rule] = {
    "dense": Rule(DensePart, _dense),
    "activation": Rule(ActivationPart, _activation),
    "learned_activation": Rule(LearnedActivationPart, _learned),
    "dropout": Rule(DropoutPart, lambda node, w, x: x),
    "waves": waves.RULE,
}
"""By kind of layer."""


def known(node: Node) -> bool:
    """Say whether there is a rule for a layer as it is set."""
    layer: Any = node.layer
    if layer.kind == "learned_activation":
        return layer.function in FUNCTIONS
    if layer.kind == "activation":
        return layer.function in FUNCTIONS or layer.function == "identity"
    return layer.kind in RULES


def idle(node: Node, training: bool) -> bool:
    """Say whether a layer passes on what it gets."""
    layer: Any = node.layer
    if layer.kind == "dropout":
        return not training or layer.rate == 0
    return bool(layer.kind == "activation" and layer.function == "identity")
