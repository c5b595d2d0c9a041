"""Columns beside features of their sines and cosines: branches that a chain takes as one layer."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from unifml.adapters._torch_engine.dense.part import Part, Room, Rule, Views
from unifml.layers import Graph, Layer, Node, Value, WeightSpec
from unifml.layers.base import Shape

_STEPS = ("periodic", "feature_dense", "activation", "flatten")
_TURN = 2 * math.pi
_back = torch.ops.aten.threshold_backward.grad_input


@dataclass(frozen=True, repr=False)
class Waves(Layer):
    """``[relu(FeatureDense([sin 2 pi c x, cos 2 pi c x])), x]``: five nodes of a graph as one.

    Parameters
    ----------
    specs : tuple of WeightSpec
        Frequency, kernel and bias, by what their names in the network have behind its own.
    """

    kind: ClassVar[str] = "waves"
    specs: tuple[WeightSpec, ...]

    def weights(self, *shapes: Shape) -> tuple[WeightSpec, ...]:
        return self.specs


def folded(graph: Graph) -> Graph:
    """Return a graph with every such group of branches as one node, named like their combinator."""
    nodes = {node.name: node for node in graph.nodes}
    for join in graph.nodes:
        steps = _branch(graph, nodes, join)
        if steps:
            name = steps[0].name.rpartition(".")[0]
            specs = tuple(
                replace(spec, name=f"{step.name.removeprefix(name + '.')}.{spec.name}")
                for step in steps
                for spec in step.weights
            )
            one = Node(name, Waves(specs), steps[0].inputs, join.shape)
            gone = {step.name for step in steps}
            nodes = dict(_renamed(nodes, gone, join.name, one))
    outputs = tuple((n, v) for n, v in graph.outputs)
    return Graph(graph.feeds, tuple(nodes.values()), outputs)


def _renamed(
    nodes: dict[str, Node], gone: set[str], join: str, one: Node
) -> Iterator[tuple[str, Node]]:
    """Yield the nodes with one in the place of a join, and without those that it stands for."""
    for name, node in nodes.items():
        if name == join:
            yield one.name, one
        elif name not in gone:
            inputs = tuple(replace(v, name=one.name) if v.name == join else v for v in node.inputs)
            yield name, replace(node, inputs=inputs)


def _branch(graph: Graph, nodes: dict[str, Node], join: Node) -> tuple[Node, ...]:
    """Return the four nodes of the branch beside the columns; none where it is something else."""
    layer: Any = join.layer
    if layer.kind != "join" or layer.how != "concat" or len(join.inputs) != 2:
        return ()
    steps: list[Node] = []
    value = join.inputs[0]
    for kind in reversed(_STEPS):
        node = nodes.get(value.name)
        if node is None or node.layer.kind != kind or len(list(graph.uses(node.name))) > 1:
            return ()
        steps.insert(0, node)
        value = node.inputs[0]
    return tuple(steps) if _fits(graph, steps, value, join) else ()


def _fits(graph: Graph, steps: list[Node], source: Value, join: Node) -> bool:
    dense: Any = steps[1].layer
    bend: Any = steps[2].layer
    prefix = steps[0].name.rpartition(".")[0]
    return (
        source == join.inputs[1]
        and dense.bias
        and bend.function == "relu"
        and prefix != ""
        and all(step.name.startswith(f"{prefix}.") for step in steps)
        and join.name not in {value.name for _, value in graph.outputs}
    )


class WavesPart(Part):
    """Forward and backward of `Waves`; in here features come before rows."""

    keeps_output = True  # where it is 0, nothing goes back

    def __init__(self, node: Node, room: Room) -> None:
        own, slopes = (_by_part(views) for views in (room.weights, room.gradients))
        lead, (n, features) = room.lead, room.x.shape[-2:]
        self.first, self.shape = room.first, (*lead, features, n)
        waves, units = own["frequency"].shape[-1], own["kernel"].shape[-1]
        self.units = features * units
        self.frequency, self.kernel = own["frequency"].unsqueeze(-2), _flat(own["kernel"], 2)
        self.bias = _flat(own["bias"], 1).unsqueeze(-2)
        self.d_frequency = _flat(slopes["frequency"], 1).unsqueeze(-2)
        self.d_kernel = _flat(slopes["kernel"], 2)
        self.d_bias = _flat(slopes["bias"], 1).unsqueeze(-2)
        self.angles = room.x.new_empty((*self.shape, waves))
        self.h = room.x.new_empty((*self.shape, 2 * waves))
        self.dh = torch.empty_like(self.h)
        self.z = room.x.new_empty((*self.shape, units))
        self.dz = torch.empty_like(self.z)
        self.out = room.like(self.units + features)
        self.ones = room.x.new_ones((self.bias.shape[0], 1, n))

    def forward(self, x: Tensor) -> Tensor:
        self.x = x.mT.unsqueeze(-1)
        torch.mul(self.x, self.frequency, out=self.angles).mul_(_TURN)
        half = self.angles.shape[-1]
        torch.sin(self.angles, out=self.h[..., :half])
        torch.cos(self.angles, out=self.h[..., half:])
        torch.baddbmm(self.bias, _flat(self.h, 2), self.kernel, out=_flat(self.z, 2))
        torch.clamp_min(self.z.transpose(-3, -2), 0.0, out=self._bent(self.out))
        self.out[..., self.units :] = x
        return self.out

    def backward(self, g: Tensor, add: bool) -> Tensor:
        dz, dh, keep = _flat(self.dz, 2), _flat(self.dh, 2), float(add)
        seen = (self._bent(values).transpose(-3, -2) for values in (g, self.out))
        _back(*seen, 0.0, grad_input=self.dz)
        self.d_kernel.baddbmm_(_flat(self.h, 2).mT, dz, beta=keep)
        self.d_bias.baddbmm_(self.ones, dz, beta=keep)
        torch.bmm(dz, self.kernel.mT, out=dh)
        half = self.angles.shape[-1]
        slope = torch.mul(self.dh[..., :half], self.h[..., half:], out=self.angles)
        slope.addcmul_(self.dh[..., half:], self.h[..., :half], value=-1.0)
        turned = _flat(self.x, 2).mT
        self.d_frequency.baddbmm_(turned, _flat(slope, 2), beta=keep, alpha=_TURN)
        if self.first:
            return g
        back = torch.mul(slope, self.frequency).sum(-1).mT
        return g[..., self.units :].add(back, alpha=_TURN)

    def _bent(self, values: Tensor) -> Tensor:
        """Return what is behind the relu: (*lead, n, features, units)."""
        return values[..., : self.units].unflatten(-1, (self.shape[-2], -1))


def _flat(values: Tensor, kept: int) -> Tensor:
    """Make one axis of all before the last ones, which are kept."""
    return values.reshape(-1, *values.shape[values.ndim - kept :])


def _by_part(views: Views) -> dict[str, Tensor]:
    return {name.rpartition(".")[2]: view for name, view in views.items()}


def _apply(node: Node, views: Views, x: Tensor) -> Tensor:
    own = _by_part(views)
    angles = x.unsqueeze(-1) * (_TURN * own["frequency"])
    h = torch.cat([angles.sin(), angles.cos()], -1)
    z = torch.einsum("nfi,fio->nfo", h, own["kernel"]) + own["bias"]
    return torch.cat([z.relu_().flatten(1), x], 1)


RULE = Rule(WavesPart, _apply)
