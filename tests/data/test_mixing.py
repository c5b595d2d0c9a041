"""Mixup and cutmix against their definitions."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from unifml.core.table import Table
from unifml.core.task import Task
from unifml.data.mixing import cutmix, mixup, partners, shares

EDGES = np.array([0, 10, 20, 25])
SHAPES = {"table": (25, 4), "series": (25, 6, 2), "image": (25, 8, 8, 3)}


def drawn(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_targets_become_shares():
    several = shares(np.array([0, 2, 1]), Task("classification", 1, 3), "float32")
    assert np.array_equal(several, np.eye(3)[[0, 2, 1]])
    assert several.dtype == np.float32
    two = shares(np.array([0, 1, 1]), Task("classification", 1, 2), "float64")
    assert np.array_equal(two, [[0], [1], [1]])
    labels = np.array([[0, 1], [1, 1]])
    assert np.array_equal(shares(labels, Task("classification", 2, 2), "float32"), labels)
    values = np.array([[0.5], [2.0]])
    assert np.array_equal(shares(values, Task("regression"), "float64"), values)


def test_partners_are_a_permutation_of_each_batch():
    found = partners(drawn(), EDGES)
    for first, last in pairwise(EDGES):
        assert np.array_equal(np.sort(found[first:last]), np.arange(first, last))
    assert (found != np.arange(25)).any()


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("classes", [True, False])
def test_mixup_mixes_rows_and_targets_in_one_share(kind, classes):
    X, y = drawn(1).standard_normal(SHAPES[kind]), np.eye(3)[drawn(2).integers(0, 3, 25)]
    partner = partners(drawn(), EDGES)
    found = mixup(drawn(3), Table(X, y), 0.4, partner, classes=classes)
    share = drawn(3).beta(0.4, 0.4, 25)
    wide = share.reshape(-1, *[1] * (X.ndim - 1))
    np.testing.assert_allclose(found.X, wide * X + (1 - wide) * X[partner], atol=1e-12)
    np.testing.assert_allclose(found.y, share[:, None] * y + (1 - share[:, None]) * y[partner])
    assert found.weight is None


@pytest.mark.parametrize("mix", [mixup, cutmix])
def test_weighted_rows_mix_as_their_losses_would(mix):
    X, y = drawn(1).random(SHAPES["image"]), np.eye(3)[drawn(2).integers(0, 3, 25)]
    weight, partner = drawn(4).random(25) + 0.1, partners(drawn(), EDGES)
    plain = mix(drawn(3), Table(X, y), 1.0, partner, classes=True)
    found = mix(drawn(3), Table(X, y, weight), 1.0, partner, classes=True)
    assert np.array_equal(found.X, plain.X)
    log_p = np.log(drawn(5).dirichlet(np.ones(3), 25))
    loss = -(y * log_p).sum(1), -(y[partner] * log_p).sum(1)
    different = ~(y == y[partner]).all(1)
    # The share as the unweighted targets tell it.
    share = (plain.y * y).sum(1)
    wanted = share * weight * loss[0] + (1 - share) * weight[partner] * loss[1]
    np.testing.assert_allclose(
        (found.weight * -(found.y * log_p).sum(1))[different], wanted[different], rtol=1e-9
    )


def test_cutmix_puts_a_box_of_the_partner_in():
    X, y = drawn(1).random(SHAPES["image"]), np.arange(25.0)[:, None]
    partner = partners(drawn(), EDGES)
    found = cutmix(drawn(3), Table(X, y), 1.0, partner, classes=False)
    moved = partner != np.arange(25)
    other = (X[partner] == found.X).all(axis=3)
    assert ((found.X == X).all(axis=3) | other).all()
    area = other.mean((1, 2))
    np.testing.assert_allclose(
        found.y[moved, 0], ((1 - area) * y[:, 0] + area * y[partner, 0])[moved]
    )
    assert np.array_equal(
        other[moved].any(2).sum(1) * other[moved].any(1).sum(1), other[moved].sum((1, 2))
    )
    assert np.ptp(area[moved]) > 0.3


def test_sequences_of_unequal_length_are_as_long_as_the_longer_one():
    X = {"X": drawn(1).random((25, 6, 2)), "X_lengths": np.arange(25) % 6 + 1}
    partner = partners(drawn(), EDGES)
    found = mixup(drawn(3), Table(X, np.ones((25, 1))), 1.0, partner, classes=True)
    assert np.array_equal(found.X["X_lengths"], np.maximum(X["X_lengths"], X["X_lengths"][partner]))
