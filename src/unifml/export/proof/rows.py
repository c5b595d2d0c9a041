"""Rows that nobody gave: what a file will meet that the rows at hand do not show.

They are made of the rows given, from a fixed seed, at most 256 of a kind:

- ``recombined``: each column in another order, so that values meet that never met;
- ``between``: numbers between two that were seen;
- ``outside``: some numbers up to a tenth of the range below or above all that were seen, never on
  the other side of zero;
- ``missing``: missing values in columns that have some, and in other numbers if the model takes
  them;
- ``unseen``: text and whole numbers that no row has;
- ``shorter`` and ``longer``: sequences of one step, cut ones, and such that go on with another.

Types stay as they are, and whole numbers whole. Where the file's input is float32, new numbers are
such numbers. The model decides what is asked: what it refuses is left out, column by column.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from unifml.estimators import Classifier, Regressor, Transformer
from unifml.export.proof.changes import KINDS, Part, nudged
from unifml.export.proof.tables import columns_of, count_rows, is_table, replaced, take_rows
from unifml.runtime.schema import LENGTHS, Schema
from unifml.runtime.tensors import from_tensor

ROWS = 256
_FEWEST, _VALUES, _COLUMNS = 32, 1 << 22, 1024
_TRIED = 32
_OURS = (Classifier, Regressor, Transformer)


@dataclass(frozen=True)
class Draft:
    """Rows of a kind, as far as the model takes them.

    Attributes
    ----------
    kind : str
        What they are.
    rows : object
        A few of the rows given.
    changes : dict
        What takes the place of their parts: columns by number, inputs by key.
    """

    kind: str
    rows: Any
    changes: Mapping[Any, Any]

    def made(self, names: Collection[Any] | None = None) -> Any:
        """Return the rows with all changes, or those named."""
        chosen = {n: new for n, new in self.changes.items() if names is None or n in names}
        if isinstance(self.rows, Mapping):
            return {**self.rows, **chosen}
        return replaced(self.rows, chosen) if is_table(self.rows) else chosen[""]

    def alone(self) -> list[Any]:
        """Return names of parts to be tried by themselves, where the model refuses them all."""
        return list(self.changes)[:_TRIED] if len(self.changes) > 1 else []


def drafts(X: Any, model: Any, schema: Schema, closed: Collection[str] = ()) -> Iterator[Draft]:
    """Make rows of each kind that there can be.

    Parameters
    ----------
    X : rows
        Those given.
    model : estimator
        Fitted.
    schema : Schema
        What the file takes.
    closed : collection of str
        Inputs that get nothing unseen.
    """
    rows = sample(X)
    parts, known = _parts(rows, schema), _known(model, schema, closed)
    for kind, change in KINDS.items():
        changes = _changes(parts, known, change, 0)
        if changes:
            yield Draft(kind, rows, changes)


def with_gaps(X: Any) -> Draft | None:
    """Return a few rows of a table with gaps in its numbers; None where it has none."""
    if not is_table(X):
        return None
    rows, part, rng = sample(X), Part(takes_nan=True), np.random.default_rng(0)
    found = {i: KINDS["missing"](c, part, rng) for i, c in enumerate(columns_of(rows))}
    changes = {i: values for i, values in found.items() if values is not None}
    return Draft("missing", rows, changes) if changes else None


def neighbours(X: Any, model: Any, schema: Schema, seed: int) -> Any:
    """Return rows whose numbers are moved by one step of float32; None where there are none."""
    changes = _changes(_parts(X, schema), _known(model, schema), nudged, seed)
    return Draft("neighbours", X, changes).made() if changes else None


def _changes(parts: dict[Any, Any], known: Any, change: Any, seed: int) -> dict[Any, Any]:
    rng = np.random.default_rng(seed)
    new = {name: change(values, known(name), rng) for name, values in parts.items()}
    return {name: values for name, values in new.items() if values is not None}


def sample(X: Any) -> Any:
    """Return a few of the rows, at random; some twice where there are less than 32."""
    n = count_rows(X)
    size = max(8, min(ROWS, max(_FEWEST, n), _VALUES // max(1, _width(X))))
    rng = np.random.default_rng(0)
    return plain(take_rows(X, np.sort(rng.choice(n, size, replace=n < size))))


def plain(X: Any) -> Any:
    """Return tensors of a framework as arrays."""
    if isinstance(X, Mapping):
        return {name: plain(values) for name, values in X.items()}
    return np.asarray(from_tensor(X)) if hasattr(type(X), "__dlpack__") else X


def _parts(rows: Any, schema: Schema) -> dict[Any, Any]:
    """Return what is changed by itself: columns, inputs, or all as one."""
    if isinstance(rows, Mapping):
        ragged = {spec.source for spec in schema.feeds if spec.ragged}
        return {
            name: _apart(values, name in ragged and f"{name}{LENGTHS}" not in rows)
            for name, values in rows.items()
        }
    if schema.ragged and not schema.by_name:
        return {"": _apart(rows, True)}
    if is_table(rows):
        columns = columns_of(rows)
        step = max(1, len(columns) // _COLUMNS)
        return {i: columns[i] for i in range(0, len(columns), step)}
    return {"": _apart(rows, False)}


def _apart(values: Any, ragged: bool) -> Any:
    """Return sequences one by one: they may be cut."""
    if ragged:
        return [np.asarray(row) for row in values]
    text = isinstance(values, list | tuple) and isinstance(values[0], str)
    return np.asarray(values, dtype=object if text else None)


def _known(model: Any, schema: Schema, closed: Collection[str] = ()) -> Any:
    """Return a function that says what is known of a part."""
    network = holds_network(model)
    kinds = {spec.source: spec.kind for spec in schema.inputs}

    def known(name: Any) -> Part:
        at = schema.inputs[name if schema.by_column and isinstance(name, int) else 0]
        kind = kinds.get(name, at.kind)
        documents = at.row == () and kind == "string"
        return Part(
            kind == "float",
            schema.allow_nan,
            network,
            kind == "lengths",
            documents,
            at.name in closed,
        )

    return known


def holds_network(model: Any) -> bool:
    """Say whether a model of unifml, or one around such a model, computes here."""
    inner = model.get_params(deep=True).values() if hasattr(model, "get_params") else ()
    return any(isinstance(part, _OURS) for part in (model, *inner))


def _width(X: Any) -> int:
    if isinstance(X, Mapping):
        return sum(_width(values) for values in X.values())
    if isinstance(X, list | tuple):
        return max(int(np.size(row)) for row in X)
    return int(np.prod(X.shape[1:]))
