"""Networks as plain functional Keras models."""

from __future__ import annotations

from typing import Any

import keras

from unifml.adapters.keras import (
    primitives_dense,
    primitives_plain,
    primitives_sequences,
    primitives_windows,
)
from unifml.adapters.keras.building import Site, flat
from unifml.adapters.keras.losses import compiled_loss, compiled_metrics
from unifml.adapters.keras.optimizers import keras_optimizer
from unifml.adapters.keras.primitives_sequences import mask_of_ids, mask_of_lengths
from unifml.adapters.keras.rng import layer_seeds, seeded
from unifml.adapters.keras.weights import write
from unifml.core.adapter import Weights
from unifml.core.plan import Plan
from unifml.core.signature import ANY
from unifml.layers import Embedding, Graph
from unifml.layers.base import Shape

BUILDERS = (
    primitives_dense.BUILDERS
    | primitives_plain.BUILDERS
    | primitives_windows.BUILDERS
    | primitives_sequences.BUILDERS
)


def build_compiled(plan: Plan, weights: Weights | None) -> Any:
    """Build the model to take away: Keras's own layers only, compiled, with the weights in it."""
    graph, dtype = plan.graph, plan.signature.dtype
    model = build(graph, weights, dtype, "network", plan.seeds.integer("dropout"))
    loss: Any = compiled_loss(plan.settings.loss, plan.task, dtype)
    metrics: Any = compiled_metrics(plan.task, plan.settings.loss)
    if len(graph.outputs) > 1:
        first = graph.outputs[0][0]
        loss, metrics = loss and {first: loss}, {first: metrics}
    model.compile(optimizer=keras_optimizer(plan.settings), loss=loss, metrics=metrics)
    model.optimizer.build(model.trainable_variables)  # a file without its memory warns on loading
    return model


def build(graph: Graph, weights: Weights | None, dtype: str, name: str, seed: int = 0) -> Any:
    """Build a functional model whose layers have our names, with "_" for ".".

    A single input of rows of one shape is a tensor; otherwise inputs are a dict of tensors by name,
    with the lengths of sequences. Several outputs are a dict by name.

    Parameters
    ----------
    graph : Graph
        What to build.
    weights : mapping or None
        Canonical weights to write into it.
    dtype : str
        Dtype of inputs, weights and outputs.
    name : str
        Name of the model.
    seed : int, default=0
        Seed of dropout and of the initialisers, so that nothing draws from global generators.
    """
    made = Assembly(graph, dtype, seed, weights or {})
    outputs = {key: made.values[value.name] for key, value in graph.outputs}
    single = len(made.inputs) == 1 and [feed.name for feed in graph.feeds] == ["X"]
    model = keras.Model(
        made.inputs["X"] if single else made.inputs,
        outputs if len(outputs) > 1 else next(iter(outputs.values())),
        name=name,
    )
    if weights is not None:
        write(model, graph, weights)
    return model


def skeleton(graph: Graph, dtype: str, policy: str | None = None) -> Any:
    """Build the model that a program computes with: a dict of inputs, an output or a list of them.

    It is never saved, and more exact in float64 than Keras's own layers are. With a `policy` of
    Keras, such as ``"mixed_bfloat16"``, values have fewer bits than weights.
    """
    made = Assembly(graph, dtype, 0, {}, exact=True, policy=policy)
    outputs = [made.values[value.name] for _, value in graph.outputs]
    return keras.Model(made.inputs, outputs if len(outputs) > 1 else outputs[0], name="skeleton")


class Assembly:
    """The tensors of a functional model, made node by node.

    Attributes
    ----------
    inputs : dict of str to KerasTensor
        Inputs of the model, and the lengths of sequences.
    values : dict of str to KerasTensor
        Every value by its full name.
    """

    def __init__(
        self,
        graph: Graph,
        dtype: str,
        seed: int,
        weights: Weights,
        *,
        exact: bool = False,
        policy: str | None = None,
    ) -> None:
        self._graph, self._dtype, self._policy = graph, dtype, policy
        self._masks: dict[str, Any] = {}
        self.inputs = self._inputs()
        self.values = {feed.name: self.inputs[feed.name] for feed in graph.feeds}
        with seeded(seed, fresh=False):  # Keras counts names of operations for the whole process
            self._add_nodes(layer_seeds(seed, len(graph.nodes)), exact, weights)

    def _add_nodes(self, seeds: Any, exact: bool, weights: Weights) -> None:
        for node, (start, _) in zip(self._graph.nodes, seeds, strict=True):
            site = Site(node, self._dtype, int(start), exact, weights, self.mask, self._policy)
            inputs = tuple(self.values[value.name] for value in node.inputs)
            self.values[node.name] = BUILDERS[node.layer.kind](site, inputs)

    def _inputs(self) -> dict[str, Any]:
        found = {}
        for feed in self._graph.feeds:
            shape = _open(feed.shape)
            found[feed.name] = keras.Input(shape, dtype=self._dtype, name=feed.name)
            if feed.ragged:
                found[feed.lengths] = keras.Input((), dtype="int64", name=feed.lengths)
        return found

    def mask(self, source: str) -> Any:
        """Return which steps (n, T) are no padding."""
        if source not in self._masks:
            self._masks[source] = self._mask(source)
        return self._masks[source]

    def _mask(self, source: str) -> Any:
        for feed in self._graph.feeds:
            if feed.name == source:
                return mask_of_lengths(feed, self.inputs[source], self.inputs[feed.lengths])
        node = next(node for node in self._graph.nodes if node.name == source)
        assert isinstance(node.layer, Embedding)
        assert node.layer.mask_id is not None
        return mask_of_ids(flat(source), self.values[node.inputs[0].name], node.layer.mask_id)


def _open(shape: Shape) -> tuple[int | None, ...]:
    return tuple(None if side == ANY else side for side in shape)
