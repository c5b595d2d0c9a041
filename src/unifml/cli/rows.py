"""The table that a command reads: what to learn from, what to learn, and columns beside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unifml.cli.codes import remark
from unifml.errors import DataError, UnknownNameError, closest

_SHOWN = 12  # columns that an error names


@dataclass(frozen=True)
class Table:
    """Rows of a file.

    Attributes
    ----------
    X : frame
        Columns to learn from.
    y : array of shape (n,)
        The target.
    beside : dict of str to array
        Columns that are told of the rows: ``groups``, ``sample_weight``.
    """

    X: Any
    y: Any
    beside: dict[str, Any] = field(default_factory=dict)


def add_rows(command: Any) -> None:
    """Add the arguments that say which rows are read, and how."""
    command.add_argument(
        "data", metavar="DATA", help="rows: a .csv with names in its first line, or a .parquet"
    )
    rows = command.add_argument_group("the rows")
    rows.add_argument(
        "--target", required=True, metavar="COLUMN", help="column that is to be predicted"
    )
    rows.add_argument(
        "--drop", action="append", default=[], metavar="COLUMN", help="column to leave out"
    )
    rows.add_argument(
        "--weight", metavar="COLUMN", help="column that says how much each row counts"
    )
    rows.add_argument("--delimiter", default=",", help="between cells of a .csv (%(default)r)")


def read_table(args: Any) -> Table:
    """Read what `add_rows` asked for, and ``--groups`` where a command has it.

    Raises
    ------
    DataError
        For a file without rows, and a target that is missing in some.
    UnknownNameError
        For a column that is not there, with the nearest one.
    """
    frame = _frame(args.data, args.delimiter)
    beside = {"sample_weight": args.weight, "groups": getattr(args, "groups", None)}
    given = {role: name for role, name in beside.items() if name is not None}
    _check_columns([args.target, *args.drop, *given.values()], frame, args.data)
    X = frame.drop(columns=[args.target, *args.drop, *given.values()])
    if not len(X.columns):
        raise DataError(
            f"reading {args.data}", found="no column is left", rule="one is needed to learn from"
        )
    _warn_of_numbers(X)
    told = {role: _filled(frame, name, args.data) for role, name in given.items()}
    return Table(X, _filled(frame, args.target, args.data), told)


def check_column(name: str, known: Iterable[Any], path: str) -> None:
    """Raise unless a file has a column of that name, with the nearest name."""
    columns = [str(column) for column in known]
    if name in columns:
        return
    close = closest(name, columns)
    more = f", and {len(columns) - _SHOWN} more" if len(columns) > _SHOWN else ""
    raise UnknownNameError(
        f"column {name!r}",
        found=f"{path} has none of that name",
        rule=f"columns: {', '.join(columns[:_SHOWN])}{more}",
        fix=f"did you mean {close!r}?" if close else "",
    )


def _frame(path: str, delimiter: str) -> Any:
    from unifml.export.rows import read_frame

    if Path(path).suffix == ".npy":
        raise DataError(
            f"reading {path}", found="an array has no names", rule="a .csv or a .parquet is needed"
        )
    frame = read_frame(path, delimiter=delimiter)
    if not len(frame):
        raise DataError(f"reading {path}", found="no rows", rule="a line of names, then rows")
    return frame.rename(columns=str)


def _check_columns(names: list[str], frame: Any, path: str) -> None:
    for name in names:
        check_column(name, frame.columns, path)
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise DataError(f"column {twice[0]!r}", found="it is asked for twice", rule="one role each")


def _filled(frame: Any, name: str, path: str) -> Any:
    """Return the values of a column, none of which may be missing."""
    missing = int(frame[name].isna().sum())
    if missing:
        raise DataError(
            f"column {name!r} of {path}",
            found=f"missing in {missing} of {len(frame)} rows",
            rule="every row needs one",
            fix="leave those rows out of the file",
        )
    return frame[name].to_numpy()


def _warn_of_numbers(X: Any) -> None:
    """Say so if a column only numbers the rows, as pandas writes it without being asked."""
    for name in X.columns:
        if name.startswith("Unnamed: ") and X[name].is_unique:
            remark(f"column {name!r} may only number the rows; --drop '{name}' leaves it out")
