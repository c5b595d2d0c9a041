"""A network's graph and canonical weights -> ONNX nodes: the same, whichever backend trained it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from unifml.core.adapter import Weights
from unifml.core.signature import ANY, LENGTHS, Feed
from unifml.errors import CapabilityError
from unifml.export.emit.rules import RULES
from unifml.export.emit.step import INT64, Held, Mask, Rule, Step, steps_of
from unifml.export.graph import Graph as Builder
from unifml.layers import Graph, Layer, Node


def emit(
    builder: Builder,
    inputs: Mapping[str, str],
    network: Graph,
    weights: Weights,
    double: Collection[str] = (),
) -> str:
    """Write a network in inference mode, in float32.

    Parameters
    ----------
    builder : Builder
        Receives the nodes.
    inputs : dict of str to str
        The network's inputs by name, as they are called in the ONNX graph: float32, features last.
        Lengths of sequences, int64 of shape (n,), go with them as ``{name}_lengths``.
    network : Graph
        The network, for the shapes of its inputs.
    weights : dict of str to array
        Its canonical weights.
    double : collection of str
        Inputs that are float64 in the ONNX graph: they are standardised as such, then rounded.

    Returns
    -------
    str
        Name of the first output of the network.

    Raises
    ------
    CapabilityError
        For a kind of layer without a rule here.
    """
    return _Emission(builder, inputs, network, weights, double).run()


def network_model(network: Graph, weights: Weights, opset: int) -> Any:
    """Return a network as an ``onnx.ModelProto`` of its own, from its inputs to ``outputs``.

    Parameters
    ----------
    network : Graph
        The network.
    weights : dict of str to array
        Its canonical weights.
    opset : int
        Version of ONNX's operators.
    """
    from onnx import TensorProto, helper

    kinds = {feed.name: (TensorProto.FLOAT, [*_free(feed)]) for feed in network.feeds}
    kinds |= {feed.lengths: (TensorProto.INT64, []) for feed in network.feeds if feed.ragged}
    builder = Builder("", tuple(kinds))
    out = emit(builder, {name: name for name in kinds}, network, weights)
    builder.op("Identity", out, output="outputs")
    starts = [
        helper.make_tensor_value_info(name, kind, ["n", *row])
        for name, (kind, row) in kinds.items()
    ]
    width = [None if side == ANY else side for side in network.result.shape]
    ends = [helper.make_tensor_value_info("outputs", TensorProto.FLOAT, ["n", *width])]
    body = helper.make_graph(builder.nodes, "network", starts, ends, builder.initializers)
    opsets = [helper.make_opsetid("", opset)]
    version = helper.find_min_ir_version_for(opsets)
    return helper.make_model(body, opset_imports=opsets, ir_version=version)


def _free(feed: Feed) -> list[Any]:
    return [f"{feed.name}_steps" if side == ANY else side for side in feed.shape]


class _Emission:
    """A network on its way into an ONNX graph."""

    def __init__(
        self,
        builder: Builder,
        inputs: Mapping[str, str],
        network: Graph,
        weights: Weights,
        double: Collection[str],
    ) -> None:
        self.g, self.inputs, self.network, self.weights = builder, inputs, network, weights
        self.held = {
            feed.name: Held(inputs[feed.name], double=feed.name in double) for feed in network.feeds
        }
        self.ranks = {feed.name: len(feed.shape) for feed in network.feeds}
        self.turned: dict[str, str] = {}
        self.masks: dict[str, Mask] = {}

    def run(self) -> str:
        result = self.network.result.name
        for node in needed(self.network):
            written = rule(node.layer)(self._step(node))
            self.held[node.name] = written if isinstance(written, Held) else Held(written)
            self.ranks[node.name] = len(node.shape)
        return self._as(result, False)

    def _step(self, node: Node) -> Step:
        names = [value.name for value in node.inputs]
        own = {
            spec.name: np.asarray(self.weights[f"{node.name}.{spec.name}"]) for spec in node.weights
        }
        return Step(
            self.g,
            node,
            own,
            tuple(self.held[name] for name in names),
            as_last=lambda i: self._as(names[i], False),
            as_first=lambda i: self._as(names[i], True),
            mask=self._mask,
        )

    def _as(self, value: str, first: bool) -> str:
        """Return a value with its features first or last, turned only where it must be, once."""
        held, rank = self._rounded(value), self.ranks[value]
        if held.first == first or rank < 2:
            return held.name
        if held.name not in self.turned:
            order = [0, rank, *range(1, rank)] if first else [0, *range(2, rank + 1), 1]
            name = f"{value}.features_{'first' if first else 'last'}"
            self.turned[held.name] = self.g.op("Transpose", held.name, name=name, perm=order)
        return self.turned[held.name]

    def _rounded(self, value: str) -> Held:
        """Return a value in float32, cast once."""
        held = self.held[value]
        if held.double:
            held = self.held[value] = Held(self.g.as_float(held.name), held.first)
        return held

    def _mask(self, name: str) -> Mask:
        if name not in self.masks:
            node = next((node for node in self.network.nodes if node.name == name), None)
            self.masks[name] = self._of_lengths(name) if node is None else self._of_ids(node)
        return self.masks[name]

    def _of_lengths(self, feed: str) -> Mask:
        lengths, name = self.inputs[f"{feed}{LENGTHS}"], f"{feed}.valid"
        steps = steps_of(self.g, self.held[feed].name, ANY, name)
        column = self.g.op("Unsqueeze", lengths, self.g.constant(f"{name}.axis", [1], np.int64))
        return Mask(lengths, self.g.op("Less", steps, column, name=name))

    def _of_ids(self, node: Node) -> Mask:
        ids, padding = self._as(node.inputs[0].name, False), getattr(node.layer, "mask_id", 0)
        name = f"{node.name}.valid"
        same = self.g.op("Equal", ids, self.g.constant(f"{name}.padding", padding))
        valid = self.g.op("Not", same, name=name)
        ones = self.g.op("Cast", valid, name=f"{name}.ones", to=INT64)
        axis = self.g.constant(f"{name}.axis", [1], np.int64)
        return Mask(self.g.op("ReduceSum", ones, axis, name=f"{name}.lengths", keepdims=0), valid)


def needed(network: Graph) -> list[Node]:
    """Return the nodes that the first output is computed from."""
    wanted, found = {network.result.name}, []
    for node in reversed(network.nodes):
        if node.name in wanted:
            found.append(node)
            wanted |= {v.name for v in node.inputs} | {v.mask for v in node.inputs if v.mask}
    return found[::-1]


def rule(layer: Layer) -> Rule:
    """Return the rule of a layer.

    Raises
    ------
    CapabilityError
        If there is none.
    """
    if layer.kind not in RULES:
        raise CapabilityError(
            f"exporting layer {layer!r} to ONNX",
            rule=f"kinds that can be written: {', '.join(sorted(RULES))}",
        )
    return RULES[layer.kind]
