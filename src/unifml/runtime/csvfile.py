"""Rows in a text file, read by the standard library: columns become what a model's inputs hold."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.errors import CapabilityError, DataError
from unifml.runtime.schema import Kind, Schema

Array = npt.NDArray[Any]
MISSING = frozenset(
    {
        *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND"),
        *("1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
    }
)
"""Cells without a value, as pandas knows them."""
_BOOLS = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}


class Columns:
    """A small data frame: columns by name, as much as a model needs to find them.

    Parameters
    ----------
    values : dict of str to array
        Columns of one length.
    """

    def __init__(self, values: dict[str, Array]) -> None:
        self.columns, self._values = list(values), values

    def __getitem__(self, name: str) -> Array:
        return self._values[name]

    def __len__(self) -> int:
        return len(next(iter(self._values.values()), ()))

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and of columns."""
        return len(self), len(self.columns)


class CsvFile:
    """The cells of a file: text in columns.

    Parameters
    ----------
    path : str
        The file, in UTF-8. Its first line names the columns, unless all in it are numbers, other
        than 0, 1, 2, ...
    delimiter : str, default=","
        What stands between cells.

    Attributes
    ----------
    names : list of str or None
        Names of the columns, if the file has them.
    rows : list of list of str
        The cells.

    Raises
    ------
    DataError
        For a file without rows, in another encoding, or with rows of different lengths.
    """

    def __init__(self, path: str | os.PathLike[str], delimiter: str = ",") -> None:
        self.path = os.fspath(path)
        lines = self._lines(delimiter)
        self.names = lines[0] if lines and names_columns(lines[0]) else None
        self.rows = lines if self.names is None else lines[1:]
        self._check_rows()

    def _lines(self, delimiter: str) -> list[list[str]]:
        try:
            with open(self.path, newline="", encoding="utf-8-sig") as file:
                return [line for line in csv.reader(file, delimiter=delimiter) if line]
        except (UnicodeDecodeError, csv.Error) as error:
            raise DataError(
                f"reading {self.path}", found=str(error), rule="a file of cells as text, in UTF-8"
            ) from error

    def _check_rows(self) -> None:
        asked = f"reading {self.path}"
        if not self.rows:
            raise DataError(asked, found="no rows", rule="at least one row is needed")
        if self.names is not None and len(set(self.names)) < len(self.names):
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise DataError(asked, found=f"two columns {twice!r}", rule="names are unique")
        width = len(self.names or self.rows[0])
        for i, row in enumerate(self.rows):
            if len(row) != width:
                raise DataError(
                    asked, found=f"{len(row)} cells in row {i}", rule=f"each row has {width} cells"
                )

    def rows_for(self, schema: Schema, drop: Iterable[str] = ()) -> tuple[Any, list[str]]:
        """Return rows as a model takes them, and the columns that it does not take.

        Parameters
        ----------
        schema : Schema
            What the model takes. Where it knows names, columns are found by them, in any order.
        drop : iterable of str
            Columns to leave out.

        Raises
        ------
        DataError
            For columns that are missing, and for cells that are no numbers where numbers are due.
        CapabilityError
            For a model of images or sequences.
        """
        places = self._places(set(drop))
        if schema.cut is not None:
            kinds: Sequence[Kind] = ["double"] * len(places)
            return self._columns(places, kinds), []
        if schema.of_tensors:
            raise CapabilityError(
                f"predicting from {self.path}",
                found="a model of images, sequences or several inputs",
                rule="a text file holds a table",
                fix="use unifml.load_onnx in Python, or a file .npy of one array",
            )
        wanted, left = self._chosen(schema, places)
        if schema.of_documents:
            (name,) = wanted
            return [self.rows[i][places[name]] for i in range(len(self.rows))], left
        picked = {name: places[name] for name in wanted}
        if schema.by_column:
            return self._columns(picked, [spec.kind for spec in schema.inputs]), left
        table = self._columns(picked, ["double"] * len(picked))
        if schema.feature_names is not None:
            return table, left
        return np.column_stack([table[name] for name in table.columns]), left

    def _places(self, drop: set[str]) -> dict[str, int]:
        width = len(self.rows[0])
        names = self.names or [str(i) for i in range(width)]
        unknown = sorted(drop - set(names))
        if unknown:
            raise DataError(
                f"leaving out {', '.join(map(repr, unknown))} of {self.path}",
                found="no such column",
                rule=f"columns: {_some(names)}",
            )
        return {name: i for i, name in enumerate(names) if name not in drop}

    def _chosen(self, schema: Schema, places: dict[str, int]) -> tuple[list[str], list[str]]:
        """Return names of the columns that a model takes, and of the others."""
        known = schema.feature_names
        if known is None:
            width = 1 if schema.of_documents else schema.n_features
            if len(places) != width:
                raise DataError(
                    f"predicting from {self.path}",
                    found=f"{len(places)} columns: {_some(list(places))}",
                    rule=f"the model takes {width}, and knows no names by which to find them",
                    fix="leave columns out: --drop NAME",
                )
            return list(places), []
        missing = [name for name in known if name not in places]
        if missing:
            found = "no names in the first line" if self.names is None else _some(missing)
            raise DataError(
                f"predicting from {self.path}",
                found=f"columns are missing: {found}",
                rule=f"the model takes {_some(known)}",
            )
        return list(known), [name for name in places if name not in known]

    def _columns(self, places: dict[str, int], kinds: Sequence[Kind]) -> Columns:
        both = zip(places.items(), kinds, strict=True)
        return Columns({name: self._column(name, i, kind) for (name, i), kind in both})

    def _column(self, name: str, place: int, kind: Kind) -> Array:
        cells = [row[place] for row in self.rows]
        found = np.empty(len(cells), dtype=object)
        if kind in ("string", "date"):
            found[:] = [np.nan if cell in MISSING else cell for cell in cells]
            return found
        read = _whole if kind == "int64" else _bool if kind == "bool" else _number
        for i, cell in enumerate(cells):
            try:
                found[i] = np.nan if cell.strip() in MISSING else read(cell.strip())
            except (ValueError, KeyError) as error:
                raise DataError(
                    f"reading {self.path}",
                    found=f"{cell[:40]!r} in column {name!r}, row {i}",
                    rule=f"the column holds {_WORDS[kind]}",
                ) from error
        return found.astype(np.float64) if kind in ("float", "double") else found


_WORDS = {
    "float": "numbers",
    "double": "numbers",
    "int64": "whole numbers",
    "bool": "true and false",
}


def names_columns(cells: Sequence[Any]) -> bool:
    """Say whether the first line of a file holds names: no numbers, or those that count columns."""
    texts = [str(cell) for cell in cells]
    counted = len(texts) > 1 and texts == [str(i) for i in range(len(texts))]
    return counted or not all(map(_is_number, texts))


def _number(cell: str) -> float:
    return float(cell)


def _whole(cell: str) -> int | float:
    """Return a whole number exactly, also beyond 2^53; fractions are refused by the model."""
    try:
        return int(cell)
    except ValueError:
        return float(cell)


def _bool(cell: str) -> bool:
    return _BOOLS[cell.lower()]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return cell.strip() in MISSING
    return True


def _some(names: Sequence[str]) -> str:
    """Return names, the first of them if there are many."""
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
