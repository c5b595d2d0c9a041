"""The error that says how a file differs from its model: rows, part, cause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unifml.errors import ExportMismatchError
from unifml.export.proof.compare import Verdict
from unifml.export.proof.hints import hint, worst_column
from unifml.export.proof.said import Array, Said
from unifml.export.proof.stages import Difference, first_difference
from unifml.export.proof.tables import take_rows
from unifml.runtime.schema import LABEL, Schema

if TYPE_CHECKING:
    from unifml.export.writer import Stage

_WORST = 5
_TRACED = 256
RULE = (
    "probabilities within 1e-5, numbers within 1e-5 * max(|y|, std(y)) + 1e-6, labels equal where "
    "the model is sure"
)


@dataclass(frozen=True)
class Case:
    """Rows on which file and model differ.

    Attributes
    ----------
    kind : str
        What rows they are.
    X : rows
        The rows.
    native, onnx : dict of str to array
        Answers of both.
    verdict : Verdict or None
        How they differ; None where the file gives no answer.
    note : str
        What is known of these rows.
    failure : str
        Why it gives none.
    """

    kind: str
    X: Any
    native: Said
    onnx: Said
    verdict: Verdict | None
    note: str = ""
    failure: str = ""


def mismatch(
    case: Case, content: bytes | Path, stages: Sequence[Stage], schema: Schema, scale: float
) -> ExportMismatchError | None:
    """Return the error; None if there are no answers to compare in any part.

    Parameters
    ----------
    case : Case
        What differs.
    content : bytes or Path
        The file; stages of one with weights beside it are not looked at.
    stages : sequence of Stage
        The parts of the model.
    schema : Schema
        What the file takes.
    scale : float
        By how much tolerances are wider.
    """
    first = _first(case, content, stages, schema, scale)
    if case.verdict is None and first is None and case.kind == "given":
        return None
    head = _numbers(case) if case.verdict is not None else f"no answer: {case.failure}\n"
    note = f"{case.note} (ties, thresholds on values)\n" if case.note else ""
    return ExportMismatchError(
        "the ONNX file does not agree with the model, and was not written",
        found=f"{_of_kind(case)}{head}{note}{_cause(first, case)}",
        rule=RULE,
    )


def _of_kind(case: Case) -> str:
    if case.kind == "given":
        return ""
    if case.kind.startswith("batch"):
        return f"in a {case.kind}, "
    return f"on generated rows ({case.kind}), "


def _first(
    case: Case, content: bytes | Path, stages: Sequence[Stage], schema: Schema, scale: float
) -> Difference | None:
    if not stages or isinstance(content, Path):
        return None
    X = case.X
    if case.kind == "given" and case.verdict is not None:
        X = take_rows(X, np.argsort(-case.verdict.over, kind="stable")[:_TRACED])
    return first_difference(content, stages, X, schema, scale)


def _cause(first: Difference | None, case: Case) -> str:
    if first is None:
        why = hint(case.native, case.onnx, None, None)
        return f"{why}\n" if why else ""
    if first.verdict is None:
        return f"{first.where} cannot be computed\n"
    column = worst_column(first)
    why = hint(first.native, first.onnx, first.stage.answers.classes, first.names)
    said = ", ".join(filter(None, (first.where, column)))
    return f"first difference: {said}{f'; {why}' if why else ''}\n"


def _numbers(case: Case) -> str:
    """Show the worst rows."""
    assert case.verdict is not None
    output = case.verdict.output
    ours, theirs = case.native[output], case.onnx.get(output)
    if theirs is None:
        return f"output {output!r} is missing\n"
    if theirs.shape != ours.shape:
        return f"shape {theirs.shape} where the model gives {ours.shape}\n"
    return _rows(ours, theirs, case.verdict)


def _rows(ours: Array, theirs: Array, verdict: Verdict) -> str:
    bad = int((verdict.over > 1).sum())
    worst = np.argsort(-verdict.over, kind="stable")[: min(bad, _WORST)]
    lines = [f"  row {i}: model {_shown(ours[i])}, ONNX {_shown(theirs[i])}" for i in worst]
    what = "labels differ" if verdict.output == LABEL else "values differ"
    return "\n".join([f"{what} in {bad} of {len(ours)} rows; the worst", *lines]) + "\n"


def _shown(value: Any) -> str:
    return np.array2string(np.asarray(value), precision=7, threshold=8)
