"""What a metric is, and what it is measured against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sklearn.utils.multiclass import type_of_target

BOUND = ("decision_function", "predict_proba")  # scores of classes, as scikit-learn looks for them
Measured = Literal["classification", "regression", "clustering"]
"""What is learned, as far as metrics tell it apart."""


@dataclass(frozen=True)
class Metric:
    """One number about how good predictions are.

    Attributes
    ----------
    name : str
        What it is called in results.
    scorer : callable
        ``scorer(estimator, X, y, sample_weight=...)``.
    greater : bool or None
        Whether more is better; None for a user's function that does not say.
    needs : tuple of str
        Methods of the estimator, any one of which is enough.
    every_class : bool
        Undefined where a class has no rows.
    recorded : bool
        Computed from recorded outputs; else it asks the estimator itself.
    bounds : (float, float)
        What it can be.
    formula : str
        Its name in `unifml.tasks.resampling`, if it is one of ours.
    truth : bool
        Whether it compares with y; else it looks at X and the predictions alone.
    """

    name: str
    scorer: Callable[..., float]
    greater: bool | None = True
    needs: tuple[str, ...] = ("predict",)
    every_class: bool = False
    recorded: bool = True
    bounds: tuple[float, float] = (-np.inf, np.inf)
    formula: str = ""
    truth: bool = True

    def method(self, estimator: Any) -> str:
        """Return the method of `estimator` that is to be asked, or an empty string."""
        return next((name for name in self.needs if hasattr(estimator, name)), "")


@dataclass(frozen=True)
class Target:
    """What y is, and its classes.

    Attributes
    ----------
    kind : {"binary", "classes", "labels", "numbers", "clusters"}
        Two classes, several, several labels per row, numbers, or nothing that is predicted.
    classes : array or None
        The classes in order.
    """

    kind: str
    classes: Any = None

    @classmethod
    def of(cls, y: Any, kind: Measured, classes: Any = None) -> Target:
        """Look at y; the classes given go before those found."""
        if kind == "regression":
            return cls("numbers")
        if kind == "clustering":
            return cls("clusters")
        if type_of_target(y) == "multilabel-indicator":
            return cls("labels")
        classes = np.unique(np.asarray(y)) if classes is None else np.asarray(classes)
        return cls("binary" if len(classes) <= 2 else "classes", classes)

    @property
    def averaging(self) -> dict[str, Any]:
        """How a metric of one class becomes one number."""
        if self.kind == "binary":
            return {"average": "binary", "pos_label": self.classes[-1]}
        return {"average": "macro"}

    @property
    def positive(self) -> dict[str, Any]:
        """The class that is looked for, where there are two."""
        return {"pos_label": self.classes[-1]} if self.kind == "binary" else {}

    @property
    def words(self) -> str:
        """What y is, in words."""
        named = {
            "binary": "two classes",
            "classes": "classes",
            "labels": "several labels per row",
            "clusters": "clusters",
        }
        return named.get(self.kind, "numbers")


@dataclass(frozen=True)
class Recipe:
    """How a metric is made for a target.

    Attributes
    ----------
    make : callable
        ``make(name, target)`` returns the Metric.
    kinds : frozenset of str
        Kinds of targets that it is defined for.
    """

    make: Callable[[str, Target], Metric]
    kinds: frozenset[str]
