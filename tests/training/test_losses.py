"""The losses in NumPy, which every adapter is held against, are held against others' here."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, huber, log_softmax, softmax
from sklearn.metrics import log_loss, mean_absolute_error, mean_squared_error

from unifml.core.task import Task
from unifml.training import loss_values, mean_loss

RNG = np.random.default_rng(0)
WEIGHT = RNG.uniform(0.1, 2.0, 50)
CLASSES, TWO, LABELS = (
    Task("classification", 1, 3),
    Task("classification", 1, 2),
    Task("classification", 4, 2),
)


@pytest.mark.parametrize(
    ("output", "turn"),
    [
        ("logits", lambda z: z),
        ("probabilities", lambda z: softmax(z, axis=1)),
        ("log_probabilities", lambda z: log_softmax(z, axis=1)),
    ],
)
def test_cross_entropy_of_classes(output, turn):
    z, y = RNG.normal(size=(50, 3)), RNG.integers(0, 3, 50)
    found = mean_loss(loss_values("cross_entropy", turn(z), y, CLASSES, output), WEIGHT)
    assert found == pytest.approx(log_loss(y, softmax(z, axis=1), sample_weight=WEIGHT))


@pytest.mark.parametrize(("output", "turn"), [("logits", lambda z: z), ("probabilities", expit)])
def test_cross_entropy_of_two_classes_as_one_column(output, turn):
    z, y = RNG.normal(size=(50, 1)), RNG.integers(0, 2, 50)
    found = mean_loss(loss_values("cross_entropy", turn(z), y, TWO, output), WEIGHT)
    assert found == pytest.approx(log_loss(y, expit(z[:, 0]), sample_weight=WEIGHT))


def test_cross_entropy_of_labels_is_their_mean():
    z, y = RNG.normal(size=(50, 4)), RNG.integers(0, 2, (50, 4))
    found = mean_loss(loss_values("cross_entropy", z, y, LABELS, "logits"), None)
    each = [log_loss(y[:, i], expit(z[:, i])) for i in range(4)]
    assert found == pytest.approx(np.mean(each))


def test_large_logits_do_not_overflow():
    far = np.array([[1e4], [-1e4]])
    losses = loss_values("cross_entropy", far, np.array([1, 1]), TWO, "logits")
    np.testing.assert_allclose(losses, [0.0, 1e4])


def test_losses_of_numbers():
    z, y = RNG.normal(size=(50, 2)) * 3, RNG.normal(size=(50, 2))
    task = Task("regression", 2)

    def found(loss):
        return mean_loss(loss_values(loss, z, y, task, "values"), WEIGHT)

    assert found("mse") == pytest.approx(mean_squared_error(y, z, sample_weight=WEIGHT) / 2)
    assert found("mae") == pytest.approx(mean_absolute_error(y, z, sample_weight=WEIGHT))
    robust = huber(1.0, z - y).mean(axis=1)
    assert found("huber") == pytest.approx(np.average(robust, weights=WEIGHT))
