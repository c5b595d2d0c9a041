"""A classifier with a threshold that was chosen: what `unifml.tune_threshold` returns."""

from __future__ import annotations

from typing import Any

from sklearn.model_selection import TunedThresholdClassifierCV
from sklearn.utils.validation import check_is_fitted

from unifml.tasks.insight.drawing import draw_threshold


class TunedThreshold(TunedThresholdClassifierCV):
    """scikit-learn's ``TunedThresholdClassifierCV``, that can draw how it chose.

    `unifml.tune_threshold` makes it, fitted. It predicts, and exports to ONNX, like any estimator.

    Attributes
    ----------
    best_threshold_ : float
        From which probability, or decision value, on the second class is said.
    best_score_ : float
        Mean of the metric over the folds, there; of a cost its negative.
    estimator_ : Estimator
        Fitted on all rows.
    cv_results_ : dict
        ``thresholds`` and ``scores``.
    classes_ : array
        The two classes.

    Examples
    --------
    >>> import unifml
    >>> from sklearn.datasets import load_breast_cancer
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> clf = unifml.tune_threshold("random_forest", X, y, metric="f1", cv=3, random_state=0)
    >>> bool(0 < clf.best_threshold_ < 1)
    True
    """

    def __init__(
        self,
        estimator: Any,
        *,
        scoring: Any = "balanced_accuracy",
        response_method: str = "auto",
        thresholds: Any = 100,
        cv: Any = None,
        refit: bool = True,
        n_jobs: int | None = None,
        random_state: Any = None,
        store_cv_results: bool = True,
        label: str = "score",
    ) -> None:
        super().__init__(
            estimator,
            scoring=scoring,
            response_method=response_method,
            thresholds=thresholds,
            cv=cv,
            refit=refit,
            n_jobs=n_jobs,
            random_state=random_state,
            store_cv_results=store_cv_results,
        )
        self.label = label

    def plot(self) -> Any:
        """Draw the metric, or the cost, by threshold; the best is marked.

        Returns
        -------
        matplotlib Figure
        """
        check_is_fitted(self, "cv_results_")
        found = self.cv_results_
        sign = self._curve_scorer._sign
        return draw_threshold(
            found["thresholds"], sign * found["scores"], self.best_threshold_, self.label
        )
