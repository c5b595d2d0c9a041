"""SimpleImputer and MissingIndicator: what is missing, and what stands for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.impute import MissingIndicator, SimpleImputer

from unifml.export.own import by_unifml
from unifml.export.values import Answers, Block, Rows
from unifml.runtime.feeding import is_missing, text_of
from unifml.runtime.schema import Kind

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer

_BOOL, _INT64 = 9, 7
_AVERAGES = ("mean", "median")


def _simple(w: Writer, model: Any, rows: Rows) -> Answers:
    """Fill in statistics block by block; columns without one are left out."""
    blocks: list[Block] = []
    masks: list[Block] = []
    start = 0
    for block in rows.blocks:
        mask = missing(w, block, model.missing_values)
        masks.append(mask)
        statistics = model.statistics_[start : start + block.width]
        kept = [i for i, s in enumerate(statistics) if model.keep_empty_features or s == s]
        start += block.width
        if kept:
            fill = [statistics[i] for i in kept]
            blocks.append(_filled(w, model, block.take(w.g, kept), mask.take(w.g, kept), fill))
    return indicated(w, model, Rows(tuple(blocks)), Rows(tuple(masks)))


def _filled(w: Writer, model: Any, block: Block, mask: Block, fill: list[Any]) -> Block:
    if not can_miss(block, model.missing_values):
        return block
    if model.strategy in _AVERAGES and block.kind in ("int64", "bool"):
        block = block.cast(w.g, "double")
    values = w.g.constant("statistics", [_value(w, model, block, v) for v in fill], _dtype(block))
    name = w.g.op("Where", mask.name, values, block.name, name="filled")
    return Block(name, block.kind, block.row)


def _value(w: Writer, model: Any, block: Block, value: Any) -> Any:
    if block.kind == "string":
        return text_of(value)
    if isinstance(value, str):
        raise w.refusal(
            model, f"fill_value={value!r} in a column of numbers", rule="a column has one type"
        )
    return value


def _dtype(block: Block) -> Any:
    return object if block.kind == "string" else block.dtype


def can_miss(block: Block, value: Any) -> bool:
    """Say whether a block can hold a missing value at all."""
    if block.kind == "string":
        return True
    if is_missing(value):
        return block.kind in ("float", "double")
    if isinstance(value, str):
        return False
    return block.kind in ("float", "double") or float(value).is_integer()


def missing(w: Writer, block: Block, value: Any) -> Block:
    """Return where values are missing, bool of the block's shape.

    Parameters
    ----------
    w : Writer
        Receives the nodes.
    block : Block
        Values of any kind.
    value : object
        What counts as missing: NaN, None, or any number or text.
    """
    g = w.g
    if not can_miss(block, value):
        name = g.op("Not", g.op("Equal", block.name, block.name))
    elif block.kind == "string":
        name = g.op("Cast", _text_is(w, block, value), to=_BOOL)
    elif is_missing(value):
        name = g.op("IsNaN", block.name, name="missing")
    else:
        number = block.cast(g, "int64") if block.kind == "bool" else block
        name = g.op("Equal", number.name, g.constant("missing", value, number.dtype))
    return Block(name, "bool", block.row)


def _text_is(w: Writer, block: Block, value: Any) -> str:
    """Return 1 where text is the token of a missing value; pandas' NA stands for None too."""
    tokens = [text_of(value), *(["None"] if type(value).__name__ == "NAType" else [])]
    return w.g.op(
        "LabelEncoder",
        block.name,
        domain="ai.onnx.ml",
        keys_strings=tokens,
        values_int64s=[1] * len(tokens),
        default_int64=0,
    )


def indicated(w: Writer, model: Any, filled: Rows, masks: Rows) -> Answers:
    """Return filled rows, with the indicators of what was missing beside them if they are asked."""
    if not model.add_indicator or not len(model.indicator_.features_):
        return Answers(transformed=filled)
    flags = masks.pick(w.g, [int(column) for column in model.indicator_.features_])
    kind = _number_of(filled)
    flagged = flags.blocks if kind is None else [flag.cast(w.g, kind) for flag in flags.blocks]
    return Answers(transformed=Rows((*filled.blocks, *flagged)))


def _number_of(rows: Rows) -> Kind | None:
    """Return the kind of numbers that NumPy would put indicators into; None beside text."""
    kinds = {block.kind for block in rows.blocks}
    if "string" in kinds:
        return None
    return kinds.pop() if len(kinds) == 1 else "double"


def _indicator(w: Writer, model: Any, rows: Rows) -> Answers:
    masks = Rows(tuple(missing(w, block, model.missing_values) for block in rows.blocks))
    if model.features == "missing-only":
        masks = masks.pick(w.g, [int(column) for column in model.features_])
    return Answers(transformed=masks)


RULES: dict[type, Rule] = by_unifml({SimpleImputer: _simple, MissingIndicator: _indicator})
