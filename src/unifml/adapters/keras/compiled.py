"""What the compiled functions of a network are on every engine: shapes, and one optimizer step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
from keras import ops

from unifml.adapters.keras.steppers import Stepper

State = dict[str, Any]
Tensors = list[Any]
START_SCALE, PATIENCE = 2.0**15, 2000  # of the loss in float16: doubled after so many good steps
SERIES = ("rate", "correction", "decay", "keep")
LIMITS = ("l1", "l2", "clip_value", "clip_norm")


class Techniques(NamedTuple):
    """What a step does besides stepping: what is left out is not traced, and its numbers are fed.

    Attributes
    ----------
    penalises : bool
        l1 or l2 enter the gradient.
    clips_value, clips_norm : bool
        Entries of the gradient, or its norm, are held within bounds.
    accumulates : bool
        Several batches make a step.
    averages : bool
        A running average of the weights is kept.
    scales : bool
        The loss is scaled, for gradients in float16.
    """

    penalises: bool = False
    clips_value: bool = False
    clips_norm: bool = False
    accumulates: bool = False
    averages: bool = False
    scales: bool = False


@dataclass(frozen=True)
class Blueprint:
    """What is compiled.

    Attributes
    ----------
    model : keras.Model
        A skeleton, whose variables give shapes only: its values are never used. Its inputs are a
        dict of tensors by name, its output a tensor or a list: the first is what is learned.
    trainer : keras.Model
        The same in training: itself, or one that computes with fewer bits.
    losses : callable
        ``losses(outputs, y) -> (n,)``.
    stepper : Stepper
        From gradients to steps.
    kernels : sequence of bool
        Which trainable weights are kernels.
    techniques : Techniques
        What else a step does.
    y_shape, y_dtype
        Shape of one row of targets, and their dtype.
    fills : bool
        Whether rows of weight 0 change nothing, so that batches may be filled up to one size.
    compile : bool or "auto"
        What the user wants of the compiler.
    """

    model: Any
    trainer: Any
    losses: Callable[[Any, Any], Any]
    stepper: Stepper
    kernels: Sequence[bool]
    techniques: Techniques
    y_shape: tuple[int, ...]
    y_dtype: str
    fills: bool = True
    compile: bool | str = "auto"


class CompiledBase:
    """The pure functions of one network: built once, shared by every fit of it.

    All trained weights are one flat vector, kernels first: a step is a few operations, however
    many layers there are. A state of training is a dict: ``weights`` (flat), ``fixed`` (the other
    variables, a list), ``slots`` (what the optimizer keeps, a list), and by technique ``average``
    (flat), ``scale`` and ``good`` (of the loss).

    Parameters
    ----------
    blueprint : Blueprint
        What is compiled.
    """

    namespace: ClassVar[Any]  # with the `sqrt` and `sign` of the engine

    def __init__(self, blueprint: Blueprint) -> None:
        self.blueprint = blueprint
        self.model, self.trainer = blueprint.model, blueprint.trainer
        self.losses, self.techniques = blueprint.losses, blueprint.techniques
        self.y_shape, self.y_dtype = blueprint.y_shape, blueprint.y_dtype
        self.dtype = next(str(x.dtype) for x in self.model.inputs if "float" in str(x.dtype))
        self.shapes = [tuple(v.shape) for v in self.model.trainable_variables]
        kernels = np.asarray(blueprint.kernels, dtype=bool)
        self.places = [*np.flatnonzero(kernels).tolist(), *np.flatnonzero(~kernels).tolist()]
        self.sizes = [prod(self.shapes[place]) for place in self.places]
        self.size = sum(self.sizes)
        self.n_kernels = sum(prod(self.shapes[i]) for i in np.flatnonzero(kernels).tolist())
        self.stepper = blueprint.stepper.on(self)

    # What an engine adds.

    def forward(self, trained: Tensors, fixed: Tensors, X: Any) -> Any:
        """Return outputs in inference mode."""
        raise NotImplementedError

    def prepare_epoch(self, steps: int) -> Callable[..., tuple[State, Any]]:
        """Return ``epoch(state, data, order, series, limits)`` for a fit of so many steps.

        It returns the new state and the loss of each batch. `order` are the rows and edges of the
        epoch, the batches of each step, and the rows that a batch has at most; `series` has a row
        for each of `SERIES` and a column for each step; `limits` are numbers, see `LIMITS`.
        """
        raise NotImplementedError

    def prepare_gradient(self) -> None:
        """Trace the function of loss and gradient, where that can be done ahead."""

    def gradient(self, trained: Tensors, fixed: Tensors, data: Any) -> Any:
        """Return mean loss over all rows and its gradient, in inference mode."""
        raise NotImplementedError

    def joined(self, values: Sequence[Any]) -> Any:
        """Return tensors, one for each trained weight, as one flat tensor."""
        raise NotImplementedError

    def parted(self, flat: Any) -> Tensors:
        """Return the tensors that `joined` made one of."""
        raise NotImplementedError

    def descend(self, weights: Any, fixed: Tensors, batch: Any, scale: Any) -> Any:
        """Return the loss of a batch, the new fixed state, and the flat gradient, scaled."""
        raise NotImplementedError

    def stateless_apply(
        self, optimizer: Any, kept: Tensors, gradients: Tensors, weights: Tensors
    ) -> tuple[Tensors, Tensors]:
        """Take a step of an optimizer of Keras's; return the weights, and what it keeps."""
        return optimizer.stateless_apply(kept, gradients, weights)  # type: ignore[no-any-return]

    # Outside of what is compiled.

    def joined_arrays(self, values: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """Return arrays, one for each trained weight, as one flat array."""
        parts = [np.asarray(values[place]).reshape(-1) for place in self.places]
        return np.concatenate(parts) if parts else np.empty(0)

    def parted_arrays(self, flat: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """Return the arrays that `joined_arrays` made one of."""
        parts = np.split(flat, np.cumsum(self.sizes)[:-1]) if self.places else []
        return self.ordered([part.reshape(s) for part, s in zip(parts, self._shapes, strict=True)])

    def held(self, arrays: Any) -> Any:
        """Return the rows to learn from, as arrays, in the shape in which the engine wants them."""
        return arrays

    # One step, in the tensors of any engine.

    @property
    def _shapes(self) -> list[tuple[int, ...]]:
        return [self.shapes[place] for place in self.places]

    def ordered(self, values: Sequence[Any]) -> list[Any]:
        """Return values, one for each weight as they lie in the flat one, in the model's order."""
        found = dict(zip(self.places, values, strict=True))
        return [found[place] for place in range(len(self.places))]

    def on_kernels(self, change: Callable[..., Any], *values: Any) -> Any:
        """Change the part of flat tensors that kernels lie in; the rest of the first stays."""
        if self.n_kernels == self.size:
            return change(*values)
        if not self.n_kernels:
            return values[0]
        changed = change(*(value[: self.n_kernels] for value in values))
        return ops.concatenate([changed, values[0][self.n_kernels :]], axis=0)

    def one_step(self, state: State, batch: Any, step: Any, limits: Any) -> tuple[State, Any]:
        """Take one step down the loss of a batch: return the state after it, and the loss."""
        loss, fixed, gradient = self.descend(
            state["weights"], state["fixed"], batch, state.get("scale")
        )
        return self.moved({**state, "fixed": fixed}, gradient, step, limits), loss

    def gathered(self, state: State, batch: Any) -> tuple[State, Any]:
        """Add the gradient of a batch to those of the step to come; return the state and loss."""
        loss, fixed, gradient = self.descend(
            state["weights"], state["fixed"], batch, state.get("scale")
        )
        total = ops.sum(batch[2])
        added = {"sum": state["sum"] + total * gradient, "total": state["total"] + total}
        return {**state, "fixed": fixed, **added}, loss

    def finished(self, state: State, step: Any, limits: Any) -> State:
        """Take the step that the gathered gradients make."""
        moved = self.moved(state, state["sum"] / state["total"], step, limits)
        zeros = {name: ops.zeros_like(state[name]) for name in ("sum", "total")}
        return {**moved, **zeros}

    def gathering(self, state: State) -> State:
        """Return a state that gradients can be gathered in, if batches are."""
        if not self.techniques.accumulates:
            return state
        weights = state["weights"]
        return {**state, "sum": ops.zeros_like(weights), "total": ops.zeros((), weights.dtype)}

    def moved(self, state: State, gradient: Any, step: Any, limits: Any) -> State:
        """Return the state after a step down a flat gradient.

        Parameters
        ----------
        step, limits : sequence of scalar tensors
            See `SERIES` and `LIMITS`.
        """
        weights = state["weights"]
        sound = None
        if self.techniques.scales:
            gradient = gradient / state["scale"]
            sound = ops.all(ops.isfinite(gradient))
        gradient = self._bounded(self._penalised(gradient, weights, limits), limits)
        after, slots = self.stepper.step(weights, gradient, state["slots"], step)
        new = {**state, "weights": after, "slots": slots}
        if self.techniques.averages:
            new["average"] = step[3] * state["average"] + (1.0 - step[3]) * after
        return new if sound is None else _unless_overflown(state, new, sound)

    def _penalised(self, gradient: Any, weights: Any, limits: Any) -> Any:
        if not self.techniques.penalises:
            return gradient
        l1, l2 = limits[0], limits[1]
        sign = self.namespace.sign
        return self.on_kernels(lambda g, w: g + l2 * w + l1 * sign(w), gradient, weights)

    def _bounded(self, gradient: Any, limits: Any) -> Any:
        if self.techniques.clips_value:
            gradient = ops.minimum(ops.maximum(gradient, -limits[2]), limits[2])
        if self.techniques.clips_norm:
            norm = ops.sqrt(ops.sum(gradient * gradient))
            one = ops.ones_like(norm)
            gradient = gradient * ops.where(norm > limits[3], limits[3] / norm, one)
        return gradient


def _unless_overflown(old: State, new: State, sound: Any) -> State:
    """Return the new state if the gradient was finite, else the old; and the next scale."""
    scale, good = old["scale"], old["good"]
    ripe = good + 1 >= PATIENCE
    grown = ops.where(ripe, scale * 2.0, scale)
    zero = ops.zeros_like(good)

    def chosen(name: str) -> Any:
        if name == "slots":
            pairs = zip(new[name], old[name], strict=True)
            return [ops.where(sound, a, b) for a, b in pairs]
        return ops.where(sound, new[name], old[name])

    kept: State = {name: chosen(name) for name in _SKIPPED if name in new}
    return {
        **new,
        **kept,
        "scale": ops.where(sound, grown, scale / 2.0),
        "good": ops.where(sound, ops.where(ripe, zero, good + 1), zero),
    }


_SKIPPED = ("weights", "slots", "average")


def first(outputs: Any) -> Any:
    """Return the output that is learned."""
    return outputs[0] if isinstance(outputs, list | tuple) else outputs


def weighted_mean(losses: Any, weight: Any) -> Any:
    """Return ``sum(w * loss) / sum(w)``."""
    losses = ops.cast(losses, weight.dtype)  # 0 and 1 for classes are float64 where JAX has that
    return ops.sum(losses * weight) / ops.sum(weight)
