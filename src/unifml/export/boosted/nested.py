"""Trees as nodes in nodes -> trees as arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unifml.export.forest import Tree


@dataclass(frozen=True)
class Node:
    """A split, or a leaf, which has nothing to its left.

    Attributes
    ----------
    value : float or array of shape (targets,)
        What a leaf adds.
    feature : int
        Column that is asked.
    threshold : float
        Rows go left where the column is at most this.
    missing_left : bool
        Whether NaN goes left.
    zero : bool
        Whether 0 stands for a missing value.
    left, right : Node or None
        What comes next.
    """

    value: float | npt.NDArray[np.float64] = 0.0
    feature: int = 0
    threshold: float = 0.0
    missing_left: bool = False
    zero: bool = False
    left: Node | None = None
    right: Node | None = None

    def walk(self) -> Iterator[Node]:
        """Return it and all nodes below, in the order of `tree_of_nodes`."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            if node.left is not None and node.right is not None:
                waiting += [node.right, node.left]


def tree_of_nodes(top: Node, target: int | None, targets: int) -> Tree:
    """Return arrays of a tree.

    Parameters
    ----------
    top : Node
        The root.
    target : int or None
        Which target its leaves add to; None where they have a value for each.
    targets : int
        Number of targets.
    """
    nodes = list(top.walk())
    place = {id(node): i for i, node in enumerate(nodes)}
    values = np.zeros((len(nodes), targets))
    for i, node in enumerate(nodes):
        if node.left is None:
            values[i, slice(None) if target is None else target] = node.value
    return Tree(
        np.array([place.get(id(node.left), 0) for node in nodes]),
        np.array([place.get(id(node.right), 0) for node in nodes]),
        np.array([node.feature for node in nodes]),
        np.array([node.threshold for node in nodes]),
        np.array([node.missing_left for node in nodes]),
        np.array([node.left is None for node in nodes]),
        values,
    )
