"""A chain of dense layers at work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from unifml.adapters._torch_engine.dense.chain import inference
from unifml.adapters._torch_engine.dense.feed import Held
from unifml.adapters._torch_engine.dense.layout import Layout
from unifml.adapters._torch_engine.dense.machine import Machine
from unifml.adapters._torch_engine.dense.memory import Memory, widths, zeros
from unifml.adapters._torch_engine.dense.noise import Noise
from unifml.adapters._torch_engine.dense.parts import known
from unifml.adapters._torch_engine.dense.waves import folded
from unifml.adapters._torch_engine.epoch import at_once, predict, to_tensor
from unifml.adapters._torch_engine.losses import row_loss
from unifml.adapters._torch_engine.rng import exact_floats
from unifml.adapters._torch_engine.threads import threads_for
from unifml.adapters._torch_engine.trouble import memory_for
from unifml.core.adapter import Weights
from unifml.core.plan import Plan
from unifml.core.table import BatchOrder, FloatArray, Table
from unifml.errors import CapabilityError


def can_run(plan: Plan) -> bool:
    """Say whether a plan is a chain of layers that `DenseProgram` knows, on rows of numbers.

    Parameters
    ----------
    plan : Plan
        What is to be done.
    """
    settings = plan.settings
    plain = (
        plan.network is not None
        and settings.compile is not True
        and settings.precision in ("auto", "float32", "float64")
        and plan.signature.dtype in ("float32", "float64")
        and "custom" not in (settings.loss.kind, settings.optimizer.kind)
    )
    kind = torch.device(plan.device).type
    placed = kind == "cpu" or (kind == "cuda" and not settings.deterministic)
    return plain and placed and _is_chain(plan)


def _is_chain(plan: Plan) -> bool:
    graph = plan.graph.body()
    try:
        nodes = folded(graph).chain()
    except CapabilityError:  # it has branches
        return False
    flat = all(len(shape) == 1 for node in nodes for shape in (*node.shapes, node.shape))
    return flat and all(map(known, nodes)) and any(node.weights for node in nodes)


class DenseProgram:
    """Trains a chain of dense layers. See `unifml.core.adapter.Program`.

    The weights are views of one flat buffer, every batch writes into the same memory, and the way
    back is written by hand. Dropout draws from a generator of its own: torch's stays untouched.

    Parameters
    ----------
    weights : mapping of str to array
        Canonical weights.
    plan : Plan
        What is being done; see `can_run`.
    data : Table or None
        The rows to learn from; None for a program that only predicts.
    buffers : dict of str to Tensor or None
        Where to keep weights and the like, see `Memory`; None makes them.
    """

    def __init__(
        self,
        weights: Weights,
        plan: Plan,
        data: Table | None = None,
        buffers: dict[str, Tensor] | None = None,
    ) -> None:
        self.plan, self.device = plan, torch.device(plan.device)
        self.dtype: torch.dtype = getattr(torch, plan.signature.dtype)
        self.nodes = folded(plan.graph.body()).chain()
        self.widest = max(node.shape[-1] for node in self.nodes)
        layout = Layout(plan.graph.body())
        if buffers is None:
            buffers = zeros(sizes(plan, layout, data), (), self._like())
        self.memory = Memory(layout, (), buffers)
        self.memory.write(weights)
        self.generator = torch.Generator(self.device)
        self.held = None if data is None else Held(data, self.device, self.dtype)
        views = layout.views(self.memory.shown)
        self.outputs = inference(self.nodes, views)

    def _like(self) -> Tensor:
        return torch.empty(0, dtype=self.dtype, device=self.device)

    @cached_property
    def machine(self) -> Machine:
        """What trains it."""
        if self.held is None:
            raise CapabilityError("training", found="a program without rows to learn from")
        return Machine([self.plan], self.memory, [self.held], Noise([self.generator]))

    def run_epoch(self, order: BatchOrder, rates: FloatArray, seed: int | None) -> FloatArray:
        machine = self.machine
        self.reseed(seed)
        with self.conditions(order.largest, training=True):
            return machine.run([order], np.asarray(rates)[:, None])[0]

    def reseed(self, seed: int | None) -> None:
        """Let dropout begin anew from a seed; None lets it go on."""
        if seed is not None:
            self.generator.manual_seed(seed)

    def take(self, data: Table) -> None:
        self.held = Held(data, self.device, self.dtype)
        if "machine" in self.__dict__:
            self.machine.take([self.held])

    def row_losses(self, outputs: FloatArray, y: Any) -> FloatArray:
        rows = row_loss(self.plan.settings.loss, self.plan.task, self.plan.output)
        z, targets = (to_tensor(np.asarray(v), self.device, torch.float64) for v in (outputs, y))
        return rows(z, targets).cpu().numpy()  # type: ignore[no-any-return]

    def forward(self, X: Any) -> FloatArray:
        with self.conditions(len(X), training=False):
            rows = to_tensor(X, self.device, self.dtype)
            return predict(self.outputs, rows, self.widest)

    def loss_and_gradient(self, weights: Weights) -> tuple[float, dict[str, FloatArray]]:
        machine = self.machine
        self.memory.write(weights)
        with self.conditions(len(machine.held[0]), training=True):
            loss = machine.over_all_rows()
        views = machine.gradients.items()
        return loss, {name: view.cpu().numpy().copy() for name, view in views}

    def fit(self) -> None:
        raise CapabilityError("a network has no fit of its own", fix="train it by epochs")

    def result(self) -> dict[str, npt.NDArray[Any]]:
        return self.memory.layout.read(self.memory.shown)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        found = self.memory.state()
        if any(node.layer.kind == "dropout" for node in self.nodes) and self.held is not None:
            found["dropout"] = self.generator.get_state().numpy().copy()
        return found

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        self.memory.restore(state)
        if "dropout" in state:
            self.generator.set_state(torch.from_numpy(np.array(state["dropout"])))

    @contextmanager
    def conditions(self, rows: int, *, training: bool) -> Iterator[None]:
        """Have the floats, threads and words for missing memory that work on `rows` deserves."""
        work = rows * self.memory.layout.size
        told = rows if training else min(rows, at_once(self.widest))
        with memory_for(told, training=training), exact_floats(self.device), threads_for(work):
            yield


def sizes(plan: Plan, layout: Layout, data: Table | None) -> dict[str, int]:
    """Return how many numbers of one network each buffer holds."""
    if data is None:
        return widths(layout, 0, averages=False)
    settings = plan.settings
    return widths(layout, settings.optimizer.slots, averages=settings.ema is not None)
