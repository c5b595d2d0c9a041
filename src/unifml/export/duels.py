"""Duels of classes: pairs of them judged one by one, and what all duels together say."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from unifml.export.own import dense, doubles
from unifml.export.pairwise import kernel
from unifml.export.values import ELEMENTS, Rows

if TYPE_CHECKING:
    from unifml.export.graph import Graph
    from unifml.export.writer import Writer


def tally(g: Graph, sure: str, won: str, count: int) -> str:
    """Write votes, and a part below 1/3 for how sure the duels were: float64 (n, classes).

    Parameters
    ----------
    g : Graph
        Receives the nodes.
    sure : str
        How sure each duel is of its second class, float64 (n, duels).
    won : str
        1.0 where the second class won, else 0.0, float64 (n, duels).
    count : int
        Number of classes.
    """
    duels = list(combinations(range(count), 2))
    sides = np.zeros((len(duels), count))
    for k, (i, j) in enumerate(duels):
        sides[k, [i, j]] = -1, 1
    seats = g.constant("sides", sides, np.float64)
    total = g.op("MatMul", sure, seats)
    unplayed = g.constant("unplayed", np.arange(count - 1, -1, -1), np.float64)
    votes = g.op("Add", g.op("MatMul", won, seats), unplayed)
    one, three = (g.constant("number", number, np.float64) for number in (1.0, 3.0))
    least = g.op("Mul", g.op("Add", g.op("Abs", total), one), three)
    return g.op("Add", votes, g.op("Div", total, least), name="scores")


def machine_scores(w: Writer, model: Any, rows: Rows) -> tuple[str, int]:
    """Write the decision function of a support vector machine, as libsvm computes it.

    Returns
    -------
    str
        Tensor (n, width), float64.
    int
        The width: 1 for two classes, a column per class or per pair of classes for more.
    """
    (a, x), count = doubles(w, rows), len(model.classes_)
    vectors, gamma = dense(model.support_vectors_), {"gamma": model._gamma}
    params = gamma | {"degree": model.degree, "coef0": model.coef0}
    near = kernel(w, model, x, vectors, model.kernel, params)
    duels = a.affine(near, _weights(model, count), model.intercept_, name="duels")
    if count == 2 or model.decision_function_shape == "ovo":
        return duels, len(model.intercept_)
    g = w.g
    lost = g.op("Less", duels, g.constant("zero", 0.0, np.float64))
    won = g.op("Cast", lost, to=ELEMENTS["double"])
    return tally(g, g.op("Neg", duels), won, count), count


def _weights(model: Any, count: int) -> Any:
    """Return the weight of each support vector in each duel: (vectors, duels)."""
    dual = dense(model.dual_coef_)
    if count == 2:
        return dual.T
    owner = np.repeat(np.arange(count), model.n_support_)
    columns = []
    for i, j in combinations(range(count), 2):
        columns.append(np.where(owner == i, dual[j - 1], np.where(owner == j, dual[i], 0.0)))
    return np.stack(columns, axis=1)
