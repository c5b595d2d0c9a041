"""A network written out: its primitives in the order in which they are computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace

from unifml.core.inputs import arrays_of
from unifml.core.signature import Feed, Feeds, Shape
from unifml.errors import CapabilityError, ParameterError, UnifmlError, UnknownNameError
from unifml.layers.base import Layer, WeightSpec
from unifml.layers.initial import check_initial
from unifml.layers.standardize import Standardize


@dataclass(frozen=True)
class Value:
    """What stands between two layers.

    Attributes
    ----------
    name : str
        Name of the node, or of the input, that it comes from.
    shape : tuple of int
        Shape of one row.
    mask : str or None
        Whose padding it has: the name of an input with lengths, or of an embedding of padded ids.
    """

    name: str
    shape: Shape
    mask: str | None = None


@dataclass(frozen=True)
class Node:
    """One primitive at its place in a network.

    Attributes
    ----------
    name : str
        Full name, such as ``block.dense_0``.
    layer : Layer
        The primitive.
    inputs : tuple of Value
        Where its inputs come from.
    shape : tuple of int
        Shape of one row of its output.
    """

    name: str
    layer: Layer
    inputs: tuple[Value, ...]
    shape: Shape

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """Shapes of one row of its inputs."""
        return tuple(value.shape for value in self.inputs)

    @property
    def weights(self) -> tuple[WeightSpec, ...]:
        """Its canonical weights, by their short names."""
        return self.layer.weights(*self.shapes)


@dataclass(frozen=True)
class Graph:
    """A network for inputs of given shapes: what an adapter builds, node by node.

    Attributes
    ----------
    feeds : tuple of Feed
        The inputs.
    nodes : tuple of Node
        Every primitive, after those that it takes its inputs from.
    outputs : tuple of (str, Value)
        The results by name; the first is what an estimator learns. A single one is ``outputs``.
    """

    feeds: Feeds
    nodes: tuple[Node, ...]
    outputs: tuple[tuple[str, Value], ...]

    @property
    def result(self) -> Value:
        """The first output."""
        return self.outputs[0][1]

    @property
    def standardized(self) -> dict[str, str]:
        """Name of the `Standardize` behind each input that has one."""
        return {
            node.inputs[0].name: node.name
            for node in self.nodes
            if isinstance(node.layer, Standardize)
        }

    @property
    def statistics(self) -> str:
        """What `Standardize` learns from the rows, in words; empty where there is none."""
        layers = (node.layer for node in self.nodes if isinstance(node.layer, Standardize))
        words = {"moments": "mean and deviation", "quantiles": "median and quartile distance"}
        return ", ".join(dict.fromkeys(words[layer.statistic] for layer in layers))

    def weight_specs(self) -> dict[str, WeightSpec]:
        """Return all canonical weights by ``layer.weight``."""
        return {f"{node.name}.{spec.name}": spec for node in self.nodes for spec in node.weights}

    def body(self) -> Graph:
        """Return the graph without its `Standardize`: what programs compute."""
        gone = {new: old for old, new in self.standardized.items()}

        def moved(value: Value) -> Value:
            return replace(value, name=gone.get(value.name, value.name))

        nodes = tuple(
            replace(node, inputs=tuple(map(moved, node.inputs)))
            for node in self.nodes
            if node.name not in gone
        )
        outputs = tuple((name, moved(value)) for name, value in self.outputs)
        return Graph(self.feeds, nodes, outputs)

    def chain(self) -> tuple[Node, ...]:
        """Return the nodes of a network that is one layer after the other, with one input.

        Raises
        ------
        CapabilityError
            For a network with branches, or with several inputs or outputs.
        """
        last = self.feeds[0].name
        for node in self.nodes:
            if [value.name for value in node.inputs] != [last]:
                raise CapabilityError(f"layer {node.name!r}", found="it stands beside others")
            last = node.name
        if len(self.feeds) > 1 or len(self.outputs) > 1 or self.feeds[0].ragged:
            raise CapabilityError("a network with several inputs or outputs")
        return self.nodes

    def uses(self, value: str) -> Iterator[Node]:
        """Yield the nodes that take a value."""
        return (node for node in self.nodes if any(v.name == value for v in node.inputs))


@dataclass
class Trace:
    """A graph under construction.

    Parameters
    ----------
    feeds : tuple of Feed
        The inputs.
    """

    feeds: Feeds
    nodes: dict[str, Node] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)

    def feed(self, name: str | None = None) -> Value:
        """Return an input by its name; without one the only input.

        Raises
        ------
        ParameterError
            For a name that is not among the inputs, or is missing where there are several.
        """
        found: Feed | None
        if name is None:
            found = self.feeds[0] if len(self.feeds) == 1 else None
        else:
            found = next((feed for feed in self.feeds if feed.name == name), None)
        if found is None:
            raise ParameterError(
                f"input {name!r} of a network" if name else "a layer that names no input",
                found=f"inputs: {', '.join(feed.name for feed in self.feeds)}",
                rule="with several inputs each branch begins with Input(name)",
            )
        self.read.add(found.name)
        return Value(found.name, found.shape, found.name if found.ragged else None)

    def value(self, path: str) -> Value:
        """Return what an earlier layer gave.

        Raises
        ------
        ParameterError
            For a name that no earlier layer has.
        """
        if path not in self.values:
            raise ParameterError(
                f"Skip({path!r})",
                found=f"layers before it: {', '.join(filter(None, self.values)) or 'none'}",
                rule="it names a layer that stands before it",
            )
        return self.values[path]

    def add(self, path: str, layer: Layer, *inputs: Value) -> Value:
        """Add a primitive and return its value.

        Raises
        ------
        ParameterError
            For an input that the layer cannot take; the message names the layer and the input.
        """
        shapes = tuple(value.shape for value in inputs)
        with self.at(path, layer, *inputs):
            # The mask goes first: what refuses padding has no use for its shape.
            mask = _mask(layer, path, inputs)
            shape = layer.output_shape(*shapes)
            for spec in layer.weights(*shapes):
                check_initial(spec.initial)
        if path in self.nodes or path in arrays_of(self.feeds):
            raise ParameterError(
                f"layer name {path!r}", rule="names must be unique, also among the inputs"
            )
        self.nodes[path] = Node(path, layer, inputs, shape)
        return self.keep(path, Value(path, shape, mask))

    @contextmanager
    def at(self, path: str, layer: Layer, *inputs: Value) -> Iterator[None]:
        """Let complaints from inside name the layer and its input.

        Raises
        ------
        ParameterError, UnknownNameError
        """
        try:
            _check_flags(layer)
            yield
        except (TypeError, AttributeError) as error:
            if isinstance(error, UnifmlError):
                raise
            raise ParameterError(
                f"layer {path!r}, {layer.describe()}",
                found=str(error),
                rule=f"a setting is of a wrong type; see unifml.layers.{type(layer).__name__}",
            ) from error
        except (ParameterError, UnknownNameError) as error:
            if error.asked.startswith("layer "):
                raise
            given = " and ".join(str(value.shape) for value in inputs)
            unknown = isinstance(error, UnknownNameError)
            raise type(error)(
                f"layer {path!r}, {layer.describe()}",
                found=f"it gets rows of shape {given}",
                rule=f"{error.asked}; {error.rule}" if unknown else error.rule or str(error),
                fix=error.fix,
            ) from error

    def keep(self, path: str, value: Value) -> Value:
        """Remember a value by the name of the layer that gave it."""
        self.values[path] = value
        return value

    def finish(self, outputs: Iterable[tuple[str, Value]], *, chosen: bool = False) -> Graph:
        """Return the graph.

        Parameters
        ----------
        outputs : iterable of (str, Value)
            The results by name.
        chosen : bool, default=False
            Whether somebody chose them: what they do not need is left out then.

        Raises
        ------
        ParameterError
            For a `Standardize` that does not stand right behind an input of its own, and for
            layers that no output depends on, unless the outputs were chosen.
        """
        graph = Graph(self.feeds, tuple(self.nodes.values()), tuple(outputs))
        if chosen:
            gone = set(_idle(graph))
            kept = tuple(node for node in graph.nodes if node.name not in gone)
            graph = replace(graph, nodes=kept)
        _check_ids(graph)
        unused = [feed.name for feed in self.feeds if feed.name not in self.read]
        if unused:
            raise ParameterError(f"inputs {unused} of a network", found="no layer takes them")
        if idle := _idle(graph):
            raise ParameterError(
                f"layers {idle[:5]} of a network",
                found="no output depends on them",
                fix=f"name them: Network(..., outputs=(..., {idle[-1]!r}))",
            )
        names = {feed.name for feed in self.feeds}
        for node in graph.nodes:
            if isinstance(node.layer, Standardize):
                source = node.inputs[0].name
                if source not in names or len(list(graph.uses(source))) > 1:
                    raise ParameterError(
                        f"layer {node.name!r}, {node.layer.describe()}",
                        rule="Standardize stands first, and is the only one that takes its input",
                    )
        return graph


def _idle(graph: Graph) -> list[str]:
    """Return the names of the layers that no output depends on."""
    needed = {value.name for _, value in graph.outputs}
    for node in reversed(graph.nodes):
        if node.name in needed:
            needed |= {source for v in node.inputs for source in (v.name, v.mask) if source}
    return [node.name for node in graph.nodes if node.name not in needed]


def _check_flags(layer: Layer) -> None:
    for field_ in fields(layer):
        value = getattr(layer, field_.name)
        if field_.type == "bool":
            layer.need(isinstance(value, bool), f"{field_.name} is True or False")


def _check_ids(graph: Graph) -> None:
    """Raise for embeddings of what a layer computed: those are no ids."""
    known = {feed.name for feed in graph.feeds}
    known |= {
        n.name for n in graph.nodes if n.layer.kind == "columns" and n.inputs[0].name in known
    }
    for node in graph.nodes:
        careful = node.layer.kind == "embedding" and not getattr(node.layer, "unknown", False)
        if careful and node.inputs[0].name not in known:
            raise ParameterError(
                f"layer {node.name!r}, {node.layer.describe()}",
                found=f"it stands behind {node.inputs[0].name!r}",
                rule="ids come straight from an input, or from Columns of one",
            )


def _mask(layer: Layer, path: str, inputs: tuple[Value, ...]) -> str | None:
    """Return whose padding the layer's output has."""
    if getattr(layer, "mask_id", None) is not None:
        return path
    masks = [value.mask for value in inputs if value.mask]
    policy = layer.mask_policy()
    if not masks or policy == "end":
        return None
    layer.need(
        policy != "refuse",
        "its input is sequences of unequal length, which it does not take",
        fix="put a recurrent layer, attention or a global pooling before it",
    )
    return inputs[0].mask if policy == "use" else masks[0]
