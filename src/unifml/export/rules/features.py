"""What chooses columns, and what multiplies them."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, combinations_with_replacement
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.feature_selection import (
    RFE,
    RFECV,
    GenericUnivariateSelect,
    SelectFdr,
    SelectFpr,
    SelectFromModel,
    SelectFwe,
    SelectKBest,
    SelectorMixin,
    SelectPercentile,
    SequentialFeatureSelector,
    VarianceThreshold,
)
from sklearn.preprocessing import PolynomialFeatures

from unifml.export.own import by_unifml
from unifml.export.values import Answers, Block, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer

Terms = list[tuple[int, ...]]


def _selector(w: Writer, model: Any, rows: Rows) -> Answers:
    chosen = [int(column) for column in model.get_support(indices=True)]
    return Answers(transformed=rows.pick(w.g, chosen))


def _eliminator(w: Writer, model: Any, rows: Rows) -> Answers:
    """Write the columns that are left, and what the model fitted on them says."""
    kept = _selector(w, model, rows)
    if kept.transformed is None or not hasattr(model.estimator_, "predict"):
        return kept
    answers = w.write(model.estimator_, kept.transformed, "estimator")
    return replace(answers, transformed=kept.transformed)


def _polynomial(w: Writer, model: Any, rows: Rows) -> Answers:
    """Multiply terms of one degree less by a column, as scikit-learn does."""
    x = rows.joined(w.g)
    least, most = model._min_degree, model._max_degree
    terms: Terms = [(i,) for i in range(x.width)]
    products, kept = x.name, [x.name] if least <= 1 <= most else []
    for degree in range(2, most + 1):
        wider = _of_degree(x.width, degree, model.interaction_only)
        if not wider:
            break
        products, terms = _products(w, x, products, terms, wider), wider
        if degree >= least:
            kept.append(products)
    ones = [_ones(w, x)] if model.include_bias else []
    parts = [*ones, *kept]
    name = parts[0] if len(parts) == 1 else w.g.op("Concat", *parts, axis=1, name="terms")
    return w.transformed(name, x.kind, int(model.n_output_features_))


def _of_degree(width: int, degree: int, interaction_only: bool) -> Terms:
    chosen = combinations if interaction_only else combinations_with_replacement
    return list(chosen(range(width), degree))


def _products(w: Writer, x: Block, products: str, terms: Terms, wider: Terms) -> str:
    places = {term: place for place, term in enumerate(terms)}
    rest = w.g.constant("rest", [places[term[1:]] for term in wider], np.int64)
    first = w.g.constant("first", [term[0] for term in wider], np.int64)
    left = w.g.op("Gather", products, rest, axis=1)
    return w.g.op("Mul", left, w.g.op("Gather", x.name, first, axis=1), name="products")


def _ones(w: Writer, x: Block) -> str:
    """Return 1 for each row: a constant that is as long as the rows."""
    rows = w.g.op("Shape", x.name, start=0, end=1)
    shape = w.g.op("Concat", rows, w.g.constant("one", [1], np.int64), axis=0)
    return w.g.op("Expand", w.g.constant("bias", [[1]], x.dtype), shape, name="bias")


_SELECTORS: tuple[type, ...] = (
    SelectorMixin,
    VarianceThreshold,
    SelectKBest,
    SelectPercentile,
    GenericUnivariateSelect,
    SelectFpr,
    SelectFdr,
    SelectFwe,
    SelectFromModel,
    SequentialFeatureSelector,
)
RULES: dict[type, Rule] = by_unifml(
    dict.fromkeys(_SELECTORS, _selector)
    | {RFE: _eliminator, RFECV: _eliminator, PolynomialFeatures: _polynomial}
)
