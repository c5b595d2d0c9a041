"""`Texts` and `Words`: text of anything, and the words in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unifml.columns import Texts, Words
from unifml.export.own import by_unifml
from unifml.export.rules.imputers import missing
from unifml.export.rules.text import RULES as TEXT
from unifml.export.values import Answers, Block, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer


def _texts(w: Writer, model: Any, rows: Rows) -> Answers:
    return Answers(
        transformed=Rows(tuple(_filled(w, model, b, model.missing) for b in rows.blocks))
    )


def _filled(w: Writer, model: Any, block: Block, word: str) -> Block:
    """Return a block as text, with a word in the place of missing ones."""
    if block.kind == "bool":
        return Block(_spelled(w, block), "string", block.row)
    if block.kind != "string":
        raise w.refusal(model, "columns of numbers", rule="ONNX spells numbers in another way")
    either = w.g.op("Or", *(missing(w, block, token).name for token in (None, np.nan)))
    filled = w.g.op("Where", either, w.g.constant("word", [word], object), block.name, name="text")
    return Block(filled, "string", block.row)


def _spelled(w: Writer, block: Block) -> str:
    """Return truth values as Python writes them."""
    words = w.g.constant("words", ["False", "True"], object)
    return w.g.op("Gather", words, block.cast(w.g, "int64").name, axis=0, name="text")


def _words(w: Writer, model: Any, rows: Rows) -> Answers:
    """Write the vectorizer's own nodes, of texts that are there."""
    filled = Rows(tuple(_filled(w, model, block, "") for block in rows.blocks))
    return TEXT[next(kind for kind in type(model).__mro__ if kind in TEXT)](w, model, filled)


RULES: dict[type, Rule] = by_unifml({Texts: _texts}) | {Words: _words}
