"""From the loss of a batch to the next weights, with all that lies between."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import starmap
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from unifml.adapters._torch_engine.flat import Present, Trained
from unifml.adapters._torch_engine.optimizers import mover
from unifml.adapters._torch_engine.precision import LossScale
from unifml.core.table import FloatArray
from unifml.training import Scalars, Settings

Change = Callable[[Present], None]


class Descent:
    """Steps trained tensors: penalties, clipping, decay, the optimizer, the average of weights.

    What is not asked for costs nothing.

    Parameters
    ----------
    trained : Flat or Loose
        What is stepped.
    settings : Settings
        How.
    """

    def __init__(self, trained: Trained, settings: Settings) -> None:
        self.trained, self.settings, self.done = trained, settings, 0
        self.mover = mover(settings, trained.tensors)
        self.changes = tuple(_changes(settings))
        self.decays = bool(settings.weight_decay)
        self.scale = LossScale() if settings.precision == "fp16" else None
        self.average = None if settings.ema is None else _copies(trained.tensors)

    def begin(self, rates: FloatArray) -> None:
        """Prepare for steps with these learning rates."""
        parts = self.mover.scalars(np.asarray(rates), self.done, self.settings.weight_decay)
        self.scalars = list(starmap(Scalars, zip(*(p.tolist() for p in parts), strict=True)))
        if self.average is not None:
            self.follows = (1.0 - self.settings.ema_keeps(self.done, len(rates))).tolist()

    def zero(self) -> None:
        """Forget the gradients of the step before."""
        self.trained.zero()

    def back(self, loss: Tensor, share: float | None = None) -> None:
        """Add the gradient of a batch's loss, times its share in the step."""
        if self.scale is not None:
            share = self.scale.scale * (1.0 if share is None else share)
        (loss if share is None else loss * share).backward()

    @torch.no_grad()
    def step(self, i: int) -> None:
        """Take step i of those that `begin` was told of."""
        present, scalars = self.trained.present(), self.scalars[i]
        if present.places:
            if self.scale is None or self.scale.undo(present.gradients):
                self._move(present, scalars)
            else:
                self.mover.skip(present)
        if self.average is not None:
            torch._foreach_lerp_(self.average, self.trained.tensors, self.follows[i])
        self.done += 1

    def _move(self, present: Present, scalars: Scalars) -> None:
        for change in self.changes:
            change(present)
        if self.decays and present.kernels:
            torch._foreach_mul_(present.kernels, scalars.decay)
        self.mover.step(present, scalars)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Have the averages in place of the weights inside a block, where there are some."""
        if self.average is None:
            yield
            return
        tensors = self.trained.tensors
        kept = _copies(tensors)
        with torch.no_grad():
            torch._foreach_copy_(tensors, self.average)
        try:
            yield
        finally:
            with torch.no_grad():
                torch._foreach_copy_(tensors, kept)

    @torch.no_grad()
    def average_here(self) -> None:
        """Let the averages be what the weights are now."""
        if self.average is not None:
            torch._foreach_copy_(self.average, self.trained.tensors)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return the memory of optimizer and loss scale, as arrays."""
        found = {"updates": np.array(self.done), **self.mover.state()}
        if self.scale is not None:
            found["loss_scale"] = np.array([self.scale.scale, self.scale.good])
        return found

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take the memory over from a `state`."""
        self.done = int(state["updates"])
        self.mover.restore(state)
        if self.scale is not None and "loss_scale" in state:
            scale, good = state["loss_scale"].tolist()
            self.scale.scale, self.scale.good = scale, int(good)


def _changes(settings: Settings) -> Iterator[Change]:
    """Yield what is done to gradients before a step, in order."""
    if settings.l2:
        yield partial(_add_l2, settings.l2)
    if settings.l1:
        yield partial(_add_l1, settings.l1)
    if settings.clip_value is not None:
        yield partial(_clip_values, float(settings.clip_value))
    if settings.clip_norm is not None:
        yield partial(_clip_norm, float(settings.clip_norm))


def _add_l2(strength: float, present: Present) -> None:
    if present.kernels:
        torch._foreach_add_(present.slopes, present.kernels, alpha=strength)


def _add_l1(strength: float, present: Present) -> None:
    if present.kernels:
        torch._foreach_add_(present.slopes, torch._foreach_sign(present.kernels), alpha=strength)


def _clip_values(most: float, present: Present) -> None:
    torch._foreach_clamp_max_(present.gradients, most)
    torch._foreach_clamp_min_(present.gradients, -most)


def _clip_norm(most: float, present: Present) -> None:
    norms = torch._foreach_norm(present.gradients)
    norm = torch.linalg.vector_norm(torch.stack([n.to(norms[0]) for n in norms]))
    shrink = (most / norm).clamp_(max=1.0)
    for gradient in present.gradients:
        gradient.mul_(shrink)


def _copies(tensors: Sequence[Tensor]) -> list[Tensor]:
    return [tensor.detach().clone() for tensor in tensors]
