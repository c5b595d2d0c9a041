"""Small tables, for terminals and for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

Rows = Sequence[Sequence[str]]


def text_table(header: Sequence[str], rows: Rows, left: int = 1) -> str:
    """Return lines with aligned columns: the first `left` to the left, the others to the right."""
    lines = [list(header), *map(list, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return "\n".join(_line(line, widths, left) for line in lines)


def list_table(header: Sequence[str], rows: Rows) -> str:
    """Return lines with aligned columns, all to the left: for words, not numbers."""
    return text_table(header, rows, left=len(header))


def html_table(title: str, header: Sequence[str], rows: Rows, notes: Sequence[str] = ()) -> str:
    """Return a table as HTML, with a title above and notes below."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join(f"<tr>{_cells(row)}</tr>" for row in rows)
    below = "".join(f"<p><small>{escape(note)}</small></p>" for note in notes)
    above = f"<p><b>{escape(title)}</b></p>" if title else ""
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f"<div>{above}{table}{below}</div>"


def number(value: float) -> str:
    """Return a number as a table shows it: four digits that matter."""
    if value != 0 and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.3e}"
    return f"{value:.4f}" if abs(value) < 100 else f"{value:.1f}"


def seconds(value: float | None) -> str:
    """Return a time as people say it."""
    if value is None:
        return "-"
    return f"{value * 1000:.1f} ms" if value < 0.1 else f"{value:.2f} s"


def _line(cells: Sequence[str], widths: Sequence[int], left: int) -> str:
    aligned = (
        cell.ljust(width) if i < left else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join(aligned).rstrip()


def _cells(row: Sequence[str]) -> str:
    first, *others = map(escape, row)
    right = "".join(f"<td style='text-align:right'>{cell}</td>" for cell in others)
    return f"<th style='text-align:left'>{first}</th>{right}"
