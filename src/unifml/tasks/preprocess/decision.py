"""What was decided of one column, and the transformer that keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sklearn.compose import ColumnTransformer

from unifml.tasks.table import html_table, list_table

Kind = Literal[
    "number",
    "truth value",
    "category",
    "many categories",
    "ordered",
    "date",
    "duration",
    "text",
    "identifier",
    "constant",
    "empty",
]
HEADER = ("column", "kind", "what is done", "why")


@dataclass(frozen=True)
class Decision:
    """What is done with one column.

    Attributes
    ----------
    column : str or int
        Its name; its number in an array.
    kind : str
        What it was taken for: ``number``, ``truth value``, ``category``, ``many categories``,
        ``ordered``, ``date``, ``duration``, ``text``, ``identifier``, ``constant``, ``empty``.
    done : str
        What becomes of it.
    why : str
        What was seen.
    block : str
        Which part of the transformer takes it; empty for a column that is left out.
    settings : tuple
        What that part is told of the column: its order, the parts of a date, the kind of words.
    """

    column: str | int
    kind: Kind
    done: str
    why: str
    block: str = ""
    settings: tuple[Any, ...] = ()


class Preprocessor(ColumnTransformer):
    """A ColumnTransformer that knows what was decided of each column, and why.

    `unifml.preprocess` makes it. It has all parameters, methods and fitted attributes of
    `sklearn.compose.ColumnTransformer`.

    Attributes
    ----------
    decisions : tuple of Decision
        One a column, in the order of the table. Copies keep it.

    Examples
    --------
    >>> import unifml
    >>> table = unifml.preprocess([["a", 1.5], ["b", None], ["a", 2.5]], verbose=0)
    >>> [decision.kind for decision in table.decisions]
    ['category', 'number']
    """

    decisions: tuple[Decision, ...] = ()

    def explain(self) -> str:
        """Return the decisions as a table in plain text."""
        return list_table(HEADER, self._lines())

    def explain_html(self) -> str:
        """Return the decisions as a table in HTML."""
        return html_table("", HEADER, self._lines())

    def _lines(self) -> list[list[str]]:
        return [[str(d.column), d.kind, d.done, d.why] for d in self.decisions]

    def __sklearn_clone__(self) -> Any:
        copy = super().__sklearn_clone__()
        copy.decisions = self.decisions
        return copy
