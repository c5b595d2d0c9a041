"""Counts of words by skl2onnx; their weights in float64."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer

from unifml.export.algebra import Algebra
from unifml.export.leaf import WORDS
from unifml.export.own import ROAD, doubles
from unifml.export.values import Answers, Block, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer

_NORMS = {"l1": "ReduceL1", "l2": "ReduceL2"}


def _counted(w: Writer, model: Any, rows: Rows) -> Answers:
    """Count words."""
    if len(rows.blocks) != 1 or rows.blocks[0].kind != "string":
        raise w.refusal(model, "several columns", rule="it takes one column of text")
    _check(w, model)
    shape = w.g.constant("shape", [-1, 1], np.int64)
    column = Block(w.g.op("Reshape", rows.blocks[0].name, shape), "string", (1,))
    return w.convert(model, Rows((column,)), "string")


def _check(w: Writer, model: Any) -> None:
    """Refuse what rows without such words would not show."""
    foreign = next((word for word in model.vocabulary_ if _is_foreign(model, word)), None)
    if foreign is not None:
        raise w.refusal(
            model,
            f"words beyond ASCII in its vocabulary, as {foreign!r}",
            rule="ONNX lowers ASCII letters alone, and finds others by the usual token_pattern",
            fix="lower the text before, and set lowercase=False",
        )
    if model.stop_words is not None and model.ngram_range[1] > 1:
        raise w.refusal(
            model,
            f"stop words, with ngram_range={model.ngram_range}",
            rule="ONNX takes neighbours in the text, with stop words between them",
            fix="fit it without stop words, or with ngram_range=(1, 1)",
        )


def _is_foreign(model: Any, word: str) -> bool:
    """Say whether ONNX does not find a word as scikit-learn does."""
    if word.isascii():
        return False
    return model.token_pattern not in WORDS or (model.lowercase and word.lower() != word.upper())


def _weighed(w: Writer, model: Any, rows: Rows) -> Answers:
    w.road(model, ROAD)
    a, x = doubles(w, rows)
    return w.transformed(_weights(w, model, a, x), "double", rows.width)


def _weights(w: Writer, model: Any, a: Algebra, x: str) -> str:
    """Write counts, weighed by how rare words are, in rows of one length."""
    if model.sublinear_tf:
        none = w.g.op("Equal", x, a.of(0.0))
        x = a.where(none, 0.0, a.add(a.op("Log", a.where(none, 1.0, x)), 1.0))
    if hasattr(model, "idf_"):
        x = a.mul(x, np.asarray(model.idf_, dtype=np.float64))
    if model.norm is None:
        return x
    size = a.sum(x, keep=True, kind=_NORMS[model.norm])
    return a.div(x, a.where(w.g.op("Equal", size, a.of(0.0)), 1.0, size))


def _both(w: Writer, model: Any, rows: Rows) -> Answers:
    """Count, then weigh."""
    counter = CountVectorizer(**{k: getattr(model, k) for k in CountVectorizer().get_params()})
    counter.vocabulary_, counter.fixed_vocabulary_ = model.vocabulary_, model.fixed_vocabulary_
    if hasattr(model, "stop_words_"):
        counter.stop_words_ = model.stop_words_
    counted = w.write(counter, rows, "count").transformed
    assert counted is not None
    weigher = copy.copy(model._tfidf)
    return w.write(weigher, counted, "weigh")


RULES: dict[type, Rule] = {
    CountVectorizer: _counted,
    TfidfTransformer: _weighed,
    TfidfVectorizer: _both,
}
