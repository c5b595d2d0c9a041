"""Random forests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from unifml.core.plan import Procedure, Translation
from unifml.core.space import Categorical, Float, Int, Space
from unifml.core.task import Task
from unifml.models.base import Model


@dataclass(frozen=True, repr=False)
class RandomForest(Model):
    """Trees grown on bootstrap samples with random features at each split, averaged.

    Parameters
    ----------
    n_estimators : int, default=100
        Number of trees.
    max_depth : int or None, default=None
        Deepest level; None grows until leaves are pure.
    min_samples_leaf : int, default=1
        Fewest rows in a leaf.
    max_features : str, float or None, default="auto"
        Features looked at in each split; ``"auto"`` is ``"sqrt"`` for classes and all for
        numbers, as scikit-learn has it.
    n_jobs : int or None, default=None
        Processes to grow trees in, as joblib counts them.

    See Also
    --------
    sklearn.ensemble.RandomForestClassifier, sklearn.ensemble.RandomForestRegressor

    References
    ----------
    Breiman, "Random forests", Machine Learning 45, 2001.

    Examples
    --------
    >>> from unifml import Regressor
    >>> from unifml.models import RandomForest
    >>> Regressor(RandomForest(n_estimators=300))
    Regressor(model=RandomForest(n_estimators=300), backend='sklearn')
    """

    kind: ClassVar[str] = "random_forest"
    axes: ClassVar[tuple[int, ...] | None] = (1,)
    default_backend: ClassVar[str] = "sklearn"
    procedure: ClassVar[Procedure] = "native"
    n_estimators: int = 100
    max_depth: int | None = None
    min_samples_leaf: int = 1
    max_features: str | float | None = "auto"
    n_jobs: int | None = None

    def to_sklearn(self, task: Task, settings: Mapping[str, Any]) -> Translation:
        """Return the scikit-learn estimator that means the same."""
        classes = task.kind == "classification"
        params = self.get_params(deep=False)
        if self.max_features == "auto":
            params["max_features"] = "sqrt" if classes else 1.0
        name = "RandomForestClassifier" if classes else "RandomForestRegressor"
        return Translation(
            f"sklearn.ensemble.{name}",
            (*params.items(), ("random_state", settings["seed"])),
            notes=(f"max_features: {self.max_features!r} -> {params['max_features']!r}",),
        )

    def space(self) -> Space:
        return {
            "n_estimators": Int(50, 500, log=True),
            "max_depth": Categorical((None, 4, 8, 16)),
            "min_samples_leaf": Int(1, 20, log=True),
            "max_features": Float(0.1, 1.0),
        }
