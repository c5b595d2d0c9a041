"""Pieces of HTML, and the compact face of a result in a notebook. All text is escaped here."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from io import BytesIO
from typing import Any

from unifml.tasks.table import Rows, html_table, number

Record = Mapping[str, Any]


def html_face(
    title: str,
    header: Sequence[str],
    rows: Rows,
    notes: Sequence[str] = (),
    more: Mapping[str, Iterable[Record]] | None = None,
) -> str:
    """Return a small table for a notebook, with more tables folded away below it.

    Parameters
    ----------
    title : str
        Above the table.
    header, rows : sequence of str, sequence of sequences of str
        The table.
    notes : sequence of str
        Below it.
    more : mapping of str to records, optional
        By the title of each.
    """
    below = (
        f"<details><summary>{escape(name)}</summary>{table(found)}</details>"
        for name, found in ((name, list(found)) for name, found in (more or {}).items())
        if found
    )
    return html_table(title, header, rows, notes) + "".join(below)


def table(records: Sequence[Record]) -> str:
    """Return records as a table: a column a key, numbers to the right."""
    keys = list(dict.fromkeys(key for record in records for key in record))
    head = "".join(
        f"<th{' class=number' if _is_number(records[0].get(key)) else ''}>{escape(words(key))}</th>"
        for key in keys
    )
    body = "".join(
        "<tr>" + "".join(_cell(record.get(key)) for key in keys) + "</tr>" for record in records
    )
    return (
        f"<div class='scroll'><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        "</div>"
    )


def section(title: str, *parts: str) -> str:
    """Return parts under a title that can be jumped to; nothing where there are none."""
    inner = "".join(parts)
    name = escape(title.lower().replace(" ", "-"), quote=True)
    return f"<section id='{name}'><h2>{escape(title)}</h2>{inner}</section>" if inner else ""


def facts(named: Mapping[str, object]) -> str:
    """Return a list of names and what they are."""
    lines = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in named.items()
    )
    return f"<dl>{lines}</dl>" if lines else ""


def note(text: str) -> str:
    """Return a line in small print."""
    return f"<p class='note'>{escape(text)}</p>"


def picture(drawn: Any, shows: str) -> str:
    """Return a matplotlib Figure as an image inside the page, and close it.

    Parameters
    ----------
    drawn : Figure
        What is shown.
    shows : str
        What it shows, for those who cannot see it.
    """
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    data = BytesIO()
    with mpl.rc_context({"svg.hashsalt": "unifml", "svg.fonttype": "path"}):
        drawn.savefig(data, format="svg", metadata={"Date": None}, dpi=150)
    plt.close(drawn)
    text = b64encode(data.getvalue()).decode("ascii")
    source = f"data:image/svg+xml;base64,{text}"
    return f"<figure><img alt='{escape(shows, quote=True)}' src='{source}'></figure>"


def words(key: str) -> str:
    """Return the name of a column as people write it."""
    return {"fit_seconds": "fit, s", "predict_seconds": "predict, s", "n_train": "rows learned",
            "n_test": "rows scored"}.get(key, key)  # fmt: skip


def _cell(value: Any) -> str:
    if value is None or value != value:  # NaN is not itself
        return "<td class='number'>-</td>"
    if not _is_number(value):
        said = ("no", "yes")[value] if isinstance(value, bool) else str(value)
        return f"<td>{escape(said)}</td>"
    whole = hasattr(value, "__index__")
    return f"<td class='number'>{int(value) if whole else escape(number(float(value)))}</td>"


def _is_number(value: Any) -> bool:
    """Say whether a value stands to the right; what is not known does, as a dash."""
    return value is None or (hasattr(value, "__float__") and not isinstance(value, bool | str))
