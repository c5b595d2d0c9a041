"""`evaluate`: slices, classes, confusion, learning curves."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import unifml
from unifml import Classifier, Training
from unifml.errors import CapabilityError, DataError, DataTypeError, UnknownNameError
from unifml.tasks.edges import wilson
from unifml.tasks.slices import slicings

X, Y = load_breast_cancer(return_X_y=True, as_frame=True)
WINE = load_wine(return_X_y=True)
MODEL = make_pipeline(StandardScaler(), LogisticRegression())
CV = StratifiedKFold(4, shuffle=True, random_state=0)


def evaluated(by, **given):
    return unifml.evaluate(MODEL, X, Y, cv=CV, by=by, **given)


@pytest.mark.sklearn
def test_slices_are_the_metrics_of_their_rows():
    report = evaluated("mean radius")
    found = report.predictions
    quarter = pd.qcut(X["mean radius"], 4, labels=False).to_numpy()[found.row]
    assert [row["n"] for row in report.slices] == np.bincount(quarter).tolist()
    for place, row in enumerate(report.slices):
        rows = quarter == place
        truth, said = found.true[rows], found.predicted[rows]
        assert row["accuracy"] == sk.accuracy_score(truth, said)
        assert row["f1"] == sk.f1_score(truth, said, zero_division=0)
        if len(np.unique(truth)) > 1:
            auc = sk.roc_auc_score(truth, report.predictions.decision[rows])
            assert row["roc_auc"] == auc
        assert not row["rare"]
        expected = wilson(row["accuracy"], row["n"])
        np.testing.assert_allclose((row["accuracy low"], row["accuracy high"]), expected)
    assert report.slices[0]["slice"].startswith("mean radius: 6.981 to ")
    assert "4 slices by mean radius" in str(report)


@pytest.mark.sklearn
def test_a_rare_slice_is_marked_and_what_is_undefined_there_is_none():
    group = np.where(np.arange(len(Y)) < 7, "few", "many")
    few, many = evaluated(group).slices
    assert (few["slice"], few["n"], few["rare"]) == ("by: few", 7, True)
    assert not many["rare"]
    assert len(set(Y[:7])) == 1
    assert few["roc_auc"] is None
    assert few["roc_auc low"] is None
    assert "1 of fewer than 20 rows" in str(evaluated(group))


@pytest.mark.sklearn
def test_numbers_have_slices_in_one_row():
    data = load_diabetes(return_X_y=True)
    alone = np.where(np.arange(442) == 3, "one", "others")
    one, others = unifml.evaluate(Ridge(), *data, cv=3, by=alone, random_state=0).slices
    assert one["r2"] is None
    assert one["mae"] > 0
    assert others["r2 low"] < others["r2"] < others["r2 high"]


@pytest.mark.sklearn
def test_repeats_do_not_narrow_a_slice():
    half = np.arange(len(Y)) % 2
    once = unifml.evaluate(MODEL, X, Y, cv=4, by=half, metrics="accuracy", random_state=0)
    often = unifml.evaluate(MODEL, X, Y, cv="4x6", by=half, metrics="accuracy", random_state=0)
    assert [row["n"] for row in once.slices] == [row["n"] for row in often.slices]
    for a, b in zip(once.slices, often.slices, strict=True):
        width = [row["accuracy high"] - row["accuracy low"] for row in (a, b)]
        assert width[1] > 0.6 * width[0]


@pytest.mark.sklearn
def test_ways_to_say_by():
    n = len(Y)
    names = ["mean radius", "mean area"]
    assert [s.name for s in slicings(names, X, "classification")] == names
    assert slicings(3, X.to_numpy(), "classification")[0].name == "3"
    half = lambda rows: rows["mean area"] > 500  # noqa: E731
    (found,) = slicings(half, X, "classification")
    assert (found.name, found.labels) == ("mean area", ("False", "True"))
    levels = (["low", "high", None] * n)[:n]
    ordered = pd.Series(pd.Categorical(levels, ["low", "high"], ordered=True), name="level")
    (found,) = slicings(ordered.to_frame(), X, "classification")
    assert found.labels == ("low", "high", "missing")
    gaps = np.r_[np.nan, np.arange(n - 1.0)]
    (found,) = slicings(gaps, X, "classification")
    assert len(found.labels) == 5
    assert found.place[0] == 4
    (found,) = slicings(np.arange(n) % 3, X, "classification")
    assert found.labels == ("0", "1", "2")


@pytest.mark.sklearn
@pytest.mark.parametrize(
    ("by", "error", "match"),
    [
        ("mean radios", UnknownNameError, "did you mean 'mean radius'"),
        (np.arange(5), DataError, "one a row"),
        ([f"row {i}" for i in range(569)], DataError, "at most 50"),
        (3.5, DataTypeError, "a column of X"),
    ],
)
def test_what_cannot_cut_is_refused_before_any_fit(by, error, match):
    with pytest.raises(error, match=match):
        evaluated(by)


@pytest.mark.sklearn
def test_clusters_have_no_slices():
    with pytest.raises(CapabilityError, match="slices of clusters"):
        slicings("mean radius", X, "clustering")


# Classes ----------------------------------------------------------------------------------------


@pytest.mark.sklearn
def test_classes_and_confusion_are_scikit_learns():
    words = np.array(["one", "two", "three"])[WINE[1]]
    weight = np.random.default_rng(0).uniform(0.5, 2, len(words))
    report = unifml.evaluate(MODEL, WINE[0], words, cv=CV, sample_weight=weight)
    found = report.predictions
    np.testing.assert_array_equal(found.weight, weight[found.row])
    expected = sk.classification_report(
        found.true, found.predicted, sample_weight=found.weight, output_dict=True
    )
    for row in report.by_class:
        theirs = expected[row["class"]]
        assert row["precision"] == theirs["precision"]
        assert row["f1"] == theirs["f1-score"]
        assert row["support"] == theirs["support"]
    counts = sk.confusion_matrix(found.true, found.predicted, sample_weight=found.weight)
    np.testing.assert_array_equal(report.confusion.counts, counts)
    assert list(report.confusion.classes) == ["one", "three", "two"]
    assert report.confusion.to_frame().loc["one", "two"] == counts[0, 2]
    assert json.loads(report.to_json())["by_class"][0]["class"] == "one"


@pytest.mark.sklearn
def test_labels_have_a_confusion_each():
    y = np.column_stack([WINE[1] == 0, WINE[1] > 1]).astype(int)
    report = unifml.evaluate(KNeighborsClassifier(), WINE[0], y, cv=3, random_state=0)
    found = report.predictions
    expected = sk.multilabel_confusion_matrix(found.true, found.predicted)
    np.testing.assert_array_equal(report.confusion.counts, expected)
    assert report.confusion.to_frame().loc[1, "true on, predicted on"] == expected[1, 1, 1]
    assert [row["support"] for row in report.by_class] == y.sum(axis=0).tolist()


@pytest.mark.sklearn
def test_a_standard_error_of_one_set_is_the_binomials():
    report = unifml.evaluate(MODEL, X, Y, cv=0.3, metrics=["accuracy", "f1"], random_state=0)
    share, n = report.scores["accuracy"], len(report.predictions)
    assert report.standard_errors["accuracy"] == np.sqrt(share * (1 - share) / n)
    # By the bootstrap of the same rows.
    found, rng = report.predictions, np.random.default_rng(0)
    draws = rng.integers(0, n, (300, n))
    spread = np.std([sk.f1_score(found.true[rows], found.predicted[rows]) for rows in draws])
    np.testing.assert_allclose(report.standard_errors["f1"], spread, rtol=0.2)


def test_learning_curves_of_the_folds(backend):
    training = Training(epochs=3)
    model = make_pipeline(StandardScaler(), Classifier("mlp", backend=backend, training=training))
    report = unifml.evaluate(model, X[:60], Y[:60], cv=2, metrics="accuracy")
    assert list(report.curves) == [0, 1]
    for fold, history in report.curves.items():
        assert history is report.estimators[fold][-1].history_
        assert history["loss"].shape == (3,)
    assert not unifml.evaluate(MODEL, X, Y, cv=2, metrics="accuracy").curves
