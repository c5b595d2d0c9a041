"""LightGBM: models as its dump has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unifml.export.boosted.model import Boosted
from unifml.export.boosted.nested import Node, tree_of_nodes

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


def read_lightgbm(w: Writer, model: Any) -> Boosted:
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
    nodes = [_node(w, model, top) for top in tops]
    zeros = {n.feature for top in nodes for n in top.walk() if n.zero}
    trees = tuple(tree_of_nodes(top, i % targets, targets) for i, top in enumerate(nodes))
    rounds = max(len(tops) // targets, 1) if dump.get("average_output") else 1
    base = np.zeros(targets)
    return Boosted(trees, base, link, steep / rounds, single=False, zeros=tuple(sorted(zeros)))


def _link(w: Writer, model: Any, objective: str, words: list[str]) -> tuple[str, float]:
    """Return the link, and how steep it is."""
    if objective not in _LINKS:
        raise w.refusal(
            model,
            f"objective={objective!r}",
            rule=f"objective is one of {', '.join(sorted(_LINKS))}",
        )
    settings = dict(word.split(":") for word in words if ":" in word)
    link = "signed square" if "sqrt" in words else _LINKS[objective]
    return link, float(settings.get("sigmoid", 1.0))


def _node(w: Writer, model: Any, node: dict[str, Any]) -> Node:
    """Read a node and all below it."""
    if "leaf_coeff" in node:
        raise w.refusal(model, "linear models in leaves", rule="leaves are numbers")
    if "split_feature" not in node:
        return Node(value=float(node["leaf_value"]))
    if node["decision_type"] != "<=":
        raise w.refusal(
            model,
            "splits by categories",
            rule="trees split numbers",
            fix="encode categories before the model: OneHotEncoder, TargetEncoder",
        )
    threshold, missing = float(node["threshold"]), node["missing_type"]
    left = threshold >= 0 if missing == "None" else bool(node["default_left"])
    return Node(
        feature=int(node["split_feature"]),
        threshold=threshold,
        missing_left=left,
        zero=missing == "Zero",
        left=_node(w, model, node["left_child"]),
        right=_node(w, model, node["right_child"]),
    )
