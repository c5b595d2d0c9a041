"""Categories of any kind -> whole numbers: what encoders have in common."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from unifml.errors import ExportError
from unifml.export.values import DTYPES, ELEMENTS, Answers, Block, Rows
from unifml.runtime.dates import dates
from unifml.runtime.feeding import is_missing, text_of
from unifml.runtime.schema import Kind

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer

Array = npt.NDArray[Any]
UNKNOWN = 2**40
"""Stands for a category that the encoder refuses: no table has an entry of this number."""
_FLOAT32_EXACT = 2**24


def numbered(
    w: Writer, rows: Rows, categories: Sequence[Any], codes: Sequence[Any], unknown: Sequence[int]
) -> str:
    """Return a whole number for each value, int64 (n, columns).

    Parameters
    ----------
    w : Writer
        Receives the nodes.
    rows : Rows
        Columns of text, whole numbers, floats or truth values.
    categories : sequence of array
        Of each column: what is known.
    codes : sequence of array of int
        Of each column: the numbers that stand for its categories.
    unknown : sequence of int
        Of each column: the number that stands for anything else.
    """
    parts: list[str] = []
    start = 0
    for block in rows.blocks:
        of = slice(start, start + block.width)
        parts += _of_block(w, block, categories[of], codes[of], unknown[of])
        start += block.width
    return parts[0] if len(parts) == 1 else w.g.op("Concat", *parts, axis=1, name="codes")


def _of_block(w: Writer, block: Block, categories: Any, codes: Any, unknown: Any) -> list[str]:
    if block.kind == "bool":
        block = block.cast(w.g, "int64")
    if block.kind == "date":
        categories = [dates(known, "categories") for known in categories]
        block = Block(block.name, "int64", block.row)
    if block.kind == "string":
        return _each(w, block, [_texts(w, known) for known in categories], codes, unknown, "string")
    if block.kind == "int64":
        whole = [_whole(known) for known in categories]
        if all(whole):
            return _each(w, block, whole, codes, unknown, "int64")
        block = block.cast(w.g, "double")
    return [_by_equality(w, block, categories, codes, unknown)]


def _each(
    w: Writer, block: Block, keys: list[dict[Any, int]], codes: Any, unknown: Any, kind: str
) -> list[str]:
    """Look each column up in a table of its own."""
    found = []
    for i, known in enumerate(keys):
        column = block.take(w.g, [i])
        table: dict[str, Any] = {f"keys_{kind}s": list(known)}
        values = [int(codes[i][place]) for place in known.values()]
        found.append(
            w.g.op(
                "LabelEncoder",
                column.name,
                domain="ai.onnx.ml",
                name="code",
                values_int64s=values,
                default_int64=int(unknown[i]),
                **table,
            )
        )
    return found


def _texts(w: Writer, categories: Any) -> dict[str, int]:
    """Return places of categories by how they come as text."""
    values = np.asarray(categories).tolist()
    found: dict[str, int] = {}
    for place, value in enumerate(values):
        if found.setdefault(text_of(value), place) != place:
            raise ExportError(
                "exporting categories to ONNX",
                found=f"{values[found[text_of(value)]]!r} and {value!r}",
                rule="a file tells categories of one column apart by their text",
                fix="give one of them another name before the encoder",
            )
    for place, value in enumerate(values):
        number = _number(value)
        if number is not None and number.is_integer():  # 1, 1.0 and True are one category
            for same in (int(number), number):
                found.setdefault(text_of(same), place)
    return found


def _whole(categories: Any) -> dict[int, int]:
    """Return places of whole numbers."""
    found: dict[int, int] = {}
    for place, value in enumerate(np.asarray(categories).tolist()):
        number = _number(value)
        if number is not None and number.is_integer():
            found.setdefault(int(value), place)
    return found


def _number(value: Any) -> float | None:
    """Return a category as a float, if it is a number that is there."""
    return float(value) if isinstance(value, Real) and not is_missing(value) else None


def _by_equality(w: Writer, block: Block, categories: Any, codes: Any, unknown: Any) -> str:
    """Compare numbers with all categories at once, and add up what stands for those that match."""
    g = w.g
    rows, missing = [_numbers(known) for known in categories], _missing(categories)
    flat = np.concatenate(rows)
    owner = np.repeat(np.arange(block.width), [len(row) for row in rows])
    block = _fine(w, block, rows)
    x = block.name
    if block.width > 1:
        x = g.op("Gather", x, g.constant("column", owner, np.int64), axis=1, name="asked")
    hits = g.op("Equal", x, g.constant("categories", flat, block.dtype), name="same")
    if missing.any():
        nan = g.op("And", g.op("IsNaN", x), g.constant("missing", missing, np.bool_))
        hits = g.op("Or", hits, nan)
    return _summed(w, hits, owner, codes, unknown)


def _summed(w: Writer, hits: str, owner: Array, codes: Any, unknown: Any) -> str:
    base = np.asarray(unknown, dtype=np.int64)
    values = np.concatenate([np.asarray(code, np.int64) for code in codes]) - base[owner]
    table = np.zeros((len(owner), len(base)))
    table[np.arange(len(owner)), owner] = values
    kind: Kind = "float" if np.abs(table).max() < _FLOAT32_EXACT else "double"
    weights = w.g.constant("codes", table, DTYPES[kind])
    total = w.g.op("MatMul", w.g.op("Cast", hits, to=ELEMENTS[kind]), weights)
    whole = w.g.op("Cast", total, to=ELEMENTS["int64"])
    return w.g.op("Add", whole, w.g.constant("unknown", base, np.int64), name="codes")


def _fine(w: Writer, block: Block, rows: Any) -> Block:
    """Compare in float64 where float32 would take two categories for one."""
    if block.kind == "double":
        return block
    apart = all(len(np.unique(np.float32(row))) == len(np.unique(row)) for row in rows)
    return block if apart else block.cast(w.g, "double")


def _numbers(categories: Any) -> Array:
    """Return categories as floats, NaN for what is no number."""
    found = [_number(value) for value in np.asarray(categories).tolist()]
    return np.array([np.nan if value is None else value for value in found])


def _missing(categories: Any) -> Array:
    """Say which category of all columns is the missing value: the last one, if it is."""
    lost = [np.zeros(len(known), dtype=bool) for known in categories]
    for flags, known in zip(lost, categories, strict=True):
        flags[-1] = is_missing(np.asarray(known).tolist()[-1])
    return np.concatenate(lost)


def indicators(w: Writer, codes: str, sizes: Sequence[int], kind: Kind) -> Answers:
    """Return a column of 0 and 1 for each code: `sizes` of them for each column of codes."""
    owner = np.repeat(np.arange(len(sizes)), sizes)
    local = np.concatenate([np.arange(size) for size in sizes])
    if len(sizes) > 1:
        which = w.g.constant("column", owner, np.int64)
        codes = w.g.op("Gather", codes, which, axis=1, name="asked")
    hits = w.g.op("Equal", codes, w.g.constant("codes", local, np.int64), name="indicators")
    return w.transformed(Block(hits, "bool").cast(w.g, kind).name, kind, len(owner))


def kind_of(dtype: Any) -> Kind:
    """Return the kind that holds a dtype's values."""
    found = np.dtype(dtype)
    if found.kind == "f":
        return "float" if found.itemsize <= 4 else "double"
    kinds: dict[str, Kind] = {"i": "int64", "u": "int64", "b": "bool"}
    return kinds.get(found.kind, "double")


RULES: dict[type, Rule] = {}
