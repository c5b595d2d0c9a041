"""CatBoost: models as its JSON has them."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unifml.export.boosted.model import Boosted
from unifml.export.boosted.nested import Node, tree_of_nodes
from unifml.export.values import Rows

if TYPE_CHECKING:
    from unifml.export.writer import Writer

_IDENTITY = (
    "Expectile", "Huber", "Lq", "LogCosh", "MAE", "MAPE", "MultiRMSE", "Quantile", "RMSE",
)  # fmt: skip
_LINKS = dict.fromkeys(_IDENTITY, "identity") | {
    "CrossEntropy": "sigmoid",
    "Logloss": "sigmoid",
    "MultiClass": "softmax",
    "MultiClassOneVsAll": "sigmoid",
    "MultiCrossEntropy": "independent",
    "MultiLogloss": "independent",
    "Poisson": "exp",
    "Tweedie": "exp",
}


def read_catboost(w: Writer, model: Any, rows: Rows) -> Boosted:
    """Read a fitted CatBoostClassifier or CatBoostRegressor.

    Raises
    ------
    ExportError
        For losses and splits that have no formula here.
    """
    found = _file(model)
    link = _link(w, model)
    scale, bias = found["scale_and_bias"]
    base = np.atleast_1d(np.asarray(bias, np.float64))
    columns = found["features_info"].get("float_features", [])
    known = {
        c["feature_index"]: (c["flat_feature_index"], c["nan_value_treatment"]) for c in columns
    }
    nodes = [_symmetric(w, model, tree, known) for tree in found.get("oblivious_trees", [])]
    nodes += [_free(w, model, tree, known) for tree in found.get("trees", [])]
    targets = max(len(base), *(np.size(n.value) for top in nodes[:1] for n in top.walk()), 1)
    base = np.broadcast_to(base, (targets,)).copy()
    trees = tuple(tree_of_nodes(top, None, targets) for top in nodes)
    return Boosted(trees, base, link, float(scale))


def _file(model: Any) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _link(w: Writer, model: Any) -> str:
    loss = str(model.get_all_params()["loss_function"]).split(":")[0]
    if loss not in _LINKS:
        raise w.refusal(
            model,
            f"loss_function={loss!r}",
            rule=f"loss_function is one of {', '.join(sorted(_LINKS))}",
        )
    return _LINKS[loss]


Known = dict[int, tuple[int, str]]


def _symmetric(w: Writer, model: Any, tree: dict[str, Any], known: Known) -> Node:
    """Return a tree whose nodes ask the same at each depth; the first question is the last bit."""
    splits = tree.get("splits") or []
    count = 2 ** len(splits)
    values = np.asarray(tree["leaf_values"], np.float64).reshape(count, -1)
    level = [Node(value=value) for value in values]
    for split in splits:
        pairs = zip(level[::2], level[1::2], strict=True)
        level = [_split(w, model, split, known, left, right) for left, right in pairs]
    return level[0]


def _free(w: Writer, model: Any, tree: dict[str, Any], known: Known) -> Node:
    """Return a tree of nodes in nodes."""
    if "split" not in tree:
        return Node(value=np.atleast_1d(np.asarray(tree["value"], np.float64)))
    left, right = (_free(w, model, tree[side], known) for side in ("left", "right"))
    return _split(w, model, tree["split"], known, left, right)


def _split(
    w: Writer, model: Any, split: dict[str, Any], known: Known, left: Node, right: Node
) -> Node:
    """Return a node: rows above the border go to the right."""
    if split["split_type"] != "FloatFeature":
        raise w.refusal(
            model,
            f"splits of type {split['split_type']}",
            rule="trees split numbers",
            fix="encode categories before the model: OneHotEncoder, TargetEncoder",
        )
    column, missing = known[split["float_feature_index"]]
    border = float(np.float32(split["border"]))
    return Node(0.0, column, border, missing != "AsTrue", left=left, right=right)
