"""IterativeImputer: its regressors one after another, as often as in fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.experimental import enable_iterative_imputer  # noqa: F401  makes the next line work
from sklearn.impute import IterativeImputer

from unifml.export.formulas import Real, clipped
from unifml.export.own import by_unifml
from unifml.export.rules.imputers import indicated, missing
from unifml.export.values import Answers, Block, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer

Column = Block


def _iterative(w: Writer, model: Any, rows: Rows) -> Answers:
    if model.sample_posterior:
        raise w.refusal(
            model, "sample_posterior=True", rule="a file says the same for the same rows"
        )
    block = rows.joined(w.g)
    start = w.write(model.initial_imputer_, Rows((block,)), "initial").transformed
    assert start is not None
    mask = missing(w, block, model.missing_values)
    empty = model._is_empty_feature
    kept = [int(i) for i in np.flatnonzero(~empty | model.keep_empty_features)]
    filled = start.joined(w.g, block.kind)
    if model.n_iter_:
        gaps = mask.take(w.g, kept)
        filled = _rounds(w, model, filled, gaps, empty[kept])
    return indicated(w, model, Rows((filled,)), Rows((mask,)))


def _rounds(w: Writer, model: Any, filled: Block, mask: Block, empty: Any) -> Block:
    g = w.g
    columns, gaps = Rows((filled,)).columns(g), Rows((mask,)).columns(g)
    for number, step in enumerate(model.imputation_sequence_):
        i = int(step.feat_idx)
        if empty[i]:
            continue
        others = Rows(tuple(columns[int(j)] for j in step.neighbor_feat_idx))
        asked = Rows((others.joined(g, filled.kind),))
        guess = w.write(step.estimator, asked, f"round{number}").prediction
        assert guess is not None
        bounded = clipped(Real.of(g, guess), model._min_value[i], model._max_value[i])
        value = Block(bounded.name, "double").cast(g, filled.kind)
        name = g.op("Where", gaps[i].name, value.name, columns[i].name, name="filled")
        columns[i] = Block(name, filled.kind)
    ready = Rows(tuple(columns)).joined(g, filled.kind)
    return _unless_all_is_missing(w, ready, filled, mask, empty)


def _unless_all_is_missing(w: Writer, ready: Block, first: Block, mask: Block, empty: Any) -> Block:
    """Return the first guess where no value of any row is there, as scikit-learn does."""
    g = w.g
    if empty.any():
        return ready
    gap = g.op("Cast", mask.name, to=6)
    every = g.op("Cast", g.op("ReduceMin", gap, keepdims=0), to=9, name="all_is_missing")
    name = g.op("Where", every, first.name, ready.name, name="filled")
    return Block(name, ready.kind, ready.row)


RULES: dict[type, Rule] = by_unifml({IterativeImputer: _iterative})
