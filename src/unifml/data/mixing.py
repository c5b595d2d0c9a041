"""Mixtures of rows and of their targets."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from unifml.core.inputs import by_name, is_lengths
from unifml.core.table import FloatArray, IntArray, Table
from unifml.core.task import Task
from unifml.data.augment.images import boxes_at

Random = np.random.Generator


def shares(y: Any, task: Task, dtype: str) -> FloatArray:
    """Return targets that can be mixed: shares of classes (n, task.width), or values.

    Parameters
    ----------
    y : array
        Class codes (n,), labels that are on or off (n, labels), or values (n, targets).
    task : Task
        What is learned. Two classes make one column, the share of the second.
    dtype : str
        Dtype of the result.
    """
    if task.kind == "regression" or task.multilabel:
        return np.asarray(y, dtype=dtype)
    if task.width == 1:
        return np.asarray(y, dtype=dtype)[:, None]
    return np.asarray(np.asarray(y)[:, None] == np.arange(task.n_classes), dtype=dtype)


def partners(rng: Random, edges: IntArray) -> IntArray:
    """Return for each row another one of its batch (or itself): a permutation of each batch."""
    found = np.arange(edges[-1])
    for first, last in pairwise(edges.tolist()):
        rng.shuffle(found[first:last])
    return found


def mixup(rng: Random, rows: Table, alpha: float, partner: IntArray, *, classes: bool) -> Table:
    """Mix each row with a partner: ``share * row + (1 - share) * partner``, targets likewise.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the share of each row from ``Beta(alpha, alpha)``.
    rows : Table
        Targets as `shares` returns them.
    partner : int array of shape (n,)
        See `partners`.
    classes : bool
        Whether targets are shares of classes.

    References
    ----------
    Zhang et al., "mixup: beyond empirical risk minimization", ICLR 2018: alpha from 0.1 to 0.4.
    """
    share = rng.beta(alpha, alpha, len(rows))
    X = {
        name: np.maximum(values, values[partner])
        if is_lengths(name)
        else _mixed(values, values[partner], share)
        for name, values in by_name(rows.X).items()
    }
    mixed = replace(rows, X=X["X"] if isinstance(rows.X, np.ndarray) else X)
    return _targets_mixed(mixed, partner, share, classes)


def cutmix(rng: Random, rows: Table, alpha: float, partner: IntArray, *, classes: bool) -> Table:
    """Put a box of a partner's image into each image; targets are mixed by its area.

    The box has ``1 - share`` of the area, the share drawn from ``Beta(alpha, alpha)`` for each
    row; where the edge cuts it, the share is corrected. The only input is an image.

    References
    ----------
    Yun et al., "CutMix: regularization strategy to train strong classifiers with localizable
    features", ICCV 2019: alpha 1.
    """
    images = rows.X
    shape, n = images.shape[1:3], len(images)
    sides = np.round(np.sqrt(1.0 - rng.beta(alpha, alpha, n))[:, None] * shape)
    boxes = boxes_at(rng.random((n, 2)), shape, sides)
    found = images.copy()
    for i, (top, bottom, left, right) in enumerate(boxes.tolist()):
        found[i, top:bottom, left:right] = images[partner[i], top:bottom, left:right]
    area = (boxes[:, 1] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 2])
    share = 1.0 - area / float(shape[0] * shape[1])
    return _targets_mixed(replace(rows, X=found), partner, share, classes)


def _targets_mixed(rows: Table, partner: IntArray, share: FloatArray, classes: bool) -> Table:
    """Mix targets and weights.

    A loss that is linear in shares of classes, as cross-entropy is, becomes
    ``share * w_a * loss_a + (1 - share) * w_b * loss_b``.
    """
    weight = rows.weight
    if weight is not None:
        own, total = share * weight, _mixed(weight, weight[partner], share)
        share, weight = own / total if classes else share, total
    return replace(rows, y=_mixed(rows.y, rows.y[partner], share), weight=weight)


def _mixed(own: Any, other: Any, share: FloatArray) -> Any:
    share = share.astype(own.dtype).reshape(-1, *[1] * (own.ndim - 1))
    return other + share * (own - other)
