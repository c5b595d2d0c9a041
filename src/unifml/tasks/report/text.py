"""Tables for terminals: rich where it is installed and somebody looks, plain text elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, TextIO

from unifml.tasks.table import Rows, text_table


def text_face(title: str, header: Sequence[str], rows: Rows, notes: Sequence[str] = ()) -> str:
    """Return a table as plain lines, with a title above and notes below."""
    return "\n".join([title, text_table(header, rows), *notes])


def rich_face(title: str, header: Sequence[str], rows: Rows, notes: Sequence[str] = ()) -> Any:
    """Return the same as something that rich draws; what it says is taken as it is, not as markup.

    Raises
    ------
    ImportError
        If rich is not installed.
    """
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for i, name in enumerate(header):
        first = i == 0
        table.add_column(
            Text(name),
            justify="left" if first else "right",
            style="bold" if first else "",
            no_wrap=not first,
        )
    for row in rows:
        table.add_row(*map(Text, row))
    return Group(Text(title, style="bold"), table, *(Text(note, style="dim") for note in notes))


def print_table(result: Any, stream: TextIO | None = None) -> None:
    """Print a result: by rich on a terminal, where it is installed; else what ``str`` says.

    Parameters
    ----------
    result : object
        With ``__rich__`` and ``__str__``.
    stream : text stream or None
        Where to; None is standard output.
    """
    stream = stream or sys.stdout
    if stream.isatty() and hasattr(result, "__rich__") and find_spec("rich") is not None:
        from rich.console import Console

        Console(file=stream).print(result)
    else:
        print(result, file=stream)
