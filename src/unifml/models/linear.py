"""Logistic regression and ridge regression, solved exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from unifml.core.plan import Procedure, Translation
from unifml.core.signature import Signature
from unifml.core.space import Float, Space
from unifml.core.task import Task
from unifml.layers import Dense, Network
from unifml.models.base import Model


@dataclass(frozen=True, repr=False)
class Linear(Model):
    """Logistic regression for classes, ridge regression for numbers, solved exactly.

    The objective is the mean loss plus ``l2 / 2 * sum w^2``, with the bias free. ``l2`` is 1 over
    the sum of weights (and the number of targets) unless given, which is scikit-learn's ``C=1`` and
    ``alpha=1``. Inputs are taken as they are; the solver scales them for itself, without a trace in
    the solution.

    See Also
    --------
    sklearn.linear_model.LogisticRegression, sklearn.linear_model.Ridge

    References
    ----------
    Hastie, Tibshirani and Friedman, "The elements of statistical learning", 2009, sections 3.4
    and 4.4.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from unifml import Classifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = Classifier("linear", backend="sklearn").fit(X, y)
    >>> clf.model_.coef_.shape
    (3, 4)
    """

    kind: ClassVar[str] = "linear"
    axes: ClassVar[tuple[int, ...] | None] = (1,)
    default_backend: ClassVar[str] = "sklearn"
    procedure: ClassVar[Procedure] = "exact"
    uses: ClassVar[frozenset[str]] = frozenset({"l2", "precision"})

    def network(self, task: Task, signature: Signature) -> Network:
        return Network((Dense(task.width, initial="zeros", name="output"),))

    def training_defaults(self, task: Task, total_weight: float) -> Mapping[str, Any]:
        return {"l2": 1.0 / (total_weight * task.n_targets)}

    def to_sklearn(self, task: Task, settings: Mapping[str, Any]) -> Translation:
        """Return the scikit-learn estimator that means the same."""
        # Our loss is the mean over targets, scikit-learn's their sum.
        strength = settings["settings"].l2 * settings["total_weight"] * task.n_targets
        if task.kind == "regression":
            return Translation(
                "sklearn.linear_model.Ridge",
                (("alpha", strength),),
                notes=(f"l2 -> alpha = l2 * sum(w) * targets = {strength:.6g}",),
            )
        if not task.multilabel:
            return _logistic(task, strength)
        each = _logistic(task, strength)
        return Translation(
            "sklearn.multioutput.MultiOutputClassifier", (("estimator", each),), notes=each.notes
        )

    def space(self) -> Space:
        return {"l2": Float(1e-6, 1.0, log=True)}


def _logistic(task: Task, strength: float) -> Translation:
    inverse = 1.0 / strength if strength else float("inf")
    # Newton's method holds a matrix of (features * classes) squared.
    solver = "newton-cholesky" if task.n_classes <= 20 else "lbfgs"
    return Translation(
        "sklearn.linear_model.LogisticRegression",
        (("C", inverse), ("solver", solver), ("tol", 1e-8), ("max_iter", 1000)),
        notes=(
            f"l2 -> C = 1 / (l2 * sum(w) * labels) = {inverse:.6g}",
            "solved to the end: tol=1e-8 where scikit-learn's default is 1e-4",
        ),
    )
