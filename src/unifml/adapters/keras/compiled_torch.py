"""The functions of a network on torch: Keras's layers, torch's gradients, flat steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from unifml.adapters._torch_engine.flat import joined, parted
from unifml.adapters._torch_engine.threads import threads_for

Tensors = list[Any]


class Compiled:
    """The pure functions of one network, shared by every fit of it; nothing is compiled.

    Parameters
    ----------
    model : keras.Model
        A skeleton, whose variables give shapes only: its values are never used. Its inputs are a
        dict of tensors by name, its output a tensor or a list: the first is what is learned.
    losses : callable
        ``losses(outputs, y) -> (n,)``.
    update : callable
        ``update(gradient, slots, step scalars) -> (delta, slots)``.
    n_slots : int
        Slots that the optimizer keeps for each weight.
    kernels : sequence of bool
        Which trainable weights are kernels.
    y_shape, y_dtype
        Shape of one row of targets, and their dtype.
    """

    def __init__(
        self,
        model: Any,
        losses: Callable[[Any, Any], Any],
        update: Callable[[Any, Any, Any], tuple[Any, Any]],
        n_slots: int,
        kernels: Sequence[bool],
        y_shape: tuple[int, ...],
        y_dtype: str,
    ) -> None:
        self.model, self.losses, self.update = model, losses, update
        self.n_slots = n_slots
        self.y_shape, self.y_dtype = y_shape, y_dtype
        self.trained = [v.value.detach() for v in model.trainable_variables]
        self.fixed = [v.value.detach() for v in model.non_trainable_variables]
        chosen = [i for i, kernel in enumerate(kernels) if kernel]
        others = [i for i, kernel in enumerate(kernels) if not kernel]
        self._groups = [Group(i, i is chosen) for i in (chosen, others) if i]
        self._size = sum(v.numel() for v in self.trained)

    def forward(self, trained: Tensors, fixed: Tensors, X: Any) -> Any:
        """Return outputs in inference mode."""
        rows = len(next(iter(X.values())))
        with torch.no_grad(), threads_for(rows * self._size):
            return self._call(trained, fixed, X, training=False)[0]

    def prepare_epoch(self, steps: int) -> Callable[..., Any]:
        """Return ``epoch(state, data, order, scalars, penalties)``.

        It returns the new state and the loss of each batch.
        """
        return self._epoch

    def prepare_gradient(self) -> None:
        """Do nothing: functions are not compiled."""

    def gradient(self, trained: Tensors, fixed: Tensors, data: Any) -> Any:
        """Return mean loss over all rows and its gradient, in inference mode."""
        X, y, w = data
        with threads_for(len(y) * self._size):
            watched = [v.detach().requires_grad_() for v in trained]
            outputs, _ = self._call(watched, fixed, X, training=False)
            loss = _mean(self.losses(outputs, y), w)
            return loss.detach(), _gradients(loss, watched)

    def _epoch(self, state: Any, data: Any, order: Any, scalars: Any, penalties: Any) -> Any:
        (rows, edges), (trained, fixed, slots) = order, state
        X, y, w = data
        X, y, w = {name: values[rows] for name, values in X.items()}, y[rows], w[rows]
        places = [slice(*edge) for edge in pairwise(edges.tolist())]
        flat = [(group.taken(trained), group.memory(slots, self.n_slots)) for group in self._groups]
        losses = []
        with threads_for(int(edges.diff().max()) * self._size):
            for place, *step in zip(places, *scalars, strict=True):
                batch = {name: values[place] for name, values in X.items()}, y[place], w[place]
                weights = self._parted([values for values, _ in flat])
                loss, fixed, gradients = self._descend(weights, fixed, batch)
                flat = [
                    self._move(group, part, gradients, step, penalties)
                    for group, part in zip(self._groups, flat, strict=True)
                ]
                losses.append(loss)
        trained = self._parted([values for values, _ in flat])
        memories = [self._parted([memory[i] for _, memory in flat]) for i in range(self.n_slots)]
        slots = [memory[place] for place in range(len(trained)) for memory in memories]
        return (trained, fixed, slots), torch.stack(losses)

    def _descend(self, trained: Tensors, fixed: Tensors, batch: Any) -> Any:
        """Return the loss, the new fixed state and the gradients of a batch."""
        X, y, w = batch
        watched = [v.detach().requires_grad_() for v in trained]
        outputs, fixed = self._call(watched, fixed, X, training=True)
        loss = _mean(self.losses(outputs, y), w)
        return loss.detach(), [v.detach() for v in fixed], _gradients(loss, watched)

    def _move(self, group: Group, part: Any, gradients: Tensors, step: Any, penalties: Any) -> Any:
        weight, memory = part
        gradient = group.taken(gradients)
        if group.kernels:
            l1, l2 = penalties
            gradient = gradient + l2 * weight + l1 * torch.sign(weight)
        delta, memory = self.update(gradient, memory, step)
        return (weight * step[2] if group.kernels else weight) - delta, memory

    def _parted(self, flat: Sequence[Tensor]) -> Tensors:
        found: dict[int, Tensor] = {}
        for group, values in zip(self._groups, flat, strict=True):
            shapes = [self.trained[i].shape for i in group.places]
            found |= zip(group.places, parted(values, shapes), strict=True)
        return [found[i] for i in range(len(self.trained))]

    def _call(self, trained: Tensors, fixed: Tensors, X: Any, *, training: bool) -> Any:
        outputs, fixed = self.model.stateless_call(trained, fixed, X, training=training)
        return (outputs[0] if isinstance(outputs, list | tuple) else outputs), fixed


class Group:
    """Weights that are stepped in one: kernels, or the others."""

    def __init__(self, places: Sequence[int], kernels: bool) -> None:
        self.places, self.kernels = places, kernels

    def taken(self, values: Sequence[Tensor]) -> Tensor:
        """Return those of this group as one flat tensor."""
        return joined([values[i] for i in self.places])

    def memory(self, slots: Sequence[Tensor], count: int) -> tuple[Tensor, ...]:
        """Return the slots of this group, each as one flat tensor."""
        return tuple(joined([slots[i * count + k] for i in self.places]) for k in range(count))


def _gradients(loss: Tensor, trained: Tensors) -> Tensors:
    """Return zeros for what the loss does not depend on."""
    if not trained:
        return []
    return list(torch.autograd.grad(loss, trained, allow_unused=True, materialize_grads=True))


def _mean(losses: Tensor, weight: Tensor) -> Tensor:
    return (losses * weight).sum() / weight.sum()
