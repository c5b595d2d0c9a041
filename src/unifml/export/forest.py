"""Trees as one operator, in float64: thresholds and values are those of the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.export.graph import Graph

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Tree:
    """One tree: a row goes left where its value is at most the threshold.

    Attributes
    ----------
    left, right : array of int, shape (nodes,)
        Numbers of the next nodes; the root is node 0.
    feature : array of int, shape (nodes,)
        Column that is asked.
    threshold : array of shape (nodes,)
        What it is compared with.
    missing_left : array of bool, shape (nodes,)
        Whether NaN goes left.
    leaf : array of bool, shape (nodes,)
        Where the tree ends.
    values : array of shape (nodes, targets)
        What leaves add; that of other nodes is not read.
    """

    left: Array
    right: Array
    feature: Array
    threshold: Array
    missing_left: Array
    leaf: Array
    values: Array


def tree_of(model: Any, values: Array, features: Array | None = None) -> Tree:
    """Return a fitted tree of scikit-learn.

    Parameters
    ----------
    model : DecisionTreeClassifier or DecisionTreeRegressor
        Fitted.
    values : array of shape (nodes, targets)
        What its leaves add.
    features : array of int or None
        Which columns of the rows it was grown on.
    """
    tree = model.tree_
    leaf = tree.children_left < 0
    feature = np.where(leaf, 0, tree.feature)
    return Tree(
        np.where(leaf, 0, tree.children_left),
        np.where(leaf, 0, tree.children_right),
        feature if features is None else np.asarray(features)[feature],
        np.where(leaf, 0.0, tree.threshold),
        np.asarray(tree.missing_go_to_left, dtype=bool) & ~leaf,
        leaf,
        np.asarray(values, dtype=np.float64).reshape(len(leaf), -1),
    )


def grown(g: Graph, x: str, trees: Sequence[Tree], targets: int) -> str:
    """Write the sums of what the leaves of all trees add (n, targets), float64.

    They are summed in float64, and rounded to float32 once, at the end.

    Parameters
    ----------
    g : Graph
        Receives the nodes.
    x : str
        Rows (n, width), float64.
    trees : sequence of Tree
        All of them.
    targets : int
        Columns of their values.
    """
    sums = g.op(
        "TreeEnsembleRegressor",
        x,
        name="trees",
        domain="ai.onnx.ml",
        n_targets=targets,
        aggregate_function="SUM",
        **_nodes(trees),
        **_targets(trees),
    )
    return g.op("Cast", sums, to=11)


def _nodes(trees: Sequence[Tree]) -> dict[str, Any]:
    """Return the attributes of nodes."""
    ids = [np.arange(len(tree.leaf)) for tree in trees]
    numbers = [np.full(len(tree.leaf), i) for i, tree in enumerate(trees)]
    leaf = np.concatenate([tree.leaf for tree in trees])
    return {
        "nodes_treeids": np.concatenate(numbers).tolist(),
        "nodes_nodeids": np.concatenate(ids).tolist(),
        "nodes_featureids": np.concatenate([tree.feature for tree in trees]).tolist(),
        "nodes_modes": np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
        "nodes_truenodeids": np.concatenate([tree.left for tree in trees]).tolist(),
        "nodes_falsenodeids": np.concatenate([tree.right for tree in trees]).tolist(),
        "nodes_missing_value_tracks_true": _whole([tree.missing_left for tree in trees]),
        "nodes_values_as_tensor": _tensor([tree.threshold for tree in trees], "thresholds"),
    }


def _targets(trees: Sequence[Tree]) -> dict[str, Any]:
    """Return the attributes of leaves: values that are not 0, and one at least for each."""
    found = []
    for i, tree in enumerate(trees):
        there = (tree.values != 0) & tree.leaf[:, None]
        there[:, 0] |= tree.leaf
        node, target = np.nonzero(there)
        found.append((np.full(len(node), i), node, target, tree.values[node, target]))
    numbers, nodes, targets, values = (list(each) for each in zip(*found, strict=True))
    return {
        "target_treeids": np.concatenate(numbers).tolist(),
        "target_nodeids": np.concatenate(nodes).tolist(),
        "target_ids": np.concatenate(targets).tolist(),
        "target_weights_as_tensor": _tensor(values, "values"),
    }


def _whole(parts: Sequence[Array]) -> list[int]:
    return [int(value) for value in np.concatenate(parts)]


def _tensor(parts: Sequence[Array], name: str) -> Any:
    from onnx import numpy_helper

    return numpy_helper.from_array(np.concatenate(parts).astype(np.float64), name)
