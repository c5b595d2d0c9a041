"""Optimizer steps on flat buffers: of one network, or of K with rates of their own."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unifml.adapters._torch_engine.dense.memory import Memory
from unifml.core.table import FloatArray
from unifml.training import SGD, Adam, Scalars, Settings


class Descent:
    """Penalties, clipping, decay, the optimizer's step and the average of the weights.

    Parameters
    ----------
    memory : Memory
        What is changed.
    gradient : Tensor
        Flat, as the trained weights.
    settings : sequence of Settings
        Those of each network. Optimizer, clipping and average are the same in all.
    """

    def __init__(self, memory: Memory, gradient: Tensor, settings: Sequence[Settings]) -> None:
        layout, k = memory.layout, prod(memory.lead)
        self.memory, self.gradient, self.settings = memory, gradient, settings
        self.weights = memory.weights[: k * layout.trained]
        self.average = None if memory.average is None else memory.average[: len(self.weights)]
        self.kernels = self.weights[: k * layout.kernels]
        self.d_kernels = gradient[: k * layout.kernels]
        self.optimizer, self.first = settings[0].optimizer, settings[0]
        # Which network each number belongs to, for what differs between them.
        self.owner = torch.cat(
            [
                torch.arange(k).repeat_interleave(prod(shape))
                for name, shape in layout.shapes.items()
                if layout.places[name].stop <= layout.trained
            ]
        ).to(gradient.device)
        self.l1, self.l2 = (self._penalty(name) for name in ("l1", "l2"))
        self.advance = self._rule()

    def begin(self, rates: FloatArray) -> None:
        """Prepare for steps with these learning rates, (updates, K)."""
        counts = self.memory.counts
        self.rates = rates
        self.together = bool((rates == rates[:, :1]).all()) and len(set(counts)) == 1
        self.decays = any(s.weight_decay for s in self.settings) and self.optimizer.decays
        if self.decays or self.advance != self._adam:
            parts = [
                self.optimizer.scalars(rates[:, k], counts[k], settings.weight_decay)
                for k, settings in enumerate(self.settings)
            ]
            scalars = (np.stack(part, 1) for part in zip(*parts, strict=True))
            self.scalars = [self._per_step(part) for part in scalars]
        if self.average is not None:
            keeps = [self.first.ema_keeps(count, len(rates)) for count in counts]
            self.keeps = self._per_step(1.0 - np.stack(keeps, 1))

    def step(self, i: int) -> None:
        """Take step i of those that `begin` was told of, from the gradient as it is."""
        self._penalise()
        self._clip()
        if self.decays:
            self.kernels.mul_(self._spread(self.scalars[2][i], len(self.kernels)))
        self.advance(i)
        self.memory.counts = [count + 1 for count in self.memory.counts]
        if self.average is not None:
            self.average.lerp_(self.weights, self._spread(self.keeps[i], len(self.weights)))

    def _penalise(self) -> None:
        if self.l2 is not None:
            self.d_kernels.addcmul_(self.kernels, self.l2)
        if self.l1 is not None:
            self.d_kernels.addcmul_(self.kernels.sign(), self.l1)

    def _penalty(self, name: str) -> Tensor | None:
        values = [getattr(settings, name) for settings in self.settings]
        if not any(values):
            return None
        each = torch.tensor(values, dtype=self.kernels.dtype, device=self.kernels.device)
        return each[0] if len(set(values)) == 1 else each[self.owner[: len(self.kernels)]]

    def _clip(self) -> None:
        if self.first.clip_value is not None:
            self.gradient.clamp_(-self.first.clip_value, self.first.clip_value)
        if self.first.clip_norm is not None:
            self.gradient.mul_(self._shrink(self.first.clip_norm))

    def _shrink(self, most: float) -> Tensor:
        """Return what brings the norm of each network's gradient down to `most`."""
        if not self.memory.lead:
            return (most / torch.linalg.vector_norm(self.gradient)).clamp_(max=1.0)
        squares = self.gradient.new_zeros(self.memory.lead)
        squares.index_add_(0, self.owner, self.gradient.square())
        return (most / squares.sqrt_()).clamp_(max=1.0)[self.owner]

    def _per_step(self, values: FloatArray) -> list[Any]:
        """Return a number for each step, or a tensor (K,) where networks differ."""
        if bool((values == values[:, :1]).all()):
            return values[:, 0].tolist()  # type: ignore[no-any-return]
        return list(torch.from_numpy(values).to(self.weights.device, self.weights.dtype))

    def _spread(self, value: Any, size: int) -> Any:
        return value[self.owner[:size]] if isinstance(value, Tensor) else value

    def _rule(self) -> Any:
        if isinstance(self.optimizer, Adam):
            self._prepare_adam()
            return self._adam
        return self._sgd if isinstance(self.optimizer, SGD) else self._shared

    def _prepare_adam(self) -> None:
        k = prod(self.memory.lead)
        whole = (self.weights, self.gradient, *self.memory.slots)
        self.whole = [[part] for part in whole]
        blocks = [self.memory.layout.blocks(part, (k,)).values() for part in whole]
        n = len(blocks[1])
        self.parts = [[[b[i] for b in list(part)[:n]] for part in blocks] for i in range(k)]
        device = self.weights.device
        self.clock = torch.zeros((), dtype=torch.float32, device=device)

    def _adam(self, i: int) -> None:
        if self.together:
            self._fused(self.whole, self.memory.counts[0], float(self.rates[i, 0]))
            return
        for k, part in enumerate(self.parts):
            self._fused(part, self.memory.counts[k], float(self.rates[i, k]))

    def _fused(self, tensors: list[list[Tensor]], count: int, rate: float) -> None:
        # The operator behind torch's fused Adam, without what its class does around it.
        adam: Any = self.optimizer
        self.clock.fill_(count + 1)
        torch._fused_adam_(
            *tensors,
            [],
            [self.clock] * len(tensors[0]),
            lr=rate,
            beta1=adam.beta_1,
            beta2=adam.beta_2,
            weight_decay=0.0,
            eps=adam.epsilon,
            amsgrad=False,
            maximize=False,
        )

    def _sgd(self, i: int) -> None:
        sgd: Any = self.optimizer
        towards = self.gradient
        if sgd.momentum:
            velocity = self.memory.slots[0].mul_(sgd.momentum).add_(self.gradient)
            towards = self.gradient.add(velocity, alpha=sgd.momentum) if sgd.nesterov else velocity
        rate = self.scalars[0][i]
        if isinstance(rate, Tensor):
            self.weights.addcmul_(towards, self._spread(rate, len(towards)), value=-1.0)
        else:
            self.weights.add_(towards, alpha=-rate)

    def _shared(self, i: int) -> None:
        scalars = Scalars(*(self._spread(part[i], len(self.weights)) for part in self.scalars))
        slots = tuple(self.memory.slots)
        change, new = self.optimizer.update(self.gradient, slots, scalars, torch)
        self.weights.sub_(change)
        for old, value in zip(slots, new, strict=True):
            old.copy_(value)
