"""Plots of an evaluation: the numbers of scikit-learn's displays, drawn without a warning."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.cluster import KMeans
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_iris,
    make_multilabel_classification,
)
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.metrics import (
    auc,
    average_precision_score,
    confusion_matrix,
    roc_auc_score,
    roc_curve,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import unifml
from unifml import Classifier, Training
from unifml.errors import CapabilityError, ParameterError, UnknownNameError
from unifml.tasks.report import PLOTS, possible

plt = pytest.importorskip("matplotlib.pyplot")

LOGISTIC = make_pipeline(StandardScaler(), LogisticRegression())
CANCER = load_breast_cancer(return_X_y=True)
CURVES = ["roc", "pr", "calibration", "confusion"]


def evaluations():
    X, y = CANCER
    iris = load_iris(return_X_y=True)
    diabetes = load_diabetes(return_X_y=True)
    labels = make_multilabel_classification(120, n_classes=4, random_state=0)
    two = (diabetes[0], np.stack([diabetes[1], -diabetes[1]], axis=1))
    cut = {"cv": 2, "random_state": 0}
    return {
        "binary": unifml.evaluate(LOGISTIC, X, y, **cut),
        "classes": unifml.evaluate(LOGISTIC, *iris, **cut),
        "labels": unifml.evaluate(KNeighborsClassifier(), *labels, **cut),
        "decisions": unifml.evaluate(RidgeClassifier(), *CANCER, **cut),
        "numbers": unifml.evaluate(Ridge(), *diabetes, **cut),
        "outputs": unifml.evaluate(Ridge(), *two, **cut),
        "hold-out": unifml.evaluate(LOGISTIC, *CANCER, cv=0.3, random_state=0),
        "fitted": unifml.evaluate(LOGISTIC.fit(X, y), X, y, random_state=0),
    }


@pytest.fixture(scope="module")
def reports():
    return evaluations()


@pytest.fixture(autouse=True)
def _figures_are_closed():
    yield
    plt.close("all")


GIVEN = {
    "binary": CURVES,
    "classes": CURVES,
    "labels": CURVES,
    "decisions": ["roc", "pr", "confusion"],
    "numbers": ["residuals", "predicted"],
    "outputs": ["residuals", "predicted"],
    "hold-out": CURVES,
    "fitted": CURVES,
}


@pytest.mark.parametrize("name", GIVEN)
def test_what_can_be_drawn_is_drawn_without_a_warning(reports, name):
    report = reports[name]
    assert possible(report) == ["scores", *GIVEN[name]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in possible(report):
            figure = report.plot(kind)
            figure.canvas.draw()
            assert report.title.split()[0] in figure.get_suptitle()


@pytest.mark.parametrize("name", ["binary", "classes", "labels", "numbers", "outputs"])
def test_no_text_is_clipped(reports, name):
    for kind in possible(reports[name]):
        figure = reports[name].plot(kind)
        figure.canvas.draw()
        box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
        assert -0.02 <= box.x0 < box.x1 <= width + 0.02, kind
        assert -0.02 <= box.y0 < box.y1 <= height + 0.02, kind


def line(ax, label):
    return next(each for each in ax.lines if str(each.get_label()).startswith(label))


def test_the_roc_curve_is_of_out_of_fold_rows(reports):
    found = reports["binary"].predictions
    (ax,) = reports["binary"].plot("roc").axes
    fpr, tpr, _ = roc_curve(found.true, found.probabilities[:, 1])
    drawn = line(ax, "1 (AUC")
    np.testing.assert_allclose(drawn.get_xdata(), fpr)
    np.testing.assert_allclose(drawn.get_ydata(), tpr)
    assert f"{auc(fpr, tpr):.2f}" in drawn.get_label()
    assert len(ax.lines) == 1 + 2 + 1  # chance, two folds, all


def test_each_class_has_a_curve_against_the_rest(reports):
    found = reports["classes"].predictions
    (ax,) = reports["classes"].plot("pr").axes
    for i in range(3):
        value = average_precision_score(found.true == i, found.probabilities[:, i])
        assert f"{value:.2f}" in line(ax, f"{i} (AP").get_label()


def test_each_label_has_a_curve(reports):
    found = reports["labels"].predictions
    (ax,) = reports["labels"].plot("roc").axes
    for i in range(4):
        value = roc_auc_score(found.true[:, i], found.probabilities[:, i])
        assert f"{value:.2f}" in line(ax, f"label {i} (AUC").get_label()


def test_curves_are_weighted():
    X, y = CANCER
    weight = np.where(X[:, 0] > 15, 5.0, 0.2)
    report = unifml.evaluate(LOGISTIC, X, y, cv=2, sample_weight=weight, random_state=0)
    found = report.predictions
    (ax,) = report.plot("roc").axes
    given = weight[found.row]
    tpr = roc_curve(found.true, found.probabilities[:, 1], sample_weight=given)[1]
    np.testing.assert_allclose(line(ax, "1 (AUC").get_ydata(), tpr)
    counts = confusion_matrix(found.true, found.predicted, sample_weight=given)
    shown = [text.get_text() for text in report.plot("confusion").axes[0].texts]
    assert f"{counts[0, 1]:.6g}" in " ".join(shown)


def test_calibration_is_scikit_learns(reports):
    found = reports["binary"].predictions
    ax = reports["binary"].plot("calibration").axes[0]
    share, mean = calibration_curve(
        found.true, found.probabilities[:, 1], n_bins=10, strategy="quantile"
    )
    drawn = line(ax, "1")
    np.testing.assert_allclose(drawn.get_xdata(), mean)
    np.testing.assert_allclose(drawn.get_ydata(), share)


def test_the_confusion_matrix_counts(reports):
    found = reports["classes"].predictions
    counts = confusion_matrix(found.true, found.predicted)
    (ax,) = reports["classes"].plot("confusion").axes
    shown = [int(text.get_text().split("\n")[0]) for text in ax.texts]
    assert shown == counts.ravel().tolist()


def test_residuals_and_predictions(reports):
    found = reports["numbers"].predictions
    (ax,) = reports["numbers"].plot("residuals").axes
    points = ax.collections[0].get_offsets()
    expected = np.stack([found.predicted, found.true - found.predicted], axis=1)
    np.testing.assert_allclose(np.sort(points, axis=0), np.sort(expected, axis=0))
    assert len(reports["outputs"].plot("predicted").axes) == 2


def test_learning_curves_of_each_fold():
    clf = Classifier("mlp", backend="sklearn", training=Training(epochs=4), random_state=0)
    report = unifml.evaluate(clf, *CANCER, cv=3, random_state=0)
    (ax,) = report.plot("learning_curve").axes
    losses = np.array([each.history_["loss"] for each in report.estimators])
    np.testing.assert_allclose([each.get_ydata() for each in ax.lines[:3]], losses)
    np.testing.assert_allclose(ax.lines[3].get_ydata(), losses.mean(axis=0))


def test_slices_have_bars_and_intervals():
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    size = np.where(X["mean radius"] > 15, "<big> $", np.where(X["mean radius"] < 8, "tiny", "mid"))
    report = unifml.evaluate(
        LOGISTIC, X, y, cv=2, by=size, metrics=["accuracy", "roc_auc", "log_loss"], random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = report.plot("slices", metrics=["accuracy", "log_loss"])
        figure.canvas.draw()
    first, second = figure.axes
    assert [bar.get_width() for bar in first.patches] == [r["accuracy"] for r in report.slices]
    assert first.get_yticklabels()[0].get_text().endswith(f"(n = {report.slices[0]['n']})")
    assert len(second.patches) == sum(r["log_loss"] is not None for r in report.slices)
    assert "<big>" not in report.to_html()


class Failing(LogisticRegression):
    def fit(self, X, y, sample_weight=None):
        if len(y) == 80:
            raise ValueError("<script> no")
        return super().fit(X, y, sample_weight)


def test_a_fold_that_failed_is_shown_as_one():
    X, y = load_iris(return_X_y=True)
    rows = np.random.default_rng(0).permutation(150)
    folds = [(rows[:n], rows[n:]) for n in (80, 90, 100)]
    with pytest.warns(FitFailedWarning):
        report = unifml.evaluate(Failing(max_iter=900), X, y, cv=folds, error_score=np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in possible(report):
            report.plot(kind).canvas.draw()
        page = report.to_html()
    assert "Failures" in page
    assert "<script" not in page


def test_clusters_have_scores_alone():
    X, _ = load_iris(return_X_y=True)
    report = unifml.evaluate(KMeans(3, random_state=0), X, cv=2, random_state=0)
    assert possible(report) == ["scores"]
    report.to_html()


def test_labels_may_look_like_formulas_and_be_long():
    X, y = CANCER
    names = np.array(["costs $5 and $6", "a name that is far too long to be put beside an axis"])
    report = unifml.evaluate(LOGISTIC, X, names[y], cv=2, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in possible(report):
            report.plot(kind).canvas.draw()


def test_many_classes_are_cut_to_those_with_most_rows():
    rng = np.random.default_rng(0)
    y = rng.choice(14, 600, p=np.arange(1, 15) / 105)
    X = rng.normal(size=(600, 3)) + y[:, None]
    report = unifml.evaluate(KNeighborsClassifier(), X, y, cv=2, metrics="accuracy", random_state=0)
    figure = report.plot("roc")
    assert "10 largest of 14" in figure.get_suptitle()
    assert len(figure.axes[0].lines) == 11
    report.plot("confusion").canvas.draw()


def test_metrics_are_chosen(reports):
    assert len(reports["binary"].plot(metrics=["f1", "recall"]).axes) == 2
    assert len(reports["binary"].plot("scores", metrics="f1").axes) == 1
    with pytest.raises(UnknownNameError, match="recall"):
        reports["binary"].plot(metrics="recal")
    with pytest.raises(ParameterError, match="scores and slices"):
        reports["binary"].plot("roc", metrics="f1")


@pytest.mark.parametrize(("name", "kind", "words"), [
    ("numbers", "roc", "needs classes.*scores, residuals, predicted"),
    ("binary", "residuals", "needs numbers"),
    ("decisions", "calibration", "needs probabilities"),
    ("binary", "learning_curve", "by epochs"),
    ("binary", "slices", "by=a column"),
])  # fmt: skip
def test_what_cannot_be_drawn_names_what_can(reports, name, kind, words):
    with pytest.raises(CapabilityError, match=words):
        reports[name].plot(kind)


def test_an_unknown_kind_is_named(reports):
    with pytest.raises(UnknownNameError, match="did you mean 'confusion'"):
        reports["binary"].plot("confusions")
    assert set(PLOTS) == {
        *("scores", "slices", "roc", "pr", "calibration", "confusion", "residuals", "predicted"),
        "learning_curve",
    }
