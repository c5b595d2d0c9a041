"""Optimizer steps: of our rules, fused where torch has the same, and of optimizers of the user."""

from __future__ import annotations

import inspect
import io
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from unifml.adapters._torch_engine.flat import Present
from unifml.core.table import FloatArray
from unifml.errors import CapabilityError
from unifml.training import Adam, CustomOptimizer, Optimizer, Scalars, Settings

State = dict[str, npt.NDArray[Any]]


class Mover(Protocol):
    """Moves tensors down their gradients; penalties, clipping and decay are none of its."""

    def scalars(self, rates: FloatArray, first: int, decay: float) -> Scalars:
        """Return what `step` has to be told, for each of some steps."""
        ...

    def step(self, present: Present, scalars: Scalars) -> None:
        """Take one step."""
        ...

    def skip(self, present: Present) -> None:
        """Leave one step out; it counts all the same."""
        ...

    def state(self) -> State:
        """Return its memory."""
        ...

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take its memory over from a `state`."""
        ...


def mover(settings: Settings, tensors: Sequence[Tensor]) -> Mover:
    """Return what steps these tensors."""
    optimizer = settings.optimizer
    if isinstance(optimizer, CustomOptimizer):
        return Own(optimizer, tensors, settings)
    if isinstance(optimizer, Adam) and len({tensor.dtype for tensor in tensors}) == 1:
        return FusedAdam(optimizer, tensors)
    return Ruled(optimizer, tensors)


class _Slotted:
    """The memory of a rule: some tensors like each trained one."""

    def __init__(self, optimizer: Optimizer, tensors: Sequence[Tensor]) -> None:
        self.optimizer, self.clocks = optimizer, _clocks(tensors)
        self.slots = [[torch.zeros_like(t) for t in tensors] for _ in range(optimizer.slots)]

    def skip(self, present: Present) -> None:
        torch._foreach_add_([self.clocks[place] for place in present.places], 1.0)

    def state(self) -> State:
        found = {f"clock/{i}": clock for i, clock in enumerate(self.clocks)}
        for k, slot in enumerate(self.slots):
            found |= {f"slots/{k}/{i}": value for i, value in enumerate(slot)}
        return {name: value.detach().cpu().numpy().copy() for name, value in found.items()}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        with torch.no_grad():
            for i, clock in enumerate(self.clocks):
                clock.copy_(_tensor(state[f"clock/{i}"]))
            for k, slot in enumerate(self.slots):
                for i, value in enumerate(slot):
                    value.copy_(_tensor(state[f"slots/{k}/{i}"]))


class FusedAdam(_Slotted):
    """Adam by the operator behind torch's fused one, without what its class does around it.

    Each tensor has its own count of steps: one without a gradient takes none.
    """

    def scalars(self, rates: FloatArray, first: int, decay: float) -> Scalars:
        return Optimizer.scalars(self.optimizer, rates, first, decay)  # it corrects by itself

    def step(self, present: Present, scalars: Scalars) -> None:
        adam: Any = self.optimizer
        self.skip(present)
        first, second = ([slot[place] for place in present.places] for slot in self.slots)
        torch._fused_adam_(
            present.weights,
            present.gradients,
            first,
            second,
            [],
            [self.clocks[place] for place in present.places],
            lr=scalars.rate,
            beta1=adam.beta_1,
            beta2=adam.beta_2,
            weight_decay=0.0,
            eps=adam.epsilon,
            amsgrad=False,
            maximize=False,
        )


class Ruled(_Slotted):
    """The rules of `unifml.training`, on torch's tensors."""

    def scalars(self, rates: FloatArray, first: int, decay: float) -> Scalars:
        return self.optimizer.scalars(rates, first, decay)

    def step(self, present: Present, scalars: Scalars) -> None:
        triples = zip(present.places, present.weights, present.gradients, strict=True)
        for place, weight, gradient in triples:
            memory = tuple(slot[place] for slot in self.slots)
            change, new = self.optimizer.update(gradient, memory, scalars, torch)
            weight.sub_(change)
            for old, value in zip(memory, new, strict=True):
                old.copy_(value)


class Own:
    """An optimizer of the user. It gets the parameters themselves, in their own shapes.

    Its learning rates hold, times the schedule, unless ``Training(learning_rate=)`` says more.

    Raises
    ------
    CapabilityError
        For what is no optimizer, or one that wants to compute the loss by itself.
    """

    def __init__(
        self, optimizer: CustomOptimizer, tensors: Sequence[Tensor], settings: Settings
    ) -> None:
        factory = optimizer.factory
        self.optimizer = factory(list(tensors)) if callable(factory) else factory
        _check(self.optimizer, factory)
        self.scalars = optimizer.scalars
        keeps = "learning_rate" not in settings.explicit
        self.own_rates = [
            group["lr"] / settings.learning_rate if keeps else 1.0
            for group in self.optimizer.param_groups
        ]

    def step(self, present: Present, scalars: Scalars) -> None:
        for group, own in zip(self.optimizer.param_groups, self.own_rates, strict=True):
            group["lr"] = scalars.rate * own
        self.optimizer.step()

    def skip(self, present: Present) -> None:
        """Do nothing: an optimizer of the user counts for itself."""

    def state(self) -> State:
        buffer = io.BytesIO()
        torch.save(self.optimizer.state_dict(), buffer)
        return {"optimizer": np.frombuffer(buffer.getvalue(), np.uint8).copy()}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        buffer = io.BytesIO(np.asarray(state["optimizer"], np.uint8).tobytes())
        self.optimizer.load_state_dict(torch.load(buffer, weights_only=True))


def _check(found: object, factory: object) -> None:
    if not isinstance(found, torch.optim.Optimizer):
        raise CapabilityError(
            f"optimizer={factory!r} on backend 'torch'",
            found=f"a {type(found).__name__}",
            rule="a function from parameters to a torch.optim.Optimizer is needed",
        )
    parameters = inspect.signature(found.step).parameters.values()
    asks = isinstance(found, torch.optim.LBFGS) or any(
        p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters
    )
    if asks:
        raise CapabilityError(
            f"the optimizer {type(found).__name__}",
            found="its step() needs a closure that computes the loss anew",
            rule="each batch is computed once",
            fix='use an optimizer whose step() takes nothing, such as "adam"',
        )


def _clocks(tensors: Sequence[Tensor]) -> list[Tensor]:
    return [torch.zeros((), dtype=torch.float32, device=tensor.device) for tensor in tensors]


def _tensor(value: npt.NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.array(value))
