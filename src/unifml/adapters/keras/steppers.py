"""From the gradient of all weights to their step: by a rule of ours, or by Keras's optimizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from unifml.adapters.keras.engine import load
from unifml.adapters.keras.optimizers import users_optimizer
from unifml.errors import CapabilityError
from unifml.training import CustomOptimizer, Optimizer, Scalars, Settings

if TYPE_CHECKING:
    from unifml.adapters.keras.compiled import CompiledBase


class Stepper(Protocol):
    """Steps flat weights; it is made for a network by `on`, in whose tensors it computes."""

    by_weight: bool  # whether what is kept is a number for each weight, as flat as these

    def check(self, rates: Any, own: float) -> None:
        """Raise if these learning rates cannot be followed; `own` is that of the settings."""

    def on(self, network: CompiledBase) -> Stepper:
        """Take the network to step for; return itself."""

    def start(self) -> list[npt.NDArray[Any]]:
        """Return what is kept for the first step."""

    def step(self, weights: Any, gradient: Any, slots: Any, step: Any) -> tuple[Any, list[Any]]:
        """Return the weights after a step, and what is kept for the next one."""


class RuleStepper:
    """Steps by an update rule of `unifml.training`, once for all weights.

    Parameters
    ----------
    optimizer : Optimizer
        The rule.
    """

    by_weight = True

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer

    def check(self, rates: Any, own: float) -> None:
        """Do nothing: it follows any."""

    def on(self, network: CompiledBase) -> RuleStepper:
        self.network = network
        return self

    def start(self) -> list[npt.NDArray[Any]]:
        network = self.network
        return [np.zeros(network.size, network.dtype) for _ in range(self.optimizer.slots)]

    def step(self, weights: Any, gradient: Any, slots: Any, step: Any) -> tuple[Any, list[Any]]:
        scalars, maths = Scalars(*step[:3]), self.network.namespace
        delta, kept = self.optimizer.update(gradient, tuple(slots), scalars, maths)
        if self.optimizer.decays:
            weights = self.network.on_kernels(lambda w: w * scalars.decay, weights)
        return weights - delta, list(kept)


class KerasStepper:
    """Steps by an optimizer of Keras's, which keeps what it wants for each weight.

    Parameters
    ----------
    settings : Settings
        Its optimizer is a `CustomOptimizer`.
    variables : sequence of keras.Variable
        The trained variables of a skeleton.
    """

    by_weight = False

    def __init__(self, settings: Settings, variables: Any) -> None:
        self.optimizer = users_optimizer(settings)
        self.optimizer.build(variables)
        kept = self.optimizer.variables
        self._start = [load().to_numpy(v.value) for v in kept]
        rate = rate_of(self.optimizer)
        self._rate = next((i for i, v in enumerate(kept) if v is rate), None)

    def check(self, rates: Any, own: float) -> None:
        if self._rate is None and np.any(np.asarray(rates) != own):
            raise CapabilityError(
                f"learning rates of Training for {type(self.optimizer).__name__}",
                found="it has a schedule of its own",
                rule="only one of the two can hold",
                fix="leave schedule, warmup and run.learning_rate out, or give the optimizer "
                "a number for its learning rate",
            )

    def on(self, network: CompiledBase) -> KerasStepper:
        self.network = network
        return self

    def start(self) -> list[npt.NDArray[Any]]:
        return [value.copy() for value in self._start]

    def step(self, weights: Any, gradient: Any, slots: Any, step: Any) -> tuple[Any, list[Any]]:
        slots, parted = list(slots), self.network.parted
        if self._rate is not None:
            slots[self._rate] = ops.cast(step[0], slots[self._rate].dtype)
        apply = self.network.stateless_apply
        found, kept = apply(self.optimizer, slots, parted(gradient), parted(weights))
        return self.network.joined(found), list(kept)


def rate_of(optimizer: Any) -> Any:
    """Return the variable of an optimizer's learning rate; None if it follows its own schedule."""
    rate = getattr(optimizer, "inner_optimizer", optimizer)._learning_rate
    return rate if isinstance(rate, keras.Variable) else None


def stepper(settings: Settings, variables: Any) -> Stepper:
    """Return what steps by the optimizer of some settings."""
    if isinstance(settings.optimizer, CustomOptimizer):
        return KerasStepper(settings, variables)
    return RuleStepper(settings.optimizer)
