"""K networks of one architecture, trained as one batched program."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from unifml.adapters._torch_engine.dense.layout import Layout
from unifml.adapters._torch_engine.dense.machine import Machine
from unifml.adapters._torch_engine.dense.memory import Memory, gather, scatter, zeros
from unifml.adapters._torch_engine.dense.noise import Noise
from unifml.adapters._torch_engine.dense.program import DenseProgram, can_run, sizes
from unifml.adapters._torch_engine.rng import exact_floats
from unifml.adapters._torch_engine.threads import threads_for
from unifml.adapters._torch_engine.trouble import memory_for
from unifml.core.adapter import Stretch, Weights
from unifml.core.plan import Plan
from unifml.core.table import BatchOrder, FloatArray, Table

# Rows of a batch times weights of a network from which on the sums cost so much more than their
# calls that nothing is gained (measured: 1.3 times faster at half of it, the same at 3 times it).
WORTHWHILE = 2**21


def stacks(plans: Sequence[Plan], tables: Sequence[Table]) -> bool:
    """Say whether networks can be trained at once, and faster than one by one.

    Parameters
    ----------
    plans : sequence of Plan
        They may differ in seeds, rates, schedules, decay and penalties.
    tables : sequence of Table
        The rows of each network.
    """
    if len(plans) < 2 or not can_run(plans[0]) or len({_alike(p) for p in plans}) > 1:
        return False
    if any(p.graph.body() != plans[0].graph.body() for p in plans[1:]):
        return False
    if len({t.y.dtype for t in tables}) > 1 or len({t.y.shape[1:] for t in tables}) > 1:
        return False
    batch = plans[0].settings.batch_size
    return batch * Layout(plans[0].graph.body()).size < WORTHWHILE


def _alike(plan: Plan) -> tuple[Any, ...]:
    """Return what must be equal in all."""
    s = plan.settings
    same = (s.loss, s.optimizer, s.batch_size, s.clip_norm, s.clip_value, s.accumulate, s.ema)
    return (plan.task, plan.output, plan.device, plan.signature.dtype, s.compile, *same)


class DenseStack:
    """Trains K networks at once. See `unifml.core.adapter.Stack`.

    Parameters
    ----------
    weights : sequence of mapping
        Canonical weights of each network.
    plans : sequence of Plan
        See `stacks`.
    tables : sequence of Table
        The rows of each network.
    """

    def __init__(
        self, weights: Sequence[Weights], plans: Sequence[Plan], tables: Sequence[Table]
    ) -> None:
        self.plans = list(plans)
        self.device = torch.device(plans[0].device)
        self.layout = Layout(plans[0].graph.body())
        like = torch.empty(0, dtype=getattr(torch, plans[0].signature.dtype), device=self.device)
        self.rows = zeros(sizes(plans[0], self.layout, tables[0]), (len(plans),), like)
        self.members = [
            Member(self, weights[k], plan, tables[k], {n: b[k] for n, b in self.rows.items()})
            for k, plan in enumerate(plans)
        ]
        self.machines: dict[tuple[int, ...], Machine] = {}
        self.present: tuple[int, ...] | None = None
        self.ahead = False

    def run_epoch(self, parts: Mapping[int, Stretch]) -> dict[int, FloatArray]:
        groups: dict[tuple[int, int], list[int]] = defaultdict(list)
        for k, (order, _, _) in parts.items():
            groups[order.steps, order.accumulate].append(k)
        found: dict[int, FloatArray] = {}
        for group in groups.values():
            found |= self._together(tuple(group), parts)
        return found

    def _together(
        self, group: tuple[int, ...], parts: Mapping[int, Stretch]
    ) -> dict[int, FloatArray]:
        if len(group) == 1:
            return {group[0]: self.members[group[0]].run_epoch(*parts[group[0]])}
        machine = self._machine(group)
        orders = [parts[k].order for k in group]
        rates = np.stack([parts[k].rates for k in group], 1)
        for k in group:
            self.members[k].reseed(parts[k].seed)
        self.ahead = True
        rows = max(order.largest for order in orders)
        # Threads are for the work of all, the batch to name where memory is short for that of one.
        work = len(group) * rows * self.layout.size
        with memory_for(rows, training=True), exact_floats(self.device), threads_for(work):
            losses = machine.run(orders, rates)
        return dict(zip(group, losses, strict=True))

    def _machine(self, group: tuple[int, ...]) -> Machine:
        """Return what trains these members, with their present weights in it."""
        if group == self.present:
            return self.machines[group]
        self.settle()
        members = [self.members[k] for k in group]
        if group not in self.machines:
            buffers = {
                name: rows.new_zeros(len(group) * rows.shape[1]) for name, rows in self.rows.items()
            }
            memory = Memory(self.layout, (len(group),), buffers)
            noise = Noise([member.generator for member in members])
            held = [member.held for member in members if member.held is not None]
            self.machines[group] = Machine([self.plans[k] for k in group], memory, held, noise)
        machine = self.machines[group]
        gather(machine.memory, self.rows, group)
        machine.memory.counts = [member.memory.counts[0] for member in members]
        self.present = group
        return machine

    def settle(self) -> None:
        """Hand what was learned at once back to the members."""
        if self.ahead and self.present is not None:
            memory = self.machines[self.present].memory
            scatter(memory, self.rows, self.present)
            for k, count in zip(self.present, memory.counts, strict=True):
                self.members[k].memory.counts[0] = count
        self.ahead = False

    def changed(self) -> None:
        """Note that a member's memory was written to: what trains all must look at it again."""
        self.present = None


class Member(DenseProgram):
    """One network of a stack: its memory is a row of the stack's."""

    def __init__(self, stack: DenseStack, *args: Any) -> None:
        super().__init__(*args)
        self.stack = stack

    def run_epoch(self, order: BatchOrder, rates: FloatArray, seed: int | None) -> FloatArray:
        self.stack.settle()
        self.stack.changed()
        return super().run_epoch(order, rates, seed)

    def take(self, data: Table) -> None:
        super().take(data)
        self.stack.settle()
        self.stack.changed()
        self.stack.machines.clear()

    def forward(self, X: Any) -> FloatArray:
        self.stack.settle()
        return super().forward(X)

    def loss_and_gradient(self, weights: Weights) -> tuple[float, dict[str, FloatArray]]:
        self.stack.settle()
        self.stack.changed()
        return super().loss_and_gradient(weights)

    def result(self) -> dict[str, npt.NDArray[Any]]:
        self.stack.settle()
        return super().result()

    def state(self) -> dict[str, npt.NDArray[Any]]:
        self.stack.settle()
        return super().state()

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        self.stack.settle()
        self.stack.changed()
        super().restore(state)
