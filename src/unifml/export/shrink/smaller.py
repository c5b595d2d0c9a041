"""A model as a graph whose networks are smaller."""

from __future__ import annotations

from typing import Any

from unifml.export.ends import End, write_model
from unifml.export.shrink.shrinker import Shrinker
from unifml.export.writer import Writer
from unifml.runtime.feeding import Feeder
from unifml.runtime.schema import Input, Schema, Task


def write_smaller(
    precision: str,
    model: Any,
    task: Task,
    inputs: tuple[Input, ...],
    opset: int,
    *,
    columns: int,
    fields: dict[str, Any],
    X: Any,
) -> tuple[Any, Writer, tuple[End, ...]]:
    """Write a model as `write_model` does, with smaller networks.

    Parameters
    ----------
    precision : {"fp16", "int8", "int8_static"}
        How they become smaller.
    model : estimator
        Fitted; what really predicts.
    task : str
        What it answers.
    inputs : tuple of Input
        Inputs of the file.
    opset : int
        Version of ONNX's operators.
    columns : int
        Columns of the native prediction; 0 if it has one dimension.
    fields : dict
        What the schema says of inputs.
    X : rows
        From which ``int8_static`` takes its ranges.

    Raises
    ------
    UnknownNameError
        For a precision that there is not.
    ExportError
        If there is no network in the model, none becomes smaller, or one cannot be.
    """

    def feed() -> Any:
        return Feeder(Schema(task, inputs, (), **fields))(X)

    shrinker = Shrinker.of(precision, inputs, feed)
    written = write_model(model, task, inputs, opset, columns=columns, shrink=shrinker)
    if shrinker is not None:
        shrinker.check(type(model).__name__)
    return written
