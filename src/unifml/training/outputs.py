"""What raw outputs mean: probabilities, values, and the check of a native model's claim."""

from __future__ import annotations

from typing import Any

import numpy as np

from unifml.core.plan import Output
from unifml.core.table import FloatArray, IntArray
from unifml.core.task import Task
from unifml.errors import CapabilityError, DataError


def probabilities(outputs: FloatArray, task: Task, output: Output) -> FloatArray:
    """Return probabilities of shape (n, classes), or (n, labels) for multilabel problems.

    Parameters
    ----------
    outputs : array of shape (n, width)
        Raw outputs; two classes may come as one column.
    task : Task
        What is learned.
    output : {"logits", "probabilities", "log_probabilities"}
        What the outputs are.

    Raises
    ------
    CapabilityError
        For scores, which are no probabilities.
    """
    if output == "scores":
        raise CapabilityError(
            "probabilities of a model that was trained with a hinge loss",
            found="it returns scores",
            rule="the largest score wins, and its size is no probability",
            fix='train with loss="cross_entropy"',
        )
    single = task.multilabel or outputs.shape[1] == 1
    if output == "logits":
        values = _sigmoid(outputs) if single else _softmax(outputs)
    else:
        values = np.exp(outputs) if output == "log_probabilities" else outputs
    if single and not task.multilabel:
        values = np.concatenate([1.0 - values, values], axis=1)
    return values


def decide(outputs: FloatArray, task: Task, output: Output) -> IntArray:
    """Return the codes (n,) of the likeliest classes, or (n, labels) of 0 and 1 for multilabel.

    Parameters
    ----------
    outputs : array of shape (n, width)
        Raw outputs; two classes may come as one column.
    task : Task
        What is learned.
    output : {"logits", "probabilities", "log_probabilities", "scores"}
        What the outputs are; of scores and logits those above 0 are a yes.
    """
    if output == "scores":
        single, even = task.multilabel or outputs.shape[1] == 1, 0.0
    else:
        outputs, single, even = probabilities(outputs, task, output), task.multilabel, 0.5
    if not single:
        return np.asarray(outputs.argmax(axis=1), np.int64)
    yes = np.asarray(outputs > even, np.int64)
    return yes if task.multilabel else yes[:, 0]


def predicted_values(outputs: FloatArray, output: Output) -> FloatArray:
    """Return what is predicted, in units of the targets that were learned.

    Parameters
    ----------
    outputs : array of shape (n, targets)
        Raw outputs.
    output : {"values", "log_values"}
        What the outputs are.
    """
    values: FloatArray = np.exp(outputs) if output == "log_values" else outputs
    return values


def one_table(found: Any, task: Task) -> Any:
    """Return the probabilities of labels as one table, where a library gives a list of tables."""
    if task.multilabel and isinstance(found, list):
        return np.stack([table[:, -1] for table in found], axis=1)
    return found


def check_outputs(outputs: Any, task: Task, output: Output) -> None:
    """Raise if the first outputs of a native model are not what it claims.

    Raises
    ------
    DataError
        For a wrong width, or claimed probabilities that are not.
    """
    allowed = allowed_widths(task)
    shape = np.shape(outputs)
    if len(shape) != 2 or shape[1] not in allowed:
        raise DataError(
            "checking the model on the first rows",
            found=f"outputs of shape {shape}",
            rule=f"(n, {' or '.join(map(str, allowed))}) is needed for {_describe(task)}",
            fix="let the factory take n_outputs and end in a layer of that width",
        )
    if not np.all(np.isfinite(outputs)):
        raise DataError("checking the model on the first rows", found="NaN or infinite outputs")
    if output == "logits" and not task.multilabel and _look_like_shares(outputs):
        raise DataError(
            "a model whose outputs are read as logits",
            found="values in [0, 1] that sum to 1 in every row",
            rule="a softmax would be applied twice",
            fix='leave out the last softmax, or say unifml.Native(factory, output="probabilities")',
        )
    if output not in ("probabilities", "log_probabilities"):
        return
    values = np.exp(outputs) if output == "log_probabilities" else np.asarray(outputs)
    sums_to_one = task.multilabel or shape[1] == 1 or np.allclose(values.sum(1), 1.0, atol=1e-4)
    if values.min() < -1e-6 or values.max() > 1 + 1e-6 or not sums_to_one:
        raise DataError(
            f"a model that claims to return {output}",
            found=f"values in [{values.min():.3g}, {values.max():.3g}], "
            f"row sums in [{values.sum(1).min():.3g}, {values.sum(1).max():.3g}]",
            rule="probabilities lie in [0, 1] and sum to 1",
            fix='state what it returns: unifml.Native(factory, output="logits")',
        )


def allowed_widths(task: Task) -> tuple[int, ...]:
    """Return the widths that a native network may have."""
    return (1, 2) if task.binary else (task.width,)


def _look_like_shares(outputs: Any) -> bool:
    values = np.asarray(outputs)
    several = values.shape[0] > 1 and values.shape[1] > 1
    return several and values.min() >= 0 and bool(np.allclose(values.sum(1), 1.0, atol=1e-6))


def _describe(task: Task) -> str:
    if task.multilabel:
        return f"{task.n_targets} labels"
    return f"{task.n_classes} classes" if task.n_classes else f"{task.n_targets} target(s)"


def _sigmoid(x: FloatArray) -> FloatArray:
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0 / (1.0 + small), small / (1.0 + small))


def _softmax(x: FloatArray) -> FloatArray:
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    shares: FloatArray = powers / powers.sum(axis=1, keepdims=True)
    return shares
