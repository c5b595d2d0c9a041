"""`unifml.training.ops.Ops` on Keras's tensors."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


class KerasOps:
    """See `unifml.training.ops.Ops`."""

    exp = staticmethod(ops.exp)
    expm1 = staticmethod(ops.expm1)
    log = staticmethod(ops.log)
    abs = staticmethod(ops.abs)

    def softplus(self, x: Any) -> Any:
        return -ops.log_sigmoid(-x)  # the softplus of an engine may be a line from 20 on

    def log_softmax(self, x: Any) -> Any:
        return ops.log_softmax(x, axis=-1)

    def floor_at(self, x: Any, least: float) -> Any:
        return ops.maximum(x, ops.cast(least, x.dtype))

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        return ops.where(condition, x, y)

    def mean(self, x: Any) -> Any:
        return ops.mean(x, axis=1)

    def sum(self, x: Any) -> Any:
        return ops.sum(x, axis=1)

    def pick(self, x: Any, codes: Any) -> Any:
        return ops.sum(x * ops.one_hot(codes, x.shape[1], dtype=x.dtype), axis=1)

    def concat(self, x: Any, y: Any) -> Any:
        return ops.concatenate([x, y], axis=1)

    def is_whole(self, x: Any) -> bool:
        return "float" not in keras.backend.standardize_dtype(x.dtype)

    def like(self, x: Any, other: Any) -> Any:
        return ops.cast(x, other.dtype)

    def shaped_like(self, x: Any, other: Any) -> Any:
        return ops.reshape(x, ops.shape(other))


OPS = KerasOps()
