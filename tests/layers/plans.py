"""A network, its rows and its weights, as an adapter is given them; and the oracle's answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.core.adapter import Adapter
from unifml.core.plan import Plan
from unifml.core.seeds import Seeds
from unifml.core.signature import Feed, Feeds, Signature
from unifml.core.table import Table
from unifml.core.task import Task
from unifml.layers import (
    Dense,
    Flatten,
    GlobalAvgPool,
    Graph,
    Layer,
    Network,
    Standardize,
    WeightSpec,
    draw,
)
from unifml.models import Model
from unifml.testing.reference import run, values
from unifml.training import Training

ROWS, STEPS, WIDTH = 4, 5, 2
STEP = 2e-6  # of the finite differences, in float64
Array = npt.NDArray[Any]
Range = tuple[int, int]


@dataclass(frozen=True)
class Case:
    """Layers and what goes in.

    Attributes
    ----------
    layers : tuple of Layer
        The layers of the network.
    feeds : tuple of Feed
        Its inputs.
    ids : tuple of (str, (low, high))
        Inputs that hold whole numbers, from low to high - 1.
    codes : tuple of (int, (low, high))
        Columns of the inputs that hold whole numbers.
    pad : int or None
        The id that padding has.
    outputs : tuple of str
        Outputs of the network.
    seed : int
        Of rows and weights.
    """

    layers: tuple[Layer, ...]
    feeds: Feeds
    ids: tuple[tuple[str, Range], ...] = ()
    codes: tuple[tuple[int, Range], ...] = ()
    pad: int | None = None
    outputs: tuple[str, ...] = ()
    seed: int = 0

    @cached_property
    def network(self) -> Network:
        """The layers alone."""
        return Network(self.layers, outputs=self.outputs)

    @cached_property
    def headed(self) -> Network:
        """The layers, brought down to a few numbers for each row."""
        result = Network(self.layers).graph(self.feeds).result
        flat: tuple[Layer, ...] = () if len(result.shape) == 1 else (Flatten(name="head_flat"),)
        head = (GlobalAvgPool(name="head_pool"),) if result.mask else flat
        return Network((*self.layers, *head, Dense(WIDTH, name="output")))

    def rows(self, dtype: str) -> Any:
        """Return X: one array, or arrays by name."""
        rng, X = np.random.default_rng(self.seed), {}
        for feed in self.feeds:
            lengths = np.r_[STEPS, rng.integers(1, STEPS + 1, ROWS - 1)]
            X[feed.name] = self._values(feed, lengths, rng).astype(dtype)
            if feed.ragged:
                X[feed.lengths] = lengths.astype(np.int64)
        single = len(X) == 1 and self.feeds[0].name == "X"
        return X["X"] if single else X

    def _values(self, feed: Feed, lengths: Array, rng: np.random.Generator) -> Array:
        shape = (ROWS, *(STEPS if side < 0 else side for side in feed.shape))
        if feed.name in dict(self.ids):
            found = rng.integers(*dict(self.ids)[feed.name], shape)
            if self.pad is not None:
                found = np.where(found == self.pad, found + 1, found)
                past = np.arange(shape[1]) >= np.minimum(lengths, shape[1])[:, None]
                found = np.where(past, self.pad, found)
            return found
        found = rng.normal(size=shape)
        for column, (low, high) in self.codes:
            found[..., column] = rng.integers(low, high, shape[:-1])
        return found

    def weights(self, graph: Graph, dtype: str) -> dict[str, Array]:
        """Return canonical weights; none is 0 or 1, so that a forgotten one is seen."""
        rng = np.random.default_rng(self.seed + 1)
        found = {name: _drawn(spec, rng) for name, spec in graph.weight_specs().items()}
        for node in graph.nodes:
            if isinstance(node.layer, Standardize) and node.layer.columns is not None:
                others = [c for c in range(node.shape[-1]) if c not in node.layer.columns]
                found[f"{node.name}.mean"][others] = 0.0
                found[f"{node.name}.scale"][others] = 1.0
        return {name: value.astype(dtype) for name, value in found.items()}


def _drawn(spec: WeightSpec, rng: np.random.Generator) -> Array:
    if spec.name in ("scale", "variance", "slope"):
        return rng.uniform(0.5, 2.0, spec.shape)
    if spec.role == "kernel":
        return draw(replace(spec, initial="glorot_uniform"), rng)
    return rng.normal(0.0, 0.4, spec.shape)


def plan_of(adapter: Adapter, network: Network, feeds: Feeds, dtype: str, width: int) -> Plan:
    """Return the plan of a regression with this network."""
    task = Task("regression", width)
    single = len(feeds) == 1 and feeds[0].name == "X"
    sign = Signature(feeds[0].shape, width, 0, dtype, named=() if single else feeds)
    devices = adapter.devices()
    return Plan(
        model=Model(),
        task=task,
        signature=sign,
        settings=Training(loss="mse", optimizer="sgd").resolve({}, task, ROWS),
        seeds=Seeds(7),
        output="values",
        device=next((name for name in devices if name.startswith("cpu")), devices[0]),
        network=network,
    )


class Bench:
    """One case on one adapter, with the oracle beside it.

    Parameters
    ----------
    adapter : Adapter
        The adapter on trial.
    case : Case
        The network.
    dtype : str
        What is computed in.
    headed : bool, default=False
        Whether the network ends in a few numbers for each row, as a program needs.
    """

    def __init__(self, adapter: Adapter, case: Case, dtype: str, headed: bool = False) -> None:
        network = case.headed if headed else case.network
        self.adapter, self.dtype = adapter, dtype
        self.graph = network.graph(case.feeds)
        width = self.graph.result.shape[-1] if self.graph.result.shape else 1
        self.plan = plan_of(adapter, network, case.feeds, dtype, width)
        self.X = case.rows(dtype)
        self.weights = case.weights(self.graph, dtype)

    @cached_property
    def body_weights(self) -> dict[str, Array]:
        """The weights that programs get."""
        names = self.graph.body().weight_specs()
        return {name: self.weights[name] for name in names}

    @cached_property
    def body_rows(self) -> Any:
        """The rows that programs get: standardised in float64."""
        X = self.X if isinstance(self.X, dict) else {"X": self.X}
        known = values(self.graph, self.weights, X)
        ready = {
            name: known[self.graph.standardized[name]].astype(self.dtype)
            if name in self.graph.standardized
            else value
            for name, value in X.items()
        }
        return ready if isinstance(self.X, dict) else ready["X"]

    @cached_property
    def table(self) -> Table:
        """The rows, and numbers to learn."""
        y = np.random.default_rng(5).normal(size=(ROWS, WIDTH)).astype(self.dtype)
        return Table(self.body_rows, y)

    @property
    def outputs(self) -> dict[str, Array]:
        """The oracle's outputs of the native model."""
        return run(self.graph, self.weights, self.X)

    @property
    def forward(self) -> Array:
        """The oracle's output of the program."""
        outputs = run(self.graph.body(), self.body_weights, self.body_rows)
        return next(iter(outputs.values()))

    def loss(self, weights: dict[str, Array], training: bool = False) -> float:
        """Return the oracle's loss over all rows, in inference mode unless told otherwise."""
        outputs = run(self.graph.body(), weights, self.body_rows, training)
        found = next(iter(outputs.values()))
        return float(0.5 * np.mean((found - np.asarray(self.table.y, np.float64)) ** 2))

    def slopes(
        self, gradient: dict[str, Array], training: bool = False
    ) -> Iterator[tuple[str, float, float]]:
        """Yield what slopes a gradient means, and what the oracle's differences say.

        Of each weight two directions in which all its numbers move, and one number by itself.
        """
        rng = np.random.default_rng(3)
        start = {name: np.asarray(v, np.float64) for name, v in self.body_weights.items()}
        for name, value in gradient.items():
            one = np.zeros(value.size)
            one[rng.integers(value.size)] = 1.0
            for way in (rng.normal(size=value.shape), one.reshape(value.shape)):
                up, down = (
                    self.loss(start | {name: start[name] + sign * STEP * way}, training)
                    for sign in (1, -1)
                )
                slope = float(np.sum(np.asarray(value, np.float64) * way))
                yield name, slope, (up - down) / (2 * STEP)

    def valid(self, name: str) -> Array | None:
        """Return which steps (n, T) of an output are no padding; None for all."""
        from unifml.testing.reference import valid

        mask = dict(self.graph.outputs)[name].mask
        X = self.X if isinstance(self.X, dict) else {"X": self.X}
        return valid(self.graph, mask, values(self.graph, self.weights, X), X)
