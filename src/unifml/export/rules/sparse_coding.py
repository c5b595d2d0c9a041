"""Codes in a dictionary: thresholds are a formula, other algorithms solve a problem each row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.decomposition import DictionaryLearning, MiniBatchDictionaryLearning, SparseCoder

from unifml.export.own import by_unifml, dense, doubles
from unifml.export.values import Answers, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer


def _codes(w: Writer, model: Any, rows: Rows) -> Answers:
    """Write what a row shares with each atom, less alpha."""
    if model.transform_algorithm != "threshold":
        raise w.refusal(
            model,
            f"transform_algorithm={model.transform_algorithm!r} solves a problem for each row",
            rule="a graph computes each row by the same formula",
            fix="use transform_algorithm='threshold'",
        )
    a, x = doubles(w, rows)
    atoms = dense(model.dictionary if isinstance(model, SparseCoder) else model.components_)
    shared = a.dot(x, atoms.T, name="shared")
    above = a.op("Relu", a.sub(shared, _alpha(model)))
    below = a.op("Relu", a.sub(a.op("Neg", shared), _alpha(model)))
    width = len(atoms)
    if model.split_sign:
        below = a.mul(below, 0.0) if model.positive_code else below
        return w.transformed(a.stack(above, below, name="codes"), "double", 2 * width)
    codes = above if model.positive_code else a.sub(above, below, name="codes")
    return w.transformed(codes, "double", width)


def _alpha(model: Any) -> float:
    alpha = model.transform_alpha
    alpha = getattr(model, "alpha", None) if alpha is None else alpha
    return 1.0 if alpha is None else float(alpha)


RULES: dict[type, Rule] = by_unifml(
    dict.fromkeys((SparseCoder, DictionaryLearning, MiniBatchDictionaryLearning), _codes)
)
