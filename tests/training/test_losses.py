"""The losses in NumPy, which every adapter is held against, are held against others' here."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, huber, log_softmax, softmax
from sklearn.metrics import (
    hinge_loss,
    log_loss,
    mean_absolute_error,
    mean_pinball_loss,
    mean_squared_error,
)

from unifml.core.task import Task
from unifml.errors import (
    CapabilityError,
    DataError,
    DataTypeError,
    ParameterError,
    UnknownNameError,
)
from unifml.training import (
    LOSS_CLASSES,
    LOSSES,
    CrossEntropy,
    CustomLoss,
    Focal,
    Huber,
    Poisson,
    Quantile,
    SquaredHinge,
    as_loss,
    loss_values,
    mean_loss,
)

RNG = np.random.default_rng(0)
WEIGHT = RNG.uniform(0.1, 2.0, 50)
CLASSES, TWO, LABELS, NUMBERS = (
    Task("classification", 1, 3),
    Task("classification", 1, 2),
    Task("classification", 4, 2),
    Task("regression", 2),
)
Z = {1: RNG.normal(size=(50, 1)), 2: RNG.normal(size=(50, 2)) * 3}
Z |= {3: RNG.normal(size=(50, 3)), 4: RNG.normal(size=(50, 4))}
ON, CODES, YES = RNG.integers(0, 2, 50), RNG.integers(0, 3, 50), RNG.integers(0, 2, (50, 4))
VALUES = RNG.normal(size=(50, 2))


def mean_of(loss, z, y, task, output="logits"):
    return mean_loss(loss_values(loss, z, y, task, output), WEIGHT)


@pytest.mark.parametrize(
    ("output", "turn"),
    [
        ("logits", lambda z: z),
        ("probabilities", lambda z: softmax(z, axis=1)),
        ("log_probabilities", lambda z: log_softmax(z, axis=1)),
    ],
)
def test_cross_entropy_of_classes(output, turn):
    found = mean_of("cross_entropy", turn(Z[3]), CODES, CLASSES, output)
    assert found == pytest.approx(log_loss(CODES, softmax(Z[3], axis=1), sample_weight=WEIGHT))


@pytest.mark.parametrize(
    ("output", "turn"),
    [
        ("logits", lambda z: z),
        ("probabilities", expit),
        ("log_probabilities", lambda z: np.log(expit(z))),
    ],
)
def test_cross_entropy_of_two_classes_as_one_column(output, turn):
    found = mean_of("cross_entropy", turn(Z[1]), ON, TWO, output)
    assert found == pytest.approx(log_loss(ON, expit(Z[1][:, 0]), sample_weight=WEIGHT))


def test_cross_entropy_of_labels_is_their_mean():
    each = [log_loss(YES[:, i], expit(Z[4][:, i]), sample_weight=WEIGHT) for i in range(4)]
    assert mean_of("cross_entropy", Z[4], YES, LABELS) == pytest.approx(np.mean(each))


def test_large_logits_do_not_overflow():
    far = np.array([[1e4], [-1e4]])
    losses = loss_values("cross_entropy", far, np.array([1, 1]), TWO, "logits")
    np.testing.assert_allclose(losses, [0.0, 1e4])
    wide = np.array([[1e4, 0.0, -1e4], [-1e4, 0.0, 1e4]])
    losses = loss_values(Focal(), wide, np.array([0, 0]), CLASSES, "logits")
    np.testing.assert_allclose(losses, [0.0, 2e4])
    losses = loss_values("log_cosh", np.array([[1e4], [-1e4]]), np.zeros(2), NUMBERS, "values")
    np.testing.assert_allclose(losses, 1e4 - np.log(2))


@pytest.mark.parametrize("zero", [0.0, -np.inf], ids=["probabilities", "log_probabilities"])
@pytest.mark.parametrize("loss", [CrossEntropy(), CrossEntropy(0.1), Focal()], ids=repr)
def test_an_impossible_class_costs_much_and_is_no_nan(loss, zero):
    output = "log_probabilities" if zero else "probabilities"
    row = np.log([[1.0, 1.0]]) if zero else np.ones((1, 2))
    row[0, 0] = zero
    right, wrong = (loss_values(loss, row, np.array([code]), TWO, output)[0] for code in (1, 0))
    assert np.isfinite([right, wrong]).all()
    assert wrong > right + 50
    soft = loss_values(loss, row, np.array([[0.0, 1.0]]), TWO, output)[0]
    assert soft == pytest.approx(right)


@pytest.mark.parametrize(
    ("width", "codes", "task"), [(3, CODES, CLASSES), (1, ON, TWO), (2, ON, TWO), (4, YES, LABELS)]
)
@pytest.mark.parametrize("kind", LOSSES["classification"])
def test_shares_mix_the_losses_of_classes(kind, width, codes, task):
    """What mixup needs: a loss is linear in the target."""
    z, other, share = Z[width], codes[::-1], np.linspace(0, 1, 50)
    output = LOSS_CLASSES[kind].output

    def of(y):
        return loss_values(kind, z, y, task, output)

    if task.multilabel:
        full = codes.astype(float), other.astype(float)
    elif task.binary:
        full = codes[:, None].astype(float), other[:, None].astype(float)
    else:
        full = np.eye(3)[codes], np.eye(3)[other]
    mixed = share[:, None] * full[0] + (1 - share[:, None]) * full[1]
    np.testing.assert_allclose(of(full[0]), of(codes))
    np.testing.assert_allclose(of(mixed), share * of(codes) + (1 - share) * of(other))
    if task.binary:  # shares of both classes, and of class 1 alone
        np.testing.assert_allclose(of(np.concatenate([1 - mixed, mixed], axis=1)), of(mixed))


@pytest.mark.parametrize(
    ("width", "y", "task", "k"), [(3, CODES, CLASSES, 3), (1, ON, TWO, 2), (2, ON, TWO, 2)]
)
@pytest.mark.parametrize("plain", [CrossEntropy(), Focal(gamma=1.5)], ids=repr)
def test_smoothing_mixes_in_the_mean_over_classes(plain, width, y, task, k):
    smooth = plain.with_params(label_smoothing=0.2)
    of_class = [loss_values(plain, Z[width], np.full(50, c), task, "logits") for c in range(k)]
    wanted = 0.8 * loss_values(plain, Z[width], y, task, "logits") + 0.2 * np.mean(of_class, axis=0)
    np.testing.assert_allclose(loss_values(smooth, Z[width], y, task, "logits"), wanted)


def test_smoothing_of_labels_is_that_of_each():
    p, y = expit(Z[4]), 0.8 * YES + 0.1
    wanted = -(y * np.log(p) + (1 - y) * np.log1p(-p)).mean(axis=1)
    np.testing.assert_allclose(loss_values(CrossEntropy(0.2), Z[4], YES, LABELS, "logits"), wanted)


@pytest.mark.parametrize(
    ("width", "y", "task"), [(3, CODES, CLASSES), (1, ON, TWO), (2, ON, TWO), (4, YES, LABELS)]
)
def test_focal_without_focus_is_cross_entropy(width, y, task):
    found = loss_values(Focal(gamma=0.0), Z[width], y, task, "logits")
    np.testing.assert_allclose(found, loss_values("cross_entropy", Z[width], y, task, "logits"))


@pytest.mark.parametrize("alpha", [None, 0.2])
def test_focal_is_the_formula_of_the_paper(alpha):
    p, weight = expit(Z[1][:, 0]), 1.0 if alpha is None else np.where(ON, alpha, 1 - alpha)
    right = np.where(ON, p, 1 - p)
    wanted = -weight * (1 - right) ** 1.5 * np.log(right)
    loss = Focal(gamma=1.5, alpha=alpha)
    np.testing.assert_allclose(loss_values(loss, Z[1], ON, TWO, "logits"), wanted)
    both = np.concatenate([np.zeros((50, 1)), Z[1]], axis=1)
    np.testing.assert_allclose(loss_values(loss, both, ON, TWO, "logits"), wanted)


def test_focal_of_classes_is_the_formula_of_the_paper():
    right = softmax(Z[3], axis=1)[np.arange(50), CODES]
    wanted = -((1 - right) ** 2) * np.log(right)
    np.testing.assert_allclose(loss_values("focal", Z[3], CODES, CLASSES, "logits"), wanted)


def test_hinge_of_two_classes_is_scikit_learns():
    found = mean_of("hinge", Z[1], ON, TWO, "scores")
    assert found == pytest.approx(hinge_loss(ON, Z[1][:, 0], sample_weight=WEIGHT))


@pytest.mark.parametrize(
    ("width", "y", "task"), [(3, CODES, CLASSES), (2, ON, TWO), (4, YES, LABELS)]
)
def test_hinges_are_one_against_the_rest(width, y, task):
    sign = 2 * (YES if task.multilabel else np.eye(width)[y]) - 1
    lack = np.maximum(0, 1 - sign * Z[width])
    found = loss_values("hinge", Z[width], y, task, "scores")
    np.testing.assert_allclose(found, lack.mean(axis=1))
    found = loss_values(SquaredHinge(), Z[width], y, task, "scores")
    np.testing.assert_allclose(found, (lack**2).mean(axis=1))


@pytest.mark.parametrize("kind", ["hinge", "squared_hinge"])
def test_hinges_want_scores(kind):
    with pytest.raises(ParameterError, match="scores that no function has bent"):
        loss_values(kind, expit(Z[3]), CODES, CLASSES, "probabilities")
    with pytest.raises(ParameterError, match="logits or probabilities"):
        loss_values("cross_entropy", Z[3], CODES, CLASSES, "scores")


def test_losses_of_numbers():
    def found(loss):
        return mean_of(loss, Z[2], VALUES, NUMBERS, "values")

    error = Z[2] - VALUES
    assert found("mse") == pytest.approx(mean_squared_error(VALUES, Z[2], sample_weight=WEIGHT) / 2)
    assert found("mae") == pytest.approx(mean_absolute_error(VALUES, Z[2], sample_weight=WEIGHT))
    for delta in (0.3, 1.0):
        robust = np.average(huber(delta, error).mean(axis=1), weights=WEIGHT)
        assert found(Huber(delta)) == pytest.approx(robust)
    cosh = np.log(np.cosh(error)).mean(axis=1)
    assert found("log_cosh") == pytest.approx(np.average(cosh, weights=WEIGHT))
    for q in (0.1, 0.5, 0.9):
        pinball = mean_pinball_loss(VALUES, Z[2], sample_weight=WEIGHT, alpha=q)
        assert found(Quantile(q)) == pytest.approx(pinball)


def test_poisson_is_least_at_the_mean():
    y = RNG.poisson(3.0, 50)
    rates = np.log(np.linspace(0.5, 6, 600))
    losses = [mean_of("poisson", np.full((50, 1), z), y, NUMBERS, "log_values") for z in rates]
    best = np.exp(rates[np.argmin(losses)])
    assert best == pytest.approx(np.average(y, weights=WEIGHT), abs=0.01)


def test_poisson_refuses_negative_targets_and_leaves_them_as_they_are():
    assert not Poisson().scales_target
    assert Poisson().output_for(NUMBERS) == "log_values"
    Poisson().check_targets(np.array([0, 3]))
    with pytest.raises(DataError, match="y >= 0 must hold"):
        Poisson().check_targets(np.array([1.0, -0.5]))


def test_a_loss_is_found_by_name_and_by_task():
    assert as_loss(None, CLASSES) == CrossEntropy()
    assert as_loss(None, NUMBERS).kind == "mse"
    assert as_loss("quantile", NUMBERS) == Quantile(0.5)
    assert as_loss(Huber(2), NUMBERS) == Huber(2.0)
    assert as_loss("focal", TWO, label_smoothing=0.1) == Focal(label_smoothing=0.1)
    assert as_loss(CrossEntropy(0.2), TWO, label_smoothing=None) == CrossEntropy(0.2)
    for kind, names in LOSSES.items():
        assert all(kind in LOSS_CLASSES[name].tasks for name in names)


@pytest.mark.parametrize(
    ("value", "task", "changes", "error", "match"),
    [
        ("mse", CLASSES, {}, UnknownNameError, "loss for classification"),
        (Huber(), CLASSES, {}, ParameterError, "it is a loss for regression"),
        (Huber(delta=-1.0), NUMBERS, {}, ParameterError, "0 < delta"),
        (Quantile(q=1.0), NUMBERS, {}, ParameterError, "0 < q < 1"),
        (CrossEntropy(1.0), TWO, {}, ParameterError, "label_smoothing < 1"),
        (Focal(alpha=0.3), CLASSES, {}, ParameterError, "alpha weighs class 1"),
        ("hinge", TWO, {"label_smoothing": 0.1}, ParameterError, "cross_entropy and focal"),
        (Huber, NUMBERS, {}, DataTypeError, r"loss=Huber\(\)"),
        (3, NUMBERS, {}, DataTypeError, "f\\(outputs, targets\\)"),
    ],
)
def test_what_cannot_be_a_loss_is_refused(value, task, changes, error, match):
    with pytest.raises(error, match=match):
        as_loss(value, task, **changes)


def test_a_loss_of_the_users_is_the_same_if_its_object_is():
    def one(outputs, targets):
        return outputs

    loss = as_loss(one, TWO)
    assert loss.kind == "custom"
    assert loss == CustomLoss(one)
    assert hash(loss) == hash(CustomLoss(one))
    assert loss != CustomLoss(lambda outputs, targets: outputs)
    assert loss != CustomLoss(one, scaled_targets=False)
    assert not CustomLoss(one, scaled_targets=False).scales_target
    assert (loss.output_for(TWO), loss.output_for(NUMBERS)) == ("logits", "values")
    with pytest.raises(CapabilityError, match="computed by its framework"):
        loss_values(loss, Z[1], ON, TWO, "logits")
