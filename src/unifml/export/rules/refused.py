"""Estimators of scikit-learn that no formula of a row computes: refused, each with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.decomposition import NMF, LatentDirichletAllocation, MiniBatchNMF
from sklearn.feature_extraction.image import PatchExtractor
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.manifold import LocallyLinearEmbedding
from sklearn.preprocessing import MultiLabelBinarizer

from unifml.export.leaf import known
from unifml.export.values import Answers, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer

REASONS: dict[type, str] = {
    HashingVectorizer: "ONNX has no operator that hashes text as scikit-learn does",
    LatentDirichletAllocation: "it iterates over each row until nothing changes",
    LocallyLinearEmbedding: "it solves a linear system for each row",
    MiniBatchNMF: "it iterates over the rows until nothing changes",
    MultiLabelBinarizer: "it takes labels, not rows",
    NMF: "it iterates over the rows until nothing changes",
    PatchExtractor: "it gives more rows than it takes",
}
"""Why; a subclass, or a converter that the user registered with skl2onnx, may know better."""


def _refuse(w: Writer, model: Any, rows: Rows) -> Answers:
    if known(type(model)):
        return w.convert(model, rows)
    reason = next(REASONS[kind] for kind in type(model).__mro__ if kind in REASONS)
    raise w.refusal(
        model,
        reason,
        rule="a graph computes each row by the same formula",
        fix="register a converter with skl2onnx.update_registered_converter",
    )


RULES: dict[type, Rule] = dict.fromkeys(REASONS, _refuse)
