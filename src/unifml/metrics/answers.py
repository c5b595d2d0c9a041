"""What a fitted estimator said about some rows, kept, so that every metric asks it once."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import ClassifierTags, RegressorTags, Tags, TargetTags
from sklearn.utils.metaestimators import available_if

from unifml.metrics.metric import Measured

METHODS = ("predict", "predict_proba", "decision_function")
Array = npt.NDArray[Any]


class Answers:
    """Recorded outputs that scikit-learn's scorers take for an estimator.

    "X" is then an index into the recorded rows.

    Parameters
    ----------
    outputs : dict of str to array
        Outputs by the name of the method that gave them.
    kind : {"classification", "regression", "clustering"}
        What the estimator learned.
    classes : array or None
        Its classes; None for numbers, clusters and several labels.
    """

    def __init__(self, outputs: dict[str, Array], kind: Measured, classes: Array | None) -> None:
        self.outputs, self.kind = outputs, kind
        if classes is not None:
            self.classes_ = classes

    @classmethod
    def record(
        cls, estimator: Any, X: Any, kind: Measured, methods: Iterable[str]
    ) -> tuple[Answers, float]:
        """Ask `estimator` each of `methods` once.

        Returns
        -------
        answers, seconds
            The seconds are those that ``predict`` took.
        """
        start = time.perf_counter()
        outputs = {"predict": np.asarray(estimator.predict(X))}
        seconds = time.perf_counter() - start
        for method in methods:
            if method not in outputs:
                outputs[method] = _one_array(getattr(estimator, method)(X))
        several = outputs["predict"].ndim > 1
        one_label = kind == "classification" and not several
        return cls(outputs, kind, np.asarray(estimator.classes_) if one_label else None), seconds

    def predict(self, rows: Any) -> Array:
        """Return the recorded predictions of `rows`."""
        return self.outputs["predict"][rows]  # type: ignore[no-any-return]

    @available_if(lambda self: "predict_proba" in self.outputs)
    def predict_proba(self, rows: Any) -> Array:
        """Return the recorded probabilities of `rows`."""
        return self.outputs["predict_proba"][rows]  # type: ignore[no-any-return]

    @available_if(lambda self: "decision_function" in self.outputs)
    def decision_function(self, rows: Any) -> Array:
        """Return the recorded decision values of `rows`."""
        return self.outputs["decision_function"][rows]  # type: ignore[no-any-return]

    def __sklearn_tags__(self) -> Tags:
        classifier = self.kind == "classification" and hasattr(self, "classes_")
        return Tags(
            # Outputs for several labels are taken as they are: no column is picked out of them.
            estimator_type="classifier" if classifier else None,
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags() if classifier else None,
            regressor_tags=RegressorTags() if self.kind == "regression" else None,
        )


def _one_array(output: Any) -> Array:
    """Return outputs as one array; scikit-learn's natives give a list, one array a label."""
    if isinstance(output, list):
        return np.column_stack([label[:, -1] for label in output])
    return np.asarray(output)
