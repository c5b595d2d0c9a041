"""What becomes of the gradients of a user's Keras model before a step, and of its weights after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from unifml.training import Settings


def zeros_like(variable: Any) -> Any:
    """Return a variable of the same shape and dtype that is not trained."""
    return keras.Variable("zeros", variable.shape, variable.dtype, trainable=False)


def bounded(gradients: Sequence[Any], settings: Settings, scale: Any) -> list[Any]:
    """Return gradients with their entries, then their norm together, held within bounds.

    Parameters
    ----------
    scale : tensor
        What the gradients are multiplied with.
    """
    found, bound = list(gradients), settings.clip_value
    if bound is not None:
        found = [g if g is None else _within(g, ops.cast(bound * scale, g.dtype)) for g in found]
    if settings.clip_norm is not None:
        squares = [ops.sum(ops.square(g)) for g in found if g is not None]
        norm = ops.sqrt(sum(ops.cast(square, squares[0].dtype) for square in squares))
        most = ops.cast(settings.clip_norm * scale, norm.dtype)
        share = ops.where(norm > most, most / norm, ops.ones_like(norm))
        found = [g if g is None else g * ops.cast(share, g.dtype) for g in found]
    return found


def _within(gradient: Any, bound: Any) -> Any:
    return ops.minimum(ops.maximum(gradient, -bound), bound)


class Gathered:
    """The gradients of the batches of one step, summed up as their rows weigh."""

    def __init__(self, trained: Sequence[Any], dtype: str) -> None:
        self._sums = [zeros_like(v) for v in trained]
        self._total = keras.Variable("zeros", (), dtype, trainable=False)
        self._met = [True] * len(self._sums)

    @property
    def variables(self) -> list[Any]:
        """What changes."""
        return [*self._sums, self._total]

    def add(self, gradients: Sequence[Any], weight: Any) -> None:
        """Add those of a batch whose rows weigh so much together."""
        self._met = [gradient is not None for gradient in gradients]
        self._total.assign_add(ops.cast(weight, self._total.dtype))
        for kept, gradient in zip(self._sums, gradients, strict=True):
            if gradient is not None:
                kept.assign_add(ops.cast(gradient, kept.dtype) * ops.cast(weight, kept.dtype))

    def take(self) -> list[Any]:
        """Return the mean, and begin anew."""
        parts = zip(self._sums, self._met, strict=True)
        total = self._total.value
        found = [kept.value / ops.cast(total, kept.dtype) if met else None for kept, met in parts]
        for variable in self.variables:
            variable.assign(ops.zeros_like(variable.value))
        return found


class Averages:
    """Running averages of weights."""

    def __init__(self, trained: Sequence[Any]) -> None:
        self.trained, self.variables = list(trained), [zeros_like(v) for v in trained]
        for average, variable in zip(self.variables, self.trained, strict=True):
            average.assign(variable.value)

    def update(self, keep: Any) -> None:
        """Take the present weights in; the averages keep so much of themselves."""
        for average, variable in zip(self.variables, self.trained, strict=True):
            share = ops.cast(keep, average.dtype)
            average.assign(share * average.value + (1.0 - share) * variable.value)
