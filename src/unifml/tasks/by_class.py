"""How each class fares: precision and recall, and what is taken for what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import (
    confusion_matrix,
    multilabel_confusion_matrix,
    precision_recall_fscore_support,
)

from unifml.tasks.predictions import Predictions

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Confusion:
    """What was taken for what, in out-of-fold predictions.

    Attributes
    ----------
    classes : array of shape (k,)
        The classes, or the numbers of several labels.
    counts : array of shape (k, k), or (labels, 2, 2)
        Rows are true, columns predicted: how many, or the sum of their weights. Of several labels
        one table each, of off and on.
    """

    classes: Array
    counts: Array

    def to_frame(self) -> Any:
        """Return a pandas DataFrame: a line a true class, a column a predicted one."""
        import pandas as pd

        if self.counts.ndim == 2:
            table = pd.DataFrame(self.counts, index=self.classes, columns=self.classes)
            return table.rename_axis(index="true", columns="predicted")
        cells = {("off", "off"): 0, ("off", "on"): 1, ("on", "off"): 2, ("on", "on"): 3}
        flat = self.counts.reshape(len(self.classes), 4)
        columns = {f"true {a}, predicted {b}": flat[:, place] for (a, b), place in cells.items()}
        return pd.DataFrame(columns, index=self.classes).rename_axis("label")


def class_table(found: Predictions) -> list[dict[str, Any]]:
    """Return precision, recall, F1 and support of each class or label."""
    labels, truth = _labels(found), found.true
    parts = precision_recall_fscore_support(
        truth, found.predicted, labels=labels, sample_weight=found.weight, zero_division=0.0
    )
    return [
        {
            "class": label.item() if hasattr(label, "item") else label,
            "support": _counted(support),
            "precision": float(precision),
            "recall": float(recall),
            "f1": float(f1),
        }
        for label, precision, recall, f1, support in zip(labels, *parts, strict=True)
    ]


def confusion(found: Predictions) -> Confusion:
    """Return what was taken for what."""
    labels, several = _labels(found), found.predicted.ndim > 1
    make = multilabel_confusion_matrix if several else confusion_matrix
    counts = make(found.true, found.predicted, labels=labels, sample_weight=found.weight)
    return Confusion(labels, counts)


def _labels(found: Predictions) -> Array:
    assert found.true is not None
    if found.true.ndim > 1:
        return np.arange(found.true.shape[1])
    return np.unique(np.concatenate([found.true, found.predicted]))


def _counted(support: Any) -> int | float:
    return int(support) if float(support).is_integer() else float(support)
