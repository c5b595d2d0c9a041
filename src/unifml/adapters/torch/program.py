"""A network of ours at work in torch."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor, nn

from unifml.adapters._torch_engine.epoch import Batch
from unifml.adapters._torch_engine.flat import Flat, Loose, Trained
from unifml.adapters._torch_engine.losses import weighted_mean
from unifml.adapters._torch_engine.program import ModuleProgram, under
from unifml.adapters._torch_engine.rng import Stream, exact_floats
from unifml.adapters.torch import layers
from unifml.adapters.torch import weights as room
from unifml.adapters.torch.norms import BiasedVariances
from unifml.core.adapter import Weights
from unifml.core.inputs import by_name
from unifml.core.plan import Plan
from unifml.core.signature import ANY
from unifml.core.table import FloatArray, Table
from unifml.layers import Graph


class NetworkProgram(ModuleProgram):
    """Trains the module itself: flat parameters, fused steps, rows on the device.

    An optimizer of the user gets the parameters in their own shapes instead. See
    `unifml.core.adapter.Program`.
    """

    def __init__(self, weights: Weights, plan: Plan, data: Table | None) -> None:
        self.graph, dtype = plan.graph.body(), plan.signature.dtype
        super().__init__(layers.native(self.graph, weights, dtype), plan, getattr(torch, dtype))
        self.widest = max((abs(prod(node.shape)) for node in self.graph.nodes), default=1)
        self.work = work(self.graph, _LONG)
        self.norms: BiasedVariances | None = None
        if any(isinstance(m, _DROPOUTS) for m in self.module.modules()):
            self.stream = Stream(self.device, others=False)
        if data is not None:
            self.learn_from(data, self._trained())
            norms = BiasedVariances(self.module)
            self.norms = norms if norms.norms else None

    def _trained(self) -> Trained:
        specs = self.graph.weight_specs()
        kernels: list[nn.Parameter] = []
        others: list[nn.Parameter] = []
        for place in room.places(self.module, self.graph):
            if isinstance(place.tensor, nn.Parameter):
                kernel = specs[place.name].role == "kernel"
                (kernels if kernel else others).append(place.tensor)
        # On a GPU recurrent modules keep weights in one buffer of their own, in cuDNN's order.
        recurrent = any(isinstance(m, nn.RNNBase) for m in self.module.modules())
        own_order = recurrent and self.device.type == "cuda"
        if own_order or self.plan.settings.optimizer.kind == "custom":
            return Loose(kernels, others)
        return Flat(kernels, others)

    def take(self, data: Table) -> None:
        super().take(data)
        longest = max((v.shape[1] for v in by_name(data.X).values() if v.ndim > 1), default=1)
        self.work = work(self.graph, longest)

    def descend(self, batch: Batch, share: float | None) -> Tensor:
        if self.norms is None:
            return super().descend(batch, share)
        self.norms.remember()
        loss = super().descend(batch, share)
        self.norms.correct()
        return loss

    def loss_and_gradient(self, weights: Weights) -> tuple[float, dict[str, FloatArray]]:
        self.require_rows()
        room.write(self.module, self.graph, weights)
        self.module.eval()
        self.descent.zero()
        X, y, weight = self.rows.whole()
        with exact_floats(self.device), self.threads(len(y)):
            loss = weighted_mean(self.loss(self.call(X), y), weight)
            loss.backward()
        return float(loss.detach()), {
            place.name: place.back(place.tensor.grad.cpu().numpy())
            for place in room.places(self.module, self.graph)
            if place.tensor.grad is not None
        }

    def result(self) -> dict[str, npt.NDArray[Any]]:
        with self.shown():
            return room.read(self.module, self.graph)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        weights = room.read(self.module, self.graph)
        found = {f"weights/{name}": value for name, value in weights.items()}
        if not self.trains:
            return found
        if self.descent.average is not None:
            found |= {f"average/{name}": value for name, value in self.result().items()}
        return found | self.descent.state()

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        weights = under("weights/", state)
        if self.trains:
            room.write(self.module, self.graph, weights | under("average/", state))
            self.descent.average_here()
            self.descent.restore(state)
        room.write(self.module, self.graph, weights)


def work(graph: Graph, longest: int) -> int:
    """Return about how many multiplications a row takes.

    Parameters
    ----------
    graph : Graph
        The network.
    longest : int
        Stands for the number of steps where that differs from row to row.
    """
    total = 0
    for node in graph.nodes:
        if node.layer.kind == "embedding":  # it looks up
            continue
        weights = sum(prod(spec.shape) for spec in node.weights)
        shapes = [[longest if n == ANY else n for n in s] for s in (*node.shapes, node.shape)]
        total += weights * max(prod(shape[:-1]) for shape in shapes)
    return total


_LONG = 32  # steps of sequences of unequal length, before there are any
_DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)
