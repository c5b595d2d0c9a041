"""LightGBM: models as its dump has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import is_regressor

from unifml.export.boosted.model import Boosted
from unifml.export.boosted.nested import Node, tree_of_nodes
from unifml.export.sets import HALF, Sets
from unifml.export.values import Rows

if TYPE_CHECKING:
    from unifml.export.writer import Writer

_IDENTITY = (
    "fair", "huber", "lambdarank", "mape", "quantile", "rank_xendcg", "regression",
    "regression_l1",
)  # fmt: skip
_LINKS = dict.fromkeys(_IDENTITY, "identity") | {
    "binary": "sigmoid",
    "cross_entropy": "sigmoid",
    "cross_entropy_lambda": "softplus",
    "gamma": "exp",
    "multiclass": "softmax",
    "multiclassova": "sigmoid",
    "poisson": "exp",
    "tweedie": "exp",
}


def read_lightgbm(w: Writer, model: Any, rows: Rows) -> Boosted:
    """Read a fitted LGBMClassifier or LGBMRegressor, up to its best round.

    Raises
    ------
    ExportError
        For objectives and splits that have no formula here.
    """
    dump = model.booster_.dump_model()
    targets = int(dump["num_tree_per_iteration"])
    objective, *words = dump.get("objective", "none").split()
    link, steep = _link(w, model, objective, words)
    tops = [tree["tree_structure"] for tree in dump["tree_info"]]
    sets = Sets(rows.width)
    nodes = [_node(w, model, top, sets) for top in tops]
    zeros = {n.feature for top in nodes for n in top.walk() if n.zero}
    trees = tuple(tree_of_nodes(top, i % targets, targets) for i, top in enumerate(nodes))
    rounds = max(len(tops) // targets, 1) if dump.get("average_output") else 1
    base = np.zeros(targets)
    return Boosted(
        trees,
        base,
        link,
        steep / rounds,
        single=False,
        zeros=tuple(sorted(zeros)),
        sets=sets,
        categories=_categories(w, model, rows, dump),
    )


def _categories(w: Writer, model: Any, rows: Rows, dump: dict[str, Any]) -> dict[int, Any]:
    """Return the categories of a frame's columns of them; LightGBM has them without the columns."""
    known = dump.get("pandas_categorical") or []
    if not known or len(rows.blocks) != rows.width:
        return {}  # an array holds their numbers
    infos = [dump["feature_infos"].get(name, {}) for name in dump["feature_names"]]
    kinds = zip(rows.blocks, infos, strict=True)
    places = [i for i, (b, said) in enumerate(kinds) if b.kind == "string" or said.get("values")]
    if len(places) != len(known):
        raise w.refusal(
            model,
            f"{len(known)} columns of categories, of which {len(places)} are known",
            rule="columns of ordered or constant categories hold text",
            fix="give these columns categories of text, or their numbers",
        )
    return {i: np.array(values, dtype=object) for i, values in zip(places, known, strict=True)}


def _link(w: Writer, model: Any, objective: str, words: list[str]) -> tuple[str, float]:
    """Return the link, and how steep it is; sums are what an objective of one's own predicts."""
    if objective == "none" and is_regressor(model):
        return "identity", 1.0
    if objective not in _LINKS:
        raise w.refusal(
            model,
            f"objective={objective!r}",
            rule=f"objective is one of {', '.join(sorted(_LINKS))}",
        )
    settings = dict(word.split(":") for word in words if ":" in word)
    link = "signed square" if "sqrt" in words else _LINKS[objective]
    return link, float(settings.get("sigmoid", 1.0))


def _node(w: Writer, model: Any, node: dict[str, Any], sets: Sets) -> Node:
    """Read a node and all below it."""
    if "leaf_coeff" in node:
        raise w.refusal(model, "linear models in leaves", rule="leaves are numbers")
    if "split_feature" not in node:
        return Node(value=float(node["leaf_value"]))
    left, right = (_node(w, model, node[f"{side}_child"], sets) for side in ("left", "right"))
    feature = int(node["split_feature"])
    if node["decision_type"] != "<=":
        here = [int(code) for code in node["threshold"].split("||")]
        away = ~np.isin(np.arange(max(here) + 1), here)
        column = sets.column(feature, away, other=True, missing=True)
        return Node(feature=column, threshold=HALF, left=left, right=right)
    threshold, missing = float(node["threshold"]), node["missing_type"]
    lost = threshold >= 0 if missing == "None" else bool(node["default_left"])
    return Node(0.0, feature, threshold, lost, missing == "Zero", left, right)
