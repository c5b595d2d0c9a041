"""The pure functions of a network on torch: nothing is compiled, weights are stepped in one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor

from unifml.adapters._torch_engine.flat import joined, parted
from unifml.adapters._torch_engine.threads import threads_for
from unifml.adapters.keras.compiled import (
    Blueprint,
    CompiledBase,
    State,
    Tensors,
    first,
    weighted_mean,
)


class Compiled(CompiledBase):
    """See `CompiledBase`."""

    namespace: ClassVar[Any] = torch

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__(blueprint)
        self.trained = [v.value.detach() for v in self.model.trainable_variables]
        self.fixed = [v.value.detach() for v in self.model.non_trainable_variables]
        self._none = torch.zeros(0, dtype=getattr(torch, self.dtype))  # where nothing is trained
        self._torch_shapes = [torch.Size(shape) for shape in self._shapes]

    def forward(self, trained: Tensors, fixed: Tensors, X: Any) -> Any:
        rows = len(next(iter(X.values())))
        with torch.no_grad(), threads_for(rows * self.size):
            outputs, _ = self.model.stateless_call(trained, fixed, X, training=False)
            return first(outputs)

    def prepare_epoch(self, steps: int) -> Callable[..., tuple[State, Any]]:
        return self._epoch

    def gradient(self, trained: Tensors, fixed: Tensors, data: Any) -> Any:
        X, y, w = data
        with threads_for(len(w) * self.size):
            watched = [v.detach().requires_grad_() for v in trained]
            outputs, _ = self.model.stateless_call(watched, fixed, X, training=False)
            loss = weighted_mean(self.losses(first(outputs), y), w)
            return loss.detach(), _gradients(loss, watched)

    def joined(self, values: Sequence[Any]) -> Any:
        return joined([values[place] for place in self.places] or [self._none])

    def parted(self, flat: Any) -> Tensors:
        return self.ordered(parted(flat, self._torch_shapes))

    def descend(self, weights: Any, fixed: Tensors, batch: Any, scale: Any) -> Any:
        X, y, w = batch
        with torch.enable_grad():
            watched = [v.detach().requires_grad_() for v in self.parted(weights)]
            outputs, fixed = self.trainer.stateless_call(watched, fixed, X, training=True)
            loss = weighted_mean(self.losses(first(outputs), y), w)
            gradients = _gradients(loss if scale is None else loss * scale, watched)
        return loss.detach(), [v.detach() for v in fixed], self.joined(gradients)

    def _epoch(self, state: State, data: Any, order: Any, series: Any, limits: Any) -> Any:
        X, y, w = data
        rows, edges, every = torch.from_numpy(order[0]).to(y.device), order[1], int(order[2])
        X, y, w = {name: values[rows] for name, values in X.items()}, y[rows], w[rows]
        places = [slice(*edge) for edge in pairwise(edges.tolist())]
        series, limits = (torch.from_numpy(part).to(w) for part in (series, limits))
        steps, bounds = series.T.unbind(), limits.unbind()
        carried, losses = self.gathering(state), []
        with torch.no_grad(), threads_for(int((edges[1:] - edges[:-1]).max()) * self.size):
            for i, place in enumerate(places):
                batch = {name: values[place] for name, values in X.items()}, y[place], w[place]
                step = steps[i // every].unbind()
                if not self.techniques.accumulates:
                    carried, loss = self.one_step(carried, batch, step, bounds)
                else:
                    carried, loss = self.gathered(carried, batch)
                    if (i + 1) % every == 0 or i + 1 == len(places):
                        carried = self.finished(carried, step, bounds)
                losses.append(loss)
        return {name: carried[name] for name in state}, torch.stack(losses)


def _gradients(loss: Tensor, trained: Tensors) -> Tensors:
    """Return zeros for what the loss does not depend on."""
    if not trained:
        return []
    return list(torch.autograd.grad(loss, trained, allow_unused=True, materialize_grads=True))
