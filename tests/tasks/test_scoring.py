"""Scores on recorded answers are the scorers' own, though most are not called as scorers."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from unifml.errors import DataError
from unifml.metrics import Answers, known_metrics, make_metrics
from unifml.tasks import scoring

pytestmark = pytest.mark.sklearn


def said(kind, y, classes):
    """Answers that are right in most rows."""
    rng = np.random.default_rng(1)
    if kind == "regression":
        return Answers({"predict": y * rng.uniform(0.5, 1.5, len(y))}, kind, None)
    scores = rng.uniform(0, 1, (len(y), len(classes))) + (y[:, None] == classes)
    shares = scores / scores.sum(axis=1, keepdims=True)
    outputs = {"predict": classes[shares.argmax(axis=1)], "predict_proba": shares}
    return Answers(outputs, kind, classes)


def unasked(metric):
    raise AssertionError("all answers are recorded")


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("kind", "y"),
    [
        ("classification", np.array(["no", "yes"])[np.arange(60) % 2]),
        ("classification", np.arange(60) % 3),
        ("regression", np.linspace(0.1, 5, 60)),
    ],
)
def test_each_is_what_its_scorer_gives(kind, y, weighted):
    answers = said(kind, y, np.unique(y))
    # scikit-learn's of the largest error takes no weights, and two classes have no first two.
    left = {"max_error"} if weighted else set()
    left |= {"top_k_accuracy"} if len(np.unique(y)) == 2 else set()
    names = [name for name in known_metrics(kind) if name not in left]
    metrics = make_metrics(names, answers, y, kind)
    weight = np.random.default_rng(0).uniform(0, 2, len(y)) if weighted else None
    found = scoring.score(metrics, answers, y, weight, unasked)
    given = {"sample_weight": weight} if weighted else {}
    for metric in metrics:
        expected = metric.scorer(answers, np.arange(len(y)), y, **given)
        assert found[metric.name] == pytest.approx(expected, abs=1e-12), metric.name


def test_precision_recall_and_f1_are_computed_at_once(monkeypatch):
    y = np.arange(60) % 2
    answers, calls = said("classification", y, np.unique(y)), []
    real = sk.precision_recall_fscore_support
    monkeypatch.setattr(
        scoring.sk,
        "precision_recall_fscore_support",
        lambda *a, **k: calls.append(1) or real(*a, **k),
    )
    metrics = make_metrics(["f1", "precision", "recall"], answers, y, "classification")
    found = scoring.score(metrics, answers, y, None, unasked)
    said_labels = answers.outputs["predict"]
    assert found == {
        "f1": sk.f1_score(y, said_labels),
        "precision": sk.precision_score(y, said_labels),
        "recall": sk.recall_score(y, said_labels),
    }
    assert len(calls) == 1


def test_a_scorer_of_the_user_is_checked_as_ever():
    y = np.arange(60) % 2
    answers = said("classification", y, np.unique(y))
    wrong = sk.make_scorer(sk.fbeta_score, beta=-1)
    metrics = make_metrics({"wrong": wrong}, answers, y, "classification")
    with pytest.raises(ValueError, match="beta"):
        scoring.score(metrics, answers, y, None, unasked)


def test_what_is_no_number_is_refused():
    answers = Answers({"predict": np.array([1.0])}, "regression", None)
    y = np.array([1.5])
    with pytest.warns(UserWarning, match="R.2"), pytest.raises(DataError, match="a score is a"):
        scoring.score(make_metrics("r2", answers, y, "regression"), answers, y, None, unasked)
