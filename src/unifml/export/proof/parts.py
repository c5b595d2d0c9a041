"""What one part of a model says, asked natively and read from the tensors of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unifml.export.proof.said import Array, Said, dense, margin
from unifml.export.proof.tables import columns_of
from unifml.runtime.feeding import text_of
from unifml.runtime.schema import LABEL, PREDICTION, PROBABILITIES, SCORES, TRANSFORMED

if TYPE_CHECKING:
    from unifml.export.writer import Stage

TEXT = "text"


def tensors_of(stage: Stage) -> list[str]:
    """Return the names of what a part gives."""
    answers = stage.answers
    inner = [name for part in answers.outputs for name in (part.label, part.probabilities)]
    named = [answers.label, answers.probabilities, answers.scores, *inner]
    blocks = [] if answers.transformed is None else list(answers.transformed.blocks)
    blocks += [] if answers.prediction is None else [answers.prediction]
    return [name for name in named if name] + [block.name for block in blocks]


def said_by_model(stage: Stage, X: Any) -> tuple[Said, Any]:
    """Return what a part says, and the columns that it gives to the next."""
    answers, model = stage.answers, stage.model
    said: Said = {}
    if answers.label is not None:
        said[LABEL] = np.asarray(model.predict(X))
    if answers.prediction is not None:
        said[PREDICTION] = np.asarray(model.predict(X))
    if answers.probabilities is not None and hasattr(model, "predict_proba"):
        said[PROBABILITIES] = np.asarray(model.predict_proba(X))
    elif answers.label is not None:
        said |= margin(model, X)
    if answers.scores is not None and hasattr(model, "decision_function"):
        said[SCORES] = np.asarray(model.decision_function(X))
    if answers.outputs and hasattr(model, "predict_proba"):
        shares = model.predict_proba(X)
        said |= {f"{PROBABILITIES}_{i}": np.asarray(share) for i, share in enumerate(shares)}
    if answers.transformed is None:
        return said, None
    given = model.transform(X)
    return said | _table(stage, given), given


def _table(stage: Stage, given: Any) -> Said:
    """Return columns of numbers as one array, and those of text as another."""
    assert stage.answers.transformed is not None
    if not _text_columns(stage):
        values = np.asarray(dense(given))
        return {TRANSFORMED: values.reshape(len(values), -1)}
    columns, text = columns_of(given), set(_text_columns(stage))
    rest = [np.asarray(column, float) for i, column in enumerate(columns) if i not in text]
    said = {TEXT: np.stack([_texts(columns[i]) for i in sorted(text)], axis=1)}
    return said | ({TRANSFORMED: np.stack(rest, axis=1)} if rest else {})


def _text_columns(stage: Stage) -> list[int]:
    blocks = () if stage.answers.transformed is None else stage.answers.transformed.blocks
    kinds = [block.kind for block in blocks for _ in range(block.width)]
    return [i for i, kind in enumerate(kinds) if kind == "string"]


def _texts(column: Array) -> Array:
    found = np.empty(len(column), dtype=object)
    found[:] = [text_of(value) for value in column.tolist()]
    return found


def said_by_file(stage: Stage, values: dict[str, Array], native: Said) -> Said:
    """Return what the file's tensors hold, in the shapes of what the part says."""
    answers = stage.answers
    named = {LABEL: answers.label, PROBABILITIES: answers.probabilities, SCORES: answers.scores}
    named |= {f"{PROBABILITIES}_{i}": o.probabilities for i, o in enumerate(answers.outputs)}
    said = {key: values[name] for key, name in named.items() if name in values and key in native}
    if answers.prediction is not None and answers.prediction.name in values:
        said[PREDICTION] = values[answers.prediction.name]
    if answers.transformed is not None:
        blocks = answers.transformed.blocks
        if all(block.name in values for block in blocks):
            said |= _blocks(stage, [values[block.name] for block in blocks])
    return {key: _shaped(told, native[key]) for key, told in said.items() if key in native}


def _blocks(stage: Stage, arrays: list[Array]) -> Said:
    flat = [array.reshape(len(array), -1) for array in arrays]
    text = [array.astype(object) for array in flat if array.dtype.kind in "OUT"]
    rest = [array.astype(float) for array in flat if array.dtype.kind not in "OUT"]
    said = {TRANSFORMED: np.hstack(rest)} if rest else {}
    return said | ({TEXT: np.hstack(text)} if text else {})


def _shaped(values: Array, native: Array) -> Array:
    return values.reshape(native.shape) if values.size == native.size else values
