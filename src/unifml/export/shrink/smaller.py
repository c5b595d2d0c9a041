"""A model as a graph whose networks are smaller."""

from __future__ import annotations

from typing import Any

from unifml.export.ends import End
from unifml.export.made import Question
from unifml.export.shrink.shrinker import Shrinker
from unifml.export.writer import Writer
from unifml.runtime.feeding import Feeder
from unifml.runtime.schema import Schema


def write_smaller(asked: Question, precision: str) -> tuple[Any, Writer, tuple[End, ...]]:
    """Write a model as `write_model` does, with smaller networks.

    Parameters
    ----------
    asked : Question
        What is exported; from its rows ``int8_static`` takes its ranges.
    precision : {"fp16", "int8", "int8_static"}
        How networks become smaller.

    Raises
    ------
    UnknownNameError
        For a precision that there is not.
    ExportError
        If there is no network in the model, none becomes smaller, or one cannot be.
    """

    def feed() -> Any:
        return Feeder(Schema(asked.task, asked.inputs, (), **asked.fields))(asked.X)

    shrinker = Shrinker.of(precision, asked.inputs, feed)
    written = asked.written(shrinker)
    if shrinker is not None:
        shrinker.check(type(asked.model).__name__)
    return written
