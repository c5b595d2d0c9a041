"""How far confidence is from being right."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

BINS = 15


def calibration_error(
    y_true: npt.ArrayLike,
    y_proba: npt.ArrayLike,
    *,
    labels: npt.ArrayLike | None = None,
    sample_weight: npt.ArrayLike | None = None,
    bins: int = BINS,
) -> float:
    """Return the expected calibration error: mean gap of confidence and accuracy, over bins.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        Labels.
    y_proba : array-like of shape (n, classes) or (n,)
        Probabilities of the classes in sorted order; of the second of two, if it is one column.
    labels : array-like or None
        The classes; None takes those of `y_true`.
    sample_weight : array-like of shape (n,) or None
        Weights of rows.
    bins : int, default=15
        Bins of equal width for the probability of the predicted class.

    Returns
    -------
    float
        0 is perfect, 1 the worst.

    References
    ----------
    Guo et al., "On calibration of modern neural networks", ICML 2017.

    Examples
    --------
    >>> from unifml.metrics.calibration import calibration_error
    >>> calibration_error([0, 1, 1, 1], [0.25, 0.75, 0.75, 0.75], bins=4)
    0.25
    """
    truth = np.asarray(y_true)
    classes = np.unique(truth) if labels is None else np.asarray(labels)
    share = _two_columns(np.asarray(y_proba, dtype=np.float64))
    weight = np.ones(len(truth)) if sample_weight is None else np.asarray(sample_weight, float)
    code = share.argmax(axis=1)
    confidence = share[np.arange(len(share)), code]
    right = (classes[code] == truth).astype(np.float64)
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    gap = np.bincount(place, weight * (right - confidence), minlength=bins)
    return float(np.abs(gap).sum() / weight.sum())


def _two_columns(share: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if share.ndim == 1 or share.shape[1] == 1:
        share = share.reshape(-1)
        return np.stack([1 - share, share], axis=1)
    return share
