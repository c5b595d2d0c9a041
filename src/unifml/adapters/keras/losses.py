"""Losses on Keras's tensors: ours, row by row, and the ones to compile a model with."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from unifml.adapters.keras.ops import OPS
from unifml.core.plan import Output
from unifml.core.task import Task
from unifml.errors import CapabilityError
from unifml.training import CrossEntropy, CustomLoss, Focal, Loss


def row_losses(loss: Loss, outputs: Any, y: Any, task: Task, output: Output) -> Any:
    """Return the loss of each row, as `unifml.training.losses.loss_values` defines it.

    Outputs of 16 bits are taken as float32. A loss of the user's own that is one number for the
    batch stands for each row: see `is_per_row`.
    """
    if keras.backend.standardize_dtype(outputs.dtype) in ("float16", "bfloat16"):
        outputs = ops.cast(outputs, "float32")
    if isinstance(loss, CustomLoss):
        found = _of_user(loss.function, outputs, y, task)
        return found if len(found.shape) else ops.broadcast_to(found, ops.shape(outputs)[:1])
    if loss == CrossEntropy() and output == "logits" and OPS.is_whole(y):
        return _cross_entropy(outputs, y, task)
    return loss.values(OPS, outputs, y, task, output)


def is_per_row(loss: Loss, outputs: Any, y: Any, task: Task) -> bool:
    """Say whether a loss gives a number for each row; a loss of the user's own is tried on some.

    One that does not can have no weights of rows, nor batches filled up by rows of weight 0.
    """
    if not isinstance(loss, CustomLoss):
        return True
    return len(_of_user(loss.function, outputs, y, task).shape) > 0


def _cross_entropy(outputs: Any, y: Any, task: Task) -> Any:
    """Take the shortest way for codes and logits."""
    if not task.multilabel and outputs.shape[1] > 1:
        return ops.sparse_categorical_crossentropy(y, outputs, from_logits=True)
    signs = 2.0 * OPS.shaped_like(OPS.like(y, outputs), outputs) - 1.0
    return OPS.mean(OPS.softplus(-signs * outputs))


def _of_user(function: Any, outputs: Any, y: Any, task: Task) -> Any:
    """Return what a loss of the user's own says: (n,), or one number."""
    if task.kind == "regression":
        y = OPS.shaped_like(y, outputs)
    if isinstance(function, keras.losses.Loss):
        found = function.call(y, outputs)  # its reduction left out
    elif of_keras(function):
        found = function(y, outputs)
    else:
        found = function(outputs, y)
    if not hasattr(found, "shape"):
        raise CapabilityError(
            f"the loss {function!r}",
            found=f"it returned a {type(found).__name__}",
            rule="a loss returns a tensor with one number for each row",
        )
    rank = len(found.shape)
    return ops.mean(found, axis=tuple(range(1, rank))) if rank > 1 else found


def of_keras(loss: Any) -> bool:
    """Say whether a loss, or a function, is Keras's own: it takes targets first."""
    inner = getattr(loss, "fn", loss)
    module = getattr(inner, "__module__", None) or type(inner).__module__
    return str(module).split(".")[0] == "keras"


def loss_call(loss: Loss, task: Task, *, from_logits: bool = True) -> tuple[str, dict[str, Any]]:
    """Return the class of Keras that corresponds to a loss, and its arguments.

    The name is "" where Keras has none: for hinges and focal loss of several classes it wants other
    targets, it smooths a focal loss otherwise, its Poisson takes rates, not their logarithms, and a
    quantile loss it has not. Of codes of several classes it has no label smoothing: that is left
    out, see `is_keras_loss`.
    """
    on_off = task.multilabel or task.binary
    given: dict[str, Any] = {"from_logits": from_logits}
    if isinstance(loss, CrossEntropy) and not on_off:
        return "SparseCategoricalCrossentropy", given
    if isinstance(loss, CrossEntropy):
        smoothing = {"label_smoothing": loss.label_smoothing} if loss.label_smoothing else {}
        return "BinaryCrossentropy", given | smoothing
    if isinstance(loss, Focal) and on_off and not loss.label_smoothing:
        given |= {"gamma": loss.gamma, "apply_class_balancing": loss.alpha is not None}
        given |= {} if loss.alpha is None else {"alpha": loss.alpha}
        return "BinaryFocalCrossentropy", given
    if loss.kind in ("hinge", "squared_hinge") and not on_off:
        return "", {}
    return _CLASSES.get(loss.kind, ""), loss.get_params(deep=False) if loss.kind in _CLASSES else {}


def is_keras_loss(loss: Loss, task: Task) -> bool:
    """Say whether Keras has the loss itself, so that what it trains by itself is the same."""
    if isinstance(loss, CustomLoss):
        return of_keras(loss.function)
    smooth = isinstance(loss, CrossEntropy) and loss.label_smoothing > 0
    return bool(loss_call(loss, task)[0]) and (task.multilabel or task.binary or not smooth)


_CLASSES = {
    "mse": "MeanSquaredError",
    "mae": "MeanAbsoluteError",
    "huber": "Huber",
    "log_cosh": "LogCosh",
    "hinge": "Hinge",
    "squared_hinge": "SquaredHinge",
}


def compiled_loss(loss: Loss, task: Task, dtype: str, *, from_logits: bool = True) -> Any:
    """Return the loss of Keras that corresponds to ours (its squared error has no half).

    None where Keras has none. A loss of the user's own is compiled if it is Keras's or takes
    targets first, as Keras calls it.
    """
    if isinstance(loss, CustomLoss):
        return loss.function if of_keras(loss.function) else None
    name, arguments = loss_call(loss, task, from_logits=from_logits)
    return getattr(keras.losses, name)(**arguments, dtype=dtype) if name else None


def compiled_metrics(task: Task, loss: Loss | None = None) -> list[Any]:
    """Return the metrics to compile a network of ours with."""
    if task.kind == "regression":
        plain = loss is None or loss.output == "values"
        return [keras.metrics.RootMeanSquaredError(name="rmse")] if plain else []
    if task.multilabel or task.binary:
        return [keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy")]
    return [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]
