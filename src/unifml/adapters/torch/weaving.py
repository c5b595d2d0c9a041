"""A graph of layers, woven into one plain module: ``nn.Sequential`` or a ``torch.fx`` module."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from keyword import iskeyword
from typing import Any

import torch
from torch import fx, nn

from unifml.layers import Graph, Node, Value

Wire = Any
"""A ``torch.fx.Node``: what stands for a value while a module is woven."""
Builder = Callable[["Weaver", Node, tuple[Wire, ...]], Wire]


class Weaver:
    """Builds a module node by node, and keeps track of where the features stand.

    Data are channels-last at both ends. Convolutions and the like want features second: a value is
    turned when one of them takes it, and back when another layer does, never in between.

    Parameters
    ----------
    graph : Graph
        What is built.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.fx = fx.Graph()
        self.parts: dict[str, Any] = {}
        self._last: dict[str, Wire] = {}
        self._first: dict[str, Wire] = {}
        self._masks: dict[str, Wire] = {}
        self._lengths: dict[str, Wire] = {}
        for feed in graph.feeds:
            self._last[feed.name] = self.fx.placeholder(feed.name)
            if feed.ragged:
                self._lengths[feed.name] = self.fx.placeholder(feed.lengths)

    # What builders call -------------------------------------------------------------------------

    def module(self, path: str, module: nn.Module, *wires: Wire) -> Wire:
        """Add a call of a module of this name."""
        self.parts[target(path)] = module
        return self.fx.call_module(target(path), wires)

    def tensor(self, path: str, value: torch.Tensor) -> Wire:
        """Add a parameter, or a buffer, of this name."""
        self.parts[target(path)] = value
        return self.fx.get_attr(target(path))

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Wire:
        """Add a call of a function."""
        return self.fx.call_function(function, args, kwargs)

    def method(self, name: str, *args: Any, **kwargs: Any) -> Wire:
        """Add a call of a method of the first argument."""
        return self.fx.call_method(name, args, kwargs)

    def mask(self, source: str) -> Wire:
        """Return which steps (n, T) are no padding."""
        if source not in self._masks:
            lengths, X = self._lengths[source], self._last[source]
            steps = self.call(torch.arange, self.method("size", X, 1))
            steps = self.method("to", steps, self.call(getattr, lengths, "device"))
            self._masks[source] = self.call(torch.lt, steps, self.method("unsqueeze", lengths, 1))
        return self._masks[source]

    def lengths(self, source: str) -> Wire:
        """Return how many steps (n,) of each row are no padding."""
        if source not in self._lengths:
            self._lengths[source] = self.method("sum", self.mask(source), 1)
        return self._lengths[source]

    # The way through the graph ------------------------------------------------------------------

    def weave(self, builders: dict[str, tuple[str, Builder]]) -> nn.Module:
        """Build all nodes and return the module."""
        for node in self.graph.nodes:
            layout, build = builders[node.layer.kind]
            self._note_mask(node)
            self._add(node, layout, build)
        ends = {name: self.last(value) for name, value in self.graph.outputs}
        self.fx.output(ends if len(ends) > 1 else next(iter(ends.values())))
        return self._sequential() or fx.GraphModule(self.parts, self.fx, "Network")

    def last(self, value: Value) -> Wire:
        """Return a value with its features last."""
        if value.name not in self._last:
            axes = (0, *range(2, len(value.shape) + 1), 1)
            self._last[value.name] = self.method("permute", self._first[value.name], *axes)
        return self._last[value.name]

    def first(self, value: Value) -> Wire:
        """Return a value with its features first, behind the batch."""
        if len(value.shape) == 1:
            return self.last(value)
        if value.name not in self._first:
            axes = (0, len(value.shape), *range(1, len(value.shape)))
            self._first[value.name] = self.method("permute", self._last[value.name], *axes)
        return self._first[value.name]

    def _add(self, node: Node, layout: str, build: Builder) -> None:
        turned = all(v.name in self._first and v.name not in self._last for v in node.inputs)
        features_first = layout == "first" or (layout == "any" and turned)
        side = self.first if features_first else self.last
        wires = tuple(side(value) for value in node.inputs)
        keeps = features_first and len(node.shape) > 1
        store = self._first if keeps else self._last
        store[node.name] = build(self, node, wires)

    def _note_mask(self, node: Node) -> None:
        mask_id = getattr(node.layer, "mask_id", None)
        if mask_id is not None:
            self._masks[node.name] = self.call(torch.ne, self.last(node.inputs[0]), mask_id)

    def _sequential(self) -> nn.Sequential | None:
        """Return a chain of modules as what it is."""
        chain = list(self.fx.nodes)
        steps = chain[1:-1]
        plain = all(
            node.op == "call_module" and node.args == (before,)
            for before, node in zip(chain, steps, strict=False)
        )
        if not plain or len(self.graph.outputs) > 1 or chain[-1].args != (chain[-2],):
            return None
        named = (
            (str(node.target).replace(".", "_"), self.parts[str(node.target)]) for node in steps
        )
        return nn.Sequential(OrderedDict(named))

    def features_first(self, node: Node) -> bool:
        """Say whether the value that a builder got has its features second."""
        names = [value.name for value in node.inputs]
        return all(name in self._first and name not in self._last for name in names)


_TAKEN = frozenset(dir(fx.GraphModule(nn.Module(), fx.Graph())))


def target(path: str) -> str:
    """Return the name in a module of a layer: what modules have themselves gets a ``_``."""
    return ".".join(
        f"{name}_" if name in _TAKEN or iskeyword(name) else name for name in path.split(".")
    )


def part(module: nn.Module, path: str) -> Any:
    """Return what a module has under the name of a layer, or of a weight; None if nothing."""
    names = (
        [target(path).replace(".", "_")]
        if isinstance(module, nn.Sequential)
        else target(path).split(".")
    )
    found: Any = module
    for name in names:
        found = getattr(found, name, None)
    return found
