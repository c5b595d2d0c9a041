"""What mistakes cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix, make_scorer

from unifml.errors import DataTypeError, ParameterError, UnknownNameError

_CELLS = ("true_negative", "false_positive", "false_negative", "true_positive")


def mean_cost(
    y_true: Any,
    y_pred: Any,
    *,
    pos_label: Any = 1,
    true_negative: float = 0.0,
    false_positive: float = 0.0,
    false_negative: float = 0.0,
    true_positive: float = 0.0,
    sample_weight: Any = None,
) -> float:
    """Return the mean cost of a row, where each kind of answer has one; a gain is negative."""
    true, said = np.asarray(y_true) == pos_label, np.asarray(y_pred) == pos_label
    counts = confusion_matrix(true, said, labels=[False, True], sample_weight=sample_weight)
    costs = [[true_negative, false_positive], [false_negative, true_positive]]
    return float((counts * np.array(costs)).sum() / counts.sum())


def cost_scorer(cost: Any, positive: Any) -> Any:
    """Return a scorer of which more is better, from what `cost` says is to be least.

    Raises
    ------
    UnknownNameError, DataTypeError, ParameterError
        For what is no cost.
    """
    if callable(cost):
        return make_scorer(cost, greater_is_better=False)
    costs = _by_name(cost) if isinstance(cost, Mapping) else _by_place(cost)
    _check(costs)
    return make_scorer(mean_cost, greater_is_better=False, pos_label=positive, **costs)


def _by_name(cost: Mapping[str, Any]) -> dict[str, float]:
    for name in cost:
        if name not in _CELLS:
            raise UnknownNameError.among("cost", name, _CELLS)
    return {name: float(cost.get(name, 0.0)) for name in _CELLS}


def _by_place(cost: Any) -> dict[str, float]:
    if isinstance(cost, str) or np.shape(cost) != (2, 2):
        raise DataTypeError(
            f"cost={cost!r}",
            rule="a dict of false_positive and false_negative, [[tn, fp], [fn, tp]], or a function",
        )
    return dict(zip(_CELLS, map(float, np.ravel(cost)), strict=True))


def _check(costs: dict[str, float]) -> None:
    """See that there is something to choose: a mistake costs more than being right."""
    finite = all(map(np.isfinite, costs.values()))
    positive = costs["false_positive"] > costs["true_negative"]
    if not (finite and positive and costs["false_negative"] > costs["true_positive"]):
        raise ParameterError(
            f"cost={costs}",
            rule="false_positive > true_negative and false_negative > true_positive, all finite",
            fix="where one mistake costs nothing, the same answer is always best",
        )
