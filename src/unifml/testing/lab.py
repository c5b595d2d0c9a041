"""Small problems to try an adapter on, and the toy backend beside it as the oracle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from unifml.core.adapter import Adapter, Program
from unifml.core.capabilities import Capabilities
from unifml.core.fitted import body_weights
from unifml.core.plan import Plan
from unifml.core.seeds import Seeds
from unifml.core.signature import Signature
from unifml.core.table import BatchOrder, FloatArray, Table
from unifml.core.task import Task
from unifml.data import batch_order
from unifml.layers import Activation, Dense, Layer, Network, Standardize, initial_weights
from unifml.models import Model
from unifml.testing.toy import ToyAdapter
from unifml.training import Training

ROWS, FEATURES, BATCH = 21, 4, 5  # the last row is left over, and joins the batch before it
TOLERANCE = {"float32": 1e-5, "float64": 1e-9}
BINARY = Task("classification", 1, 2)
CLASSES = Task("classification", 1, 3)
LABELS = Task("classification", 3, 2)
NUMBERS = Task("regression", 2)
NUMBER = Task("regression", 1)
Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, repr=False)
class Probe(Model):
    """A model of any layers, ended by a dense one of the width that the task needs.

    Parameters
    ----------
    layers : tuple of Layer
        All but the last one.
    """

    kind: ClassVar[str] = "probe"
    uses: ClassVar[frozenset[str]] = frozenset(
        {"epochs", "batch_size", "optimizer", "learning_rate", "weight_decay", "l1", "l2", "loss"}
        | {"schedule", "precision", "accumulate", "ema", "clip_norm", "clip_value", "mixup"}
    )
    layers: tuple[Layer, ...] = ()

    def network(self, task: Task, signature: Signature) -> Network:
        return Network((*self.layers, Dense(task.width, name="output")))


def plain_layers(capabilities: Capabilities) -> tuple[Layer, ...]:
    """Return the layers of a network that everybody can build, a smooth one if possible."""
    known = sorted(capabilities.activations, key=lambda name: (name != "tanh", name))
    first = (Standardize(name="standardize"),) if "standardize" in capabilities.layers else ()
    if "activation" not in capabilities.layers or not known:
        return first
    return (*first, Dense(6, name="hidden"), Activation(known[0], name="bend"))


def sharpest(capabilities: Capabilities) -> str:
    """Return the dtype in which differences are seen best."""
    return "float64" if "float64" in capabilities.precisions else "float32"


@dataclass(frozen=True)
class Lab:
    """One problem on one adapter: everything that its programs are given.

    Attributes
    ----------
    adapter : Adapter
        The adapter on trial.
    task : Task
        What is learned.
    layers : tuple of Layer
        Layers before the output.
    training : Training
        How it is trained.
    dtype : str
        What is computed in.
    weighted : bool
        Whether the rows have weights.
    """

    adapter: Adapter
    task: Task
    layers: tuple[Layer, ...]
    training: Training
    dtype: str
    weighted: bool = False

    @cached_property
    def plan(self) -> Plan:
        """The plan of the problem."""
        model = Probe(self.layers)
        task = self.task
        several = task.kind == "regression" or task.multilabel
        sign = Signature(
            (FEATURES,),
            task.n_targets if several else task.n_classes,
            0 if several else task.n_classes,
            self.dtype,
        )
        devices = self.adapter.devices()
        settings = self.training.resolve({}, task, ROWS)
        return Plan(
            model=model,
            task=task,
            signature=sign,
            settings=settings,
            seeds=Seeds(7),
            output=settings.loss.output_for(task),
            device=next((name for name in devices if name.startswith("cpu")), devices[0]),
            network=model.network(task, sign),
            classes=np.arange(task.n_classes) if task.n_classes and not task.multilabel else None,
        )

    @cached_property
    def table(self) -> Table:
        """Rows to learn from, standardised already."""
        rng = np.random.default_rng(11)
        X = rng.normal(size=(ROWS, FEATURES)).astype(self.dtype)
        weight = rng.uniform(0.5, 2.0, ROWS).astype(self.dtype) if self.weighted else None
        shape = (ROWS, self.task.n_targets)
        if self.task.kind == "regression":
            return Table(X, (2 * rng.normal(size=shape)).astype(self.dtype), weight)
        if self.task.multilabel:
            return Table(X, rng.integers(0, 2, shape), weight)
        return Table(X, np.arange(ROWS) % self.task.n_classes, weight)

    @cached_property
    def weights(self) -> dict[str, npt.NDArray[Any]]:
        """All canonical weights to start from; none is 0, so that a forgotten one is seen."""
        assert self.plan.network is not None
        rng = np.random.default_rng(13)
        drawn = initial_weights(self.plan.network, (FEATURES,), rng, self.dtype)
        return {
            name: (value + 0.25 * rng.integers(1, 4, value.shape)).astype(self.dtype)
            if not name.endswith(".kernel")
            else value
            for name, value in drawn.items()
        }

    @cached_property
    def start(self) -> dict[str, npt.NDArray[Any]]:
        """The weights that programs get: all but those of a leading `Standardize`."""
        return body_weights(self.plan, self.weights)

    def program(self) -> Program:
        """Return a program at the start."""
        return self.adapter.program(self.start, self.plan, self.table)

    def oracle(self) -> Lab:
        """Return the same problem on the toy backend, in float64."""
        return _Oracle(
            ToyAdapter(), self.task, self.layers, self.training, "float64", self.weighted, self
        )

    def order(self, epoch: int) -> BatchOrder:
        """Return the order of rows in an epoch."""
        return batch_order(self.plan.seeds, epoch, ROWS, BATCH)

    def rates(self, epoch: int) -> FloatArray:
        """Return learning rates, another one for each step."""
        steps = self.order(epoch).steps
        return self.plan.settings.learning_rate * np.linspace(1.0, 0.5, steps)

    def run(self, program: Program, epochs: int = 2, first: int = 0) -> FloatArray:
        """Train for some epochs; return all losses."""
        return np.concatenate(
            [
                np.asarray(program.run_epoch(self.order(e), self.rates(e), seed=e + 1))
                for e in range(first, first + epochs)
            ]
        )

    def with_training(self, **fields: Any) -> Lab:
        """Return the problem with other training."""
        return replace(self, training=self.training.with_params(**fields))


@dataclass(frozen=True)
class _Oracle(Lab):
    """The problem of another lab, whose numbers are taken over and only widened."""

    source: Lab | None = None

    @cached_property
    def table(self) -> Table:
        assert self.source is not None
        rows = self.source.table
        y = rows.y if self.task.kind == "classification" else np.asarray(rows.y, np.float64)
        weight = None if rows.weight is None else np.asarray(rows.weight, np.float64)
        return Table(np.asarray(rows.X, np.float64), y, weight)

    @cached_property
    def weights(self) -> dict[str, npt.NDArray[Any]]:
        assert self.source is not None
        return {name: np.asarray(v, np.float64) for name, v in self.source.weights.items()}


def same_bits(found: Arrays, wanted: Arrays, what: str) -> None:
    """Raise unless two sets of arrays are equal to the last bit."""
    _same_names(found, wanted, what)
    for name, value in wanted.items():
        if not np.array_equal(np.asarray(found[name]), np.asarray(value)):
            gap = np.max(np.abs(np.asarray(found[name], np.float64) - np.asarray(value)))
            raise AssertionError(f"{what}: {name!r} differs by {gap:.3g}, and must be the same")


def close(found: Arrays, wanted: Arrays, tolerance: float, what: str) -> None:
    """Raise unless two sets of arrays are equal within ``tolerance * max(1, |wanted|)``."""
    _same_names(found, wanted, what)
    for name, value in wanted.items():
        near(found[name], value, tolerance, f"{what}: {name!r}")


def near(found: Any, wanted: Any, tolerance: float, what: str) -> None:
    """Raise unless two arrays are equal within ``tolerance * max(1, |wanted|)``."""
    found, wanted = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    if found.shape != wanted.shape:
        raise AssertionError(f"{what} has shape {found.shape}, and must have {wanted.shape}")
    gap = np.max(np.abs(found - wanted) / np.maximum(1.0, np.abs(wanted)), initial=0.0)
    if not gap <= tolerance:
        raise AssertionError(f"{what} differs by {gap:.3g}, and may by {tolerance:g}")


def _same_names(found: Arrays, wanted: Arrays, what: str) -> None:
    if set(found) != set(wanted):
        odd = sorted(set(found) ^ set(wanted))
        raise AssertionError(f"{what}: {odd} are on one side only")
