"""Training at work: batches, forward, slope of the loss, backward, step."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import torch

from unifml.adapters._torch_engine.dense.chain import Chain
from unifml.adapters._torch_engine.dense.feed import Feed, Held, mean_of
from unifml.adapters._torch_engine.dense.loss import slope
from unifml.adapters._torch_engine.dense.memory import Memory
from unifml.adapters._torch_engine.dense.noise import Noise
from unifml.adapters._torch_engine.dense.steps import Descent
from unifml.adapters._torch_engine.dense.stretch import Stretch, batch_means, side_by_side
from unifml.adapters._torch_engine.dense.waves import folded
from unifml.adapters._torch_engine.losses import row_loss
from unifml.core.plan import Plan
from unifml.core.table import BatchOrder, FloatArray

VALUES = 2**22  # numbers of one layer for which a gradient over all rows is computed at once
_MOST = 16  # chains that are kept: sizes of batches


class Machine:
    """Trains one network, or K at once.

    Parameters
    ----------
    plans : sequence of Plan
        That of each network: equal in all but rates, penalties and seeds.
    memory : Memory
        Weights and what the optimizer remembers; changed in place.
    held : sequence of Held
        The rows of each network.
    noise : Noise
        Random bits for dropout.
    """

    def __init__(
        self, plans: Sequence[Plan], memory: Memory, held: Sequence[Held], noise: Noise
    ) -> None:
        plan, layout, lead = plans[0], memory.layout, memory.lead
        self.nodes = folded(plan.graph.body()).chain()
        self.memory, self.noise = memory, noise
        self.gradient = memory.weights.new_zeros(prod(lead) * layout.trained)
        self.weights = layout.views(memory.weights, lead)
        self.gradients = layout.views(self.gradient, lead)
        self.descent = Descent(memory, self.gradient, [p.settings for p in plans])
        self.losses = row_loss(plan.settings.loss, plan.task, plan.output)
        self.slope = slope(plan, self.nodes[-1].shape[-1], self.losses)
        self.chains: dict[tuple[int, bool], Chain] = {}
        self.take(held)

    def take(self, held: Sequence[Held]) -> None:
        """Learn from these rows from now on."""
        self.held = list(held)
        self.feed = Feed(self.held, self.memory.lead, self.slope, self.losses)

    def run(self, orders: Sequence[BatchOrder], rates: FloatArray) -> list[FloatArray]:
        """Train for a stretch.

        Parameters
        ----------
        orders : sequence of BatchOrder
            That of each network, of equally many steps.
        rates : array of shape (updates, K)
            Learning rates.

        Returns
        -------
        list of array
            Losses of the batches of each network.
        """
        weights = [held.weight for held in self.held]
        stretch = side_by_side(orders, weights)
        self.descent.begin(np.asarray(rates, dtype=np.float64))
        values = self._walk(stretch, orders[0].accumulate, training=True)
        parts = zip(values, stretch.places, orders, weights, strict=True)
        return [batch_means(v[place], order, weight) for v, place, order, weight in parts]

    def over_all_rows(self) -> float:
        """Return the loss over all rows of the one network; leave its gradient in `gradients`."""
        held = self.held[0]
        rows, widest = len(held), max(node.shape[-1] for node in self.nodes)
        size = max(1, VALUES // widest)
        edges = np.append(np.arange(0, rows, size), rows)
        order = BatchOrder(np.arange(rows), edges, accumulate=len(edges))
        stretch = side_by_side([order], [held.weight])
        return mean_of(self._walk(stretch, order.steps, training=False)[0], held.weight)

    def _walk(self, stretch: Stretch, accumulate: int, *, training: bool) -> FloatArray:
        """Go through the batches, and step after every few; return the losses of rows."""
        values: list[FloatArray] = []
        last = len(stretch.edges) - 2
        with torch.no_grad():
            for i, (x, z, ready, coefficient) in enumerate(self.feed.run(stretch, values)):
                chain = self._chain(x, training)
                if stretch.sizes is not None:
                    self.noise.rows = stretch.sizes[:, i].tolist()
                z.copy_(chain.forward(x))
                self.slope.write(z, ready, coefficient, chain.g)
                chain.backward(chain.g, i % accumulate > 0)
                if training and ((i + 1) % accumulate == 0 or i == last):
                    self.descent.step(i // accumulate)
        self.noise.rows = None
        return values[0]

    def _chain(self, x: torch.Tensor, training: bool) -> Chain:
        key = x.shape[-2], training
        if key not in self.chains:
            if len(self.chains) >= _MOST:
                self.chains.clear()
            noise = self.noise if training else None
            self.chains[key] = Chain(self.nodes, self.weights, self.gradients, x, noise)
        return self.chains[key]
