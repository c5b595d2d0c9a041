"""XGBoost: models as its JSON has them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sklearn.base import is_classifier

from unifml.export.boosted.model import Boosted
from unifml.export.forest import Tree
from unifml.export.sets import HALF, Sets
from unifml.export.values import Rows

if TYPE_CHECKING:
    from unifml.export.writer import Writer

_EXP = ("count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft")
_SIGMOID = ("binary:logistic", "reg:logistic")
_SOFTMAX = ("multi:softprob", "multi:softmax")
_IDENTITY = (
    "binary:logitraw", "reg:absoluteerror", "reg:expectileerror", "reg:pseudohubererror",
    "reg:quantileerror", "reg:squarederror", "reg:squaredlogerror", "rank:map", "rank:ndcg",
    "rank:pairwise",
)  # fmt: skip
_LINKS = (
    dict.fromkeys(_EXP, "exp")
    | dict.fromkeys(_SIGMOID, "sigmoid")
    | dict.fromkeys(_SOFTMAX, "softmax")
    | dict.fromkeys(_IDENTITY, "identity")
    | {"binary:hinge": "hinge"}
)


def read_xgboost(w: Writer, model: Any, rows: Rows) -> Boosted:
    """Read a fitted XGBClassifier or XGBRegressor, up to its best round.

    Raises
    ------
    ExportError
        For objectives, boosters and splits that have no formula here.
    """
    learner = json.loads(model.get_booster().save_raw("json"))["learner"]
    targets = _targets(learner)
    link = _link(w, model, learner["objective"]["name"], targets)
    base, missing = _base(learner, link, targets), float(model.missing)
    booster = learner["gradient_booster"]
    if booster["name"] == "gblinear":
        weights = np.asarray(booster["model"]["weights"], np.float64).reshape(-1, targets)
        base = base[0] + weights[-1]  # XGBoost 3 takes the first base for all outputs of lines
        return Boosted((), base, link, coef=weights[:-1], missing=missing)
    # Categories that it does not know are refused: it takes some for others, and raises for some.
    sets = Sets(rows.width)
    trees = _trees(w, model, booster, targets, sets)
    known = _categories(w, model, booster, rows)
    return Boosted(trees, base, link, missing=missing, sets=sets, categories=known, closed=True)


def _categories(w: Writer, model: Any, booster: dict[str, Any], rows: Rows) -> dict[int, Any]:
    """Return the categories of a frame's columns of them; an array holds their numbers."""
    inner = booster["gbtree"]["model"] if booster["name"] == "dart" else booster["model"]
    each = inner.get("cats", {}).get("enc", [])
    if len(rows.blocks) != rows.width:
        return {}
    if any(min(known["values"], default=0) < 0 for known in each if "type" not in known):
        raise w.refusal(
            model,
            "categories of text beyond ASCII",
            rule="XGBoost keeps the first bytes of such text alone",
            fix="write it as ASCII, or encode it before the model: OrdinalEncoder",
        )
    return {i: _values(known) for i, known in enumerate(each) if known.get("values")}


def _values(known: dict[str, Any]) -> Any:
    """Return categories: numbers, or text as bytes side by side."""
    if "type" in known:
        return np.asarray(known["values"])
    whole = np.asarray(known["values"], dtype=np.int8).tobytes()
    ends = known["offsets"]
    return np.array([whole[a:b].decode() for a, b in pairwise(ends)], dtype=object)


def _targets(learner: dict[str, Any]) -> int:
    shape = learner["learner_model_param"]
    return max(int(shape["num_class"]), int(shape.get("num_target", 1)), 1)


def _link(w: Writer, model: Any, objective: str, targets: int) -> str:
    if objective not in _LINKS:
        raise w.refusal(
            model,
            f"objective={objective!r}",
            rule=f"objective is one of {', '.join(sorted(_LINKS))}",
        )
    several = is_classifier(model) and targets > 1 and objective in _SIGMOID
    return "independent" if several else _LINKS[objective]


def _base(learner: dict[str, Any], link: str, targets: int) -> npt.NDArray[np.float64]:
    """Return the base, which the file has in units of the prediction, in units of the sums."""
    said = str(learner["learner_model_param"]["base_score"]).strip("[]").split(",")
    base = np.broadcast_to(np.array([float(part) for part in said]), (targets,))
    if link in ("sigmoid", "independent"):
        return np.asarray(np.log(base) - np.log1p(-base))
    return np.log(base) if link == "exp" else base.copy()


def _trees(
    w: Writer, model: Any, booster: dict[str, Any], targets: int, sets: Sets
) -> tuple[Tree, ...]:
    inner = booster["gbtree"]["model"] if booster["name"] == "dart" else booster["model"]
    weights = booster.get("weight_drop", [1.0] * len(inner["trees"]))
    count = _rounds(model, inner)
    each = zip(inner["trees"], inner["tree_info"], weights, strict=True)
    return tuple(_tree(w, model, *parts, targets, sets) for parts in [*each][:count])


def _rounds(model: Any, inner: dict[str, Any]) -> int:
    """Return the number of trees up to the best round, which prediction stops at."""
    best = getattr(model, "best_iteration", None)  # None without early stopping
    return len(inner["trees"]) if best is None else int(inner["iteration_indptr"][int(best) + 1])


def _tree(
    w: Writer,
    model: Any,
    tree: dict[str, Any],
    target: int,
    weight: float,
    targets: int,
    sets: Sets,
) -> Tree:
    if int(tree["tree_param"]["size_leaf_vector"]) > 1:
        raise w.refusal(
            model,
            "trees with a vector in each leaf",
            rule="each tree has one output",
            fix='fit it with multi_strategy="one_output_per_tree"',
        )
    left, right = np.asarray(tree["left_children"]), np.asarray(tree["right_children"])
    leaf = left < 0
    numbers = np.asarray(tree["split_conditions"], np.float32)
    values = np.zeros((len(leaf), targets))
    values[:, target] = np.where(leaf, numbers, 0).astype(np.float64) * weight
    below = np.nextafter(numbers, np.float32(-np.inf))  # x < t, as the largest x that is
    feature, threshold = np.where(leaf, 0, tree["split_indices"]), np.where(leaf, 0, below)
    for node, right_ones in _sets(tree):
        missing = not tree["default_left"][node]
        column = sets.column(int(feature[node]), right_ones, other=False, missing=missing)
        feature[node], threshold[node] = column, HALF
    return Tree(
        np.where(leaf, 0, left),
        np.where(leaf, 0, right),
        feature,
        threshold,
        np.asarray(tree["default_left"], bool) & ~leaf,
        leaf,
        values,
    )


def _sets(tree: dict[str, Any]) -> Iterator[tuple[int, npt.NDArray[np.bool_]]]:
    """Yield the nodes that split by categories, and for each category whether it goes right."""
    parts = (tree["categories_nodes"], tree["categories_segments"], tree["categories_sizes"])
    for node, start, size in zip(*parts, strict=True):
        there = np.asarray(tree["categories"][start : start + size], dtype=int)
        yield node, np.isin(np.arange(there.max(initial=-1) + 1), there)
