"""A chain of layers over batches of one size: forward, and backward by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from unifml.adapters._torch_engine.dense.noise import Noise
from unifml.adapters._torch_engine.dense.part import Part, Room, Views
from unifml.adapters._torch_engine.dense.parts import RULES, idle
from unifml.layers import Node


def own(node: Node, views: Views) -> dict[str, Tensor]:
    """Return the weights of a layer by their short names."""
    return {spec.name: views[f"{node.name}.{spec.name}"] for spec in node.weights}


class Chain:
    """The layers over batches of ``x.shape[-2]`` rows, with all buffers that they need.

    Parameters
    ----------
    nodes : tuple of Node
        The layers in order.
    weights, gradients : mapping of str to Tensor
        By canonical names, (*lead, *shape).
    x : Tensor
        What a batch looks like, (*lead, n, features).
    noise : Noise or None
        For training; None leaves dropout out.
    """

    def __init__(
        self,
        nodes: tuple[Node, ...],
        weights: Views,
        gradients: Views,
        x: Tensor,
        noise: Noise | None,
    ) -> None:
        room = Room({}, {}, tuple(x.shape[:-2]), x, first=True, free=False, noise=noise)
        self.parts: list[Part] = []
        trained: list[Part] = []
        for node in nodes:
            if idle(node, noise is not None):
                continue
            mine = replace(room, weights=own(node, weights), gradients=own(node, gradients))
            part = RULES[node.layer.kind].part(node, mine)
            self.parts.append(part)
            if not room.first or node.weights:
                trained.append(part)
            room = replace(room, x=part.out, first=not trained, free=not part.keeps_output)
        self.back = trained[::-1]
        self.g = torch.empty_like(room.x)

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs of a batch."""
        for part in self.parts:
            x = part.forward(x)
        return x

    def backward(self, g: Tensor, add: bool) -> None:
        """Write the gradients of the weights, or add to them; `g` is overwritten."""
        for part in self.back:
            g = part.backward(g, add)


def inference(nodes: tuple[Node, ...], views: Views) -> Callable[[Tensor], Tensor]:
    """Return the function from rows (n, features) to outputs, in inference mode."""
    steps = [
        (RULES[node.layer.kind].apply, node, own(node, views))
        for node in nodes
        if not idle(node, training=False)
    ]

    def outputs(x: Tensor) -> Tensor:
        for step, node, weights in steps:
            x = step(node, weights, x)
        return x

    return outputs
