"""Callbacks that write a line per epoch to a file."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from unifml.core.files import write_whole
from unifml.errors import FileFormatError
from unifml.training.builtin import BuiltIn
from unifml.training.callbacks import Run

Line = Mapping[str, float]


@dataclass(unsafe_hash=True, repr=False)
class Log(BuiltIn):
    """What `CSVLog` and `JSONLog` share: when a line is written, and what becomes of old ones."""

    path: str
    append: bool = False

    def __post_init__(self) -> None:
        self.path = os.fspath(self.path)

    def on_fit_begin(self, run: Run) -> bool | None:
        """Begin the file, or go on with it."""
        path = Path(self.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        resumed = run.history.resumed_at > 0
        old = self._read(path) if path.exists() and (self.append or resumed) else []
        self._old = _as_at(old, run, self.append) if resumed else old
        self._names = _names(self._old)
        self._begun = False
        self._write(path)
        return None

    def on_epoch_end(self, run: Run) -> bool | None:
        """Write a line, in one piece: the file can be read at any time."""
        line = {"epoch": run.epoch, **run.logs}
        if not self._begun:
            self._names, self._begun = _names([*self._old, line]), True
            self._write(Path(self.path))
            self._old = []
        with open(self.path, "a", encoding="utf-8", newline="") as file:
            file.write(self._line(line, self._names))
        return None

    def _write(self, path: Path) -> None:
        """Write the lines from before this fit."""
        lines = [self._head(self._names), *(self._line(line, self._names) for line in self._old)]
        content = "".join(lines).encode()
        write_whole(path, lambda file: file.write(content))

    def _head(self, names: Sequence[str]) -> str:
        return ""

    def _line(self, line: Line, names: Sequence[str]) -> str:
        raise NotImplementedError

    def _read(self, path: Path) -> list[dict[str, float]]:
        raise NotImplementedError


@dataclass(unsafe_hash=True, repr=False)
class CSVLog(Log):
    """Write losses, metrics, learning rate and seconds of each epoch to a CSV file.

    Parameters
    ----------
    path : str or path
        The file; folders are made.
    append : bool, default=False
        Go on at the end of a file that exists, as for `partial_fit`; else it begins anew.

    Notes
    -----
    The columns are those of the fit's first epoch; numbers are written with all their digits. A
    fit that goes on from a checkpoint goes on with its lines as well.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from unifml import CSVLog, Classifier, Training
    >>> X, y = load_iris(return_X_y=True)
    >>> training = Training(epochs=3, callbacks=(CSVLog("epochs.csv"),))
    >>> clf = Classifier("mlp", backend="sklearn", training=training, random_state=0).fit(X, y)
    >>> with open("epochs.csv") as file:
    ...     print(file.readline())
    epoch,loss,learning_rate,seconds
    <BLANKLINE>
    """

    kind: ClassVar[str] = "csv_log"

    def _head(self, names: Sequence[str]) -> str:
        return _csv(names) if names else ""

    def _line(self, line: Line, names: Sequence[str]) -> str:
        return _csv([_cell(line[name]) if name in line else "" for name in names])

    def _read(self, path: Path) -> list[dict[str, float]]:
        lines = csv.DictReader(_whole_lines(path))
        try:
            return [{k: _number(k, v) for k, v in line.items() if v} for line in lines]
        except (TypeError, ValueError) as error:
            raise _foreign(path, error) from error


@dataclass(unsafe_hash=True, repr=False)
class JSONLog(Log):
    """Write losses, metrics, learning rate and seconds of each epoch as lines of JSON.

    Parameters
    ----------
    path : str or path
        The file; folders are made.
    append : bool, default=False
        Go on at the end of a file that exists, as for `partial_fit`; else it begins anew.

    Notes
    -----
    Numbers are written with all their digits; what is not finite is null. A fit that goes on from
    a checkpoint goes on with its lines as well.

    Examples
    --------
    >>> import json
    >>> from sklearn.datasets import load_iris
    >>> from unifml import Classifier, JSONLog, Training
    >>> X, y = load_iris(return_X_y=True)
    >>> training = Training(epochs=3, callbacks=(JSONLog("epochs.jsonl"),))
    >>> clf = Classifier("mlp", backend="sklearn", training=training, random_state=0).fit(X, y)
    >>> with open("epochs.jsonl") as file:
    ...     [json.loads(line)["epoch"] for line in file]
    [1, 2, 3]
    """

    kind: ClassVar[str] = "json_log"

    def _line(self, line: Line, names: Sequence[str]) -> str:
        shown = {k: v if math.isfinite(v) else None for k, v in line.items()}
        return json.dumps(shown, allow_nan=False, default=float) + "\n"

    def _read(self, path: Path) -> list[dict[str, float]]:
        try:
            found = [json.loads(line) for line in _whole_lines(path)]
            return [{k: math.nan if v is None else v for k, v in line.items()} for line in found]
        except (AttributeError, ValueError) as error:
            raise _foreign(path, error) from error


def _as_at(old: list[dict[str, float]], run: Run, append: bool) -> list[dict[str, float]]:
    """Return the lines as they were when the checkpoint was written.

    Lines of later epochs go: those are run again. Epochs without a line are in the history.
    """
    starts = [i for i, line in enumerate(old) if line.get("epoch") == 1]
    begin = starts[-1] if starts else len(old)
    there = {line["epoch"]: line for line in old[begin:] if "epoch" in line}
    known = enumerate(run.history.records, start=1)
    mine = [there.get(epoch, {"epoch": epoch, **record}) for epoch, record in known]
    return [*(old[:begin] if append else []), *mine]


def _names(lines: Sequence[Line]) -> list[str]:
    return list(dict.fromkeys(name for line in lines for name in line))


def _whole_lines(path: Path) -> list[str]:
    """Return the lines of a file; one whose writing was cut short is no line."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [line for line in lines if line.endswith("\n")]


def _csv(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _cell(value: float) -> str:
    return repr(value if type(value) is int else float(value))


def _number(name: str, text: str) -> float:
    return int(text) if name == "epoch" else float(text)


def _foreign(path: Path, error: Exception) -> FileFormatError:
    return FileFormatError(
        f"going on with the log {path.name!r}",
        found=f"lines that are no log of epochs: {error!s:.100}",
        fix="name another file, or write append=False to begin it anew",
    )
