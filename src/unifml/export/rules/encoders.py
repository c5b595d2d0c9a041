"""OneHotEncoder, OrdinalEncoder, TargetEncoder: categories that are known, rare, missing, new."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from unifml.export.own import by_unifml
from unifml.export.rules.categories import UNKNOWN, indicators, kind_of, numbered
from unifml.export.values import DTYPES, Answers, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer


def _onehot(w: Writer, model: Any, rows: Rows) -> Answers:
    sizes = [int(size) for size in model._n_features_outs]
    places = [_places(model, i) for i in range(len(sizes))]
    codes = numbered(
        w, rows, model.categories_, [known for known, _ in places], [new for _, new in places]
    )
    if model.handle_unknown == "error":
        codes = _only_known(w, codes, max(sizes))
    return indicators(w, codes, sizes, kind_of(model.dtype))


def _places(model: Any, i: int) -> tuple[Any, int]:
    """Return the columns of the categories of one feature, -1 for none, and that of new ones."""
    known, new = np.arange(len(model.categories_[i])), -1
    mapping = _grouping(model, i)
    if mapping is not None:
        known = np.asarray(mapping)
        if model.handle_unknown in ("infrequent_if_exist", "warn"):
            new = int(known.max())
    dropped = None if model._drop_idx_after_grouping is None else model._drop_idx_after_grouping[i]
    if dropped is not None:
        known, new = (_without(int(dropped), places) for places in (known, new))
    return known, UNKNOWN if model.handle_unknown == "error" else int(new)


def _without(dropped: int, places: Any) -> Any:
    return np.where(places == dropped, -1, places - (places > dropped))


def _grouping(model: Any, i: int) -> Any:
    """Return the numbers of categories after rare ones were put together, or None."""
    return model._default_to_infrequent_mappings[i] if model._infrequent_enabled else None


def _only_known(w: Writer, codes: str, most: int) -> str:
    """Let onnxruntime refuse new categories, as the encoder does: they have no entry."""
    table = w.g.constant("known", [*range(most), -1], np.int64)
    return w.g.op("Gather", table, codes, axis=0, name="known_categories_only")


def _ordinal(w: Writer, model: Any, rows: Rows) -> Answers:
    kind = kind_of(model.dtype)
    tables = [_ordinals(model, i) for i in range(len(model.categories_))]
    new = None if model.handle_unknown == "error" else model.unknown_value
    found = _looked_up(w, model, rows, tables, [new] * len(tables), kind)
    return w.transformed(found, kind, len(tables))


def _ordinals(model: Any, i: int) -> Any:
    """Return what stands for each category of one feature."""
    values = np.arange(len(model.categories_[i])).astype(np.float64)
    mapping, missing = _grouping(model, i), model._missing_indices.get(i)
    if mapping is not None:
        values[: len(mapping)] = mapping  # a missing value stands last, and is no rare one
    if missing is not None:
        values[missing] = model.encoded_missing_value
    return values


def _target(w: Writer, model: Any, rows: Rows) -> Answers:
    each = len(model.classes_) if model.target_type_ == "multiclass" else 1
    features = len(model.categories_)
    tables = [np.stack(model.encodings_[i * each : (i + 1) * each], 1) for i in range(features)]
    means = np.atleast_1d(np.asarray(model.target_mean_, np.float64))
    found = _looked_up(w, model, rows, tables, [means] * features, "double")
    shape = w.g.constant("shape", [-1, features * each], np.int64)
    return w.transformed(w.g.op("Reshape", found, shape), "double", features * each)


def _looked_up(w: Writer, model: Any, rows: Rows, tables: Any, new: Any, kind: Any) -> str:
    """Return entries of each feature's table; the entry `new` where a category is not known."""
    sizes = [len(table) for table in tables]
    refused = new[0] is None
    codes = numbered(
        w,
        rows,
        model.categories_,
        [np.arange(size) for size in sizes],
        [UNKNOWN if refused else size for size in sizes],
    )
    rooms = (
        tables if refused else [np.concatenate([t, [n]]) for t, n in zip(tables, new, strict=True)]
    )
    starts = np.cumsum([0, *(len(room) for room in rooms[:-1])])
    if len(rooms) > 1:
        codes = w.g.op("Add", codes, w.g.constant("start", starts, np.int64))
    values = w.g.constant("encodings", np.concatenate(rooms), DTYPES[kind])
    name = "known_categories_only" if refused else "encoded"
    return w.g.op("Gather", values, codes, axis=0, name=name)


RULES: dict[type, Rule] = by_unifml(
    {OneHotEncoder: _onehot, OrdinalEncoder: _ordinal, TargetEncoder: _target}
)
