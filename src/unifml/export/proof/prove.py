"""A file against its model: on the rows given, in small batches, and on rows that nobody gave."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unifml.errors import DataError, ExportError, ExportMismatchError
from unifml.export.proof.changes import KINDS
from unifml.export.proof.compare import Verdict, compare
from unifml.export.proof.mismatch import Case, mismatch
from unifml.export.proof.native import answered, unchanged
from unifml.export.proof.operators import unknown_operator
from unifml.export.proof.rows import drafts, neighbours
from unifml.export.proof.said import Array, Said, ask, classes_of, take
from unifml.export.proof.tables import count_rows, take_rows
from unifml.runtime import OnnxEstimator, load_onnx
from unifml.runtime.schema import Task

if TYPE_CHECKING:
    from unifml.export.writer import Stage

GIVEN = "given"
BATCHES = (1, 2, 7, 64)
NOTE = "the model itself jumps when numbers move by one step of float32"
_JUMPS = 0.1  # of generated rows, as many may lie where the model jumps


@dataclass(frozen=True)
class Check:
    """What came of the rows of a kind.

    Attributes
    ----------
    kind : str
        ``given``, ``batch of 7``, or a kind of generated rows.
    rows : int
        Number of rows compared.
    max_abs_diff : float
        Largest difference of a number.
    label_flips : int
        Rows where labels differ, within the policy.
    agrees : bool
        Whether all rows are right.
    left_out : str
        Which rows are not among them, and why; "" if all are.
    """

    kind: str
    rows: int = 0
    max_abs_diff: float = 0.0
    label_flips: int = 0
    agrees: bool = True
    left_out: str = ""


@dataclass(frozen=True)
class Proof:
    """What was compared, and how far it differs.

    Attributes
    ----------
    checks : tuple of Check
        One per kind of rows, those given first.
    differences : array of shape (n,)
        Largest difference in each row given.
    mismatch : ExportMismatchError or None
        What is wrong first, if anything is.
    """

    checks: tuple[Check, ...]
    differences: Array
    mismatch: ExportMismatchError | None = None

    @property
    def agrees(self) -> bool:
        """Whether file and model agree on all rows."""
        return self.mismatch is None

    @property
    def given(self) -> Check:
        """What came of the rows given."""
        return self.checks[0]

    def fields(self) -> dict[str, Any]:
        """Return what the file says of its proof."""
        said: dict[str, Any] = {"agrees": self.agrees}
        said |= {k: _plain(v) for k, v in asdict(self.given).items() if k in _SUMMARY}
        said["checks"] = [{k: _plain(v) for k, v in asdict(c).items()} for c in self.checks]
        return said | ({"found": self.mismatch.found} if self.mismatch else {})


_SUMMARY = ("rows", "max_abs_diff", "label_flips")


def prove(
    content: bytes | Path,
    model: Any,
    task: Task,
    native: Said,
    X: Any,
    stages: Sequence[Stage] = (),
    *,
    closed: Collection[str] = (),
    scale: float = 1.0,
    generate: bool = True,
) -> Proof:
    """Compare a file with its model.

    Parameters
    ----------
    content : bytes or Path
        The file; a path, if it has weights beside it.
    model : estimator
        The fitted model that it was made of.
    task : str
        What it answers.
    native : dict of str to array
        What the model says of the rows given.
    X : rows
        Those given; the file gets them through the feeding layer that ships with it.
    stages : sequence of Stage
        The parts that were written, by which the error says where a difference begins. The
        content may be another than what was written, as long as their tensors keep their names.
    closed : collection of str
        Inputs in which the file refuses what was not seen in fit.
    scale : float
        By how much tolerances are wider, for files that are rounded on purpose.
    generate : bool
        Whether to compare on generated rows, too.

    Returns
    -------
    Proof
        Its `mismatch` is an error to raise, if they differ by more than the policy allows.

    Raises
    ------
    ExportError
        If the file cannot be run.
    """
    trial = _Trial(content, _opened(content), model, task, native, X, tuple(stages), closed, scale)
    checks = [trial.given(), *trial.batches(), *(trial.generated() if generate else ())]
    unchanged(model, X, task, native)
    return Proof(tuple(checks), trial.differences, trial.mismatch)


def _opened(content: bytes | Path) -> OnnxEstimator:
    try:
        if isinstance(content, Path):
            loaded = load_onnx(content, allow_external_data=True)
        else:
            loaded = OnnxEstimator.from_bytes(content)
        _ = loaded.schema
    except DataError as error:
        found = unknown_operator(content) or f"it cannot be run: {error}"
        raise ExportError("proving the ONNX file", found=found) from error
    return loaded


@dataclass
class _Trial:
    """One file, one model, and what is found out about them."""

    content: bytes | Path
    loaded: OnnxEstimator
    model: Any
    task: Task
    native: Said
    X: Any
    stages: tuple[Stage, ...]
    closed: Collection[str]
    scale: float
    differences: Array = field(default_factory=lambda: np.zeros(0))
    mismatch: ExportMismatchError | None = None

    def given(self) -> Check:
        check, verdict = self._check(GIVEN, self.X, self.native)
        if verdict is None and self.mismatch is None:
            raise ExportError(
                "proving the ONNX file",
                found=f"it cannot be run on the rows given: {check.left_out}",
            )
        self.differences = np.zeros(check.rows) if verdict is None else verdict.differences
        return check

    def batches(self) -> Iterator[Check]:
        """Ask for the first rows alone; where there are not as many, some twice."""
        n = count_rows(self.X)
        for size in BATCHES:
            rows = np.arange(size) % n
            few, said = take_rows(self.X, rows), take(self.native, rows)
            yield self._check(f"batch of {size}", few, said)[0]

    def generated(self) -> Iterator[Check]:
        for draft in drafts(self.X, self.model, self.loaded.schema, self.closed):
            rows, native, left_out = answered(draft, self.model, self.task)
            if native is None:
                yield Check(draft.kind, left_out=left_out)
                continue
            check, _ = self._check(draft.kind, rows, native, left_out)
            yield check

    def _check(
        self, kind: str, X: Any, native: Said, left_out: str = ""
    ) -> tuple[Check, Verdict | None]:
        n = len(next(iter(native.values())))
        try:
            onnx = ask(self.loaded, X, self.task)
        except DataError as error:
            self._differ(Case(kind, X, native, {}, None, failure=str(error)))
            return Check(kind, n, math.inf, agrees=False, left_out=str(error)), None
        verdict, note = self._compared(native, onnx), ""
        jumps = 0 if verdict.right else self._jumps(X, native, verdict)
        if jumps:
            wrong = int((verdict.over > 1).sum())
            note = f"at {jumps} of {wrong} {NOTE}" if 2 * jumps > wrong else ""
            if jumps == wrong:
                verdict, left_out = self._fair(kind, verdict, left_out)
        if not verdict.right:
            self._differ(Case(kind, X, native, onnx, verdict, note))
        worst, flips = float(verdict.differences.max(initial=0.0)), int(verdict.flips.sum())
        return Check(kind, n, worst, flips, verdict.right, left_out), verdict

    def _jumps(self, X: Any, native: Said, verdict: Verdict) -> int:
        """Return at how many rows that differ the model itself jumps within float32's rounding."""
        wrong = np.flatnonzero(verdict.over > 1)
        rows, said = take_rows(X, wrong), take(native, wrong)
        jumps = np.zeros(len(wrong), dtype=bool)
        for seed in (1, 2, 3):
            near = neighbours(rows, self.model, self.loaded.schema, seed)
            if near is None:
                return 0
            moved = self._compared(said, ask(self.model, near, self.task))
            jumps |= moved.over > 1
        return int(jumps.sum())

    def _fair(self, kind: str, verdict: Verdict, left_out: str) -> tuple[Verdict, str]:
        """Leave out generated rows where the model jumps; rows given stay, and so do many."""
        wrong = verdict.over > 1
        if kind not in KINDS or wrong.mean() > _JUMPS:
            return verdict, left_out
        over, differences = (np.where(wrong, 0, x) for x in (verdict.over, verdict.differences))
        reason = f"{int(wrong.sum())} rows at which {NOTE}"
        left_out = "; ".join(filter(None, (left_out, reason)))
        return Verdict(over, differences, verdict.flips & ~wrong, verdict.output), left_out

    def _compared(self, native: Said, other: Said) -> Verdict:
        classes = classes_of(self.model, self.task)
        return compare(native, other, self.native, self.scale, classes)

    def _differ(self, case: Case) -> None:
        """Keep what is wrong first."""
        if self.mismatch is None:
            schema = self.loaded.schema
            self.mismatch = mismatch(case, self.content, self.stages, schema, self.scale)


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
