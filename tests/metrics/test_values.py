"""Every metric is scikit-learn's own number, weighted and not, for every kind of target."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.svm import LinearSVC

from unifml.errors import CapabilityError, DataError, UnknownNameError
from unifml.metrics import known_metrics, make_metrics
from unifml.metrics.calibration import calibration_error

pytestmark = pytest.mark.sklearn
RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4))
WEIGHT = RNG.uniform(0.2, 3, size=120)
CODES = (X[:, 0] + 0.8 * RNG.normal(size=120) > 0) + (X[:, 1] > 0.7).astype(int)
NAMES = np.array(["dog", "ant", "cat"])[CODES]
TWO = np.array(["no", "yes"])[(CODES > 0).astype(int)]
LABELS = np.stack([CODES > 0, CODES > 1], axis=1).astype(int)
NUMBERS = np.exp(0.3 * X[:, 0] + 0.2 * RNG.normal(size=120))
PAIRS = np.stack([NUMBERS, NUMBERS**2], axis=1)


def macro(function):
    return lambda y, e, w: function(
        y, e.predict(X), average="macro", zero_division=0.0, sample_weight=w
    )


def positive(function):
    return lambda y, e, w: function(y, e.predict(X), pos_label="yes", sample_weight=w)


def plain(function):
    return lambda y, e, w: function(y, e.predict(X), sample_weight=w)


def shares(function, **how):
    return lambda y, e, w: function(y, e.predict_proba(X), sample_weight=w, **how)


def scores(function, **how):
    return lambda y, e, w: function(y, e.decision_function(X), sample_weight=w, **how)


ONE = {
    "accuracy": plain(sk.accuracy_score),
    "balanced_accuracy": plain(sk.balanced_accuracy_score),
    "log_loss": shares(sk.log_loss),
    "mcc": plain(sk.matthews_corrcoef),
    "cohen_kappa": lambda y, e, w: sk.cohen_kappa_score(y, e.predict(X), sample_weight=w),
}
ORACLES = {
    "binary": ONE
    | {
        "precision": positive(sk.precision_score),
        "recall": positive(sk.recall_score),
        "f1": positive(sk.f1_score),
        "jaccard": positive(sk.jaccard_score),
        "roc_auc": scores(sk.roc_auc_score),
        "pr_auc": scores(sk.average_precision_score, pos_label="yes"),
        "brier": lambda y, e, w: sk.brier_score_loss(
            y, e.predict_proba(X)[:, 1], pos_label="yes", sample_weight=w
        ),
        "calibration_error": lambda y, e, w: gap(y, e, w),
    },
    "classes": ONE
    | {
        "precision": macro(sk.precision_score),
        "recall": macro(sk.recall_score),
        "f1": macro(sk.f1_score),
        "jaccard": macro(sk.jaccard_score),
        "roc_auc": shares(sk.roc_auc_score, multi_class="ovr"),
        "pr_auc": shares(sk.average_precision_score),
        "brier": shares(sk.brier_score_loss),
        "top_k_accuracy": scores(sk.top_k_accuracy_score),
        "top_1_accuracy": plain(sk.accuracy_score),
        "calibration_error": lambda y, e, w: gap(y, e, w),
    },
    "labels": {
        "accuracy": plain(sk.accuracy_score),
        "precision": macro(sk.precision_score),
        "recall": macro(sk.recall_score),
        "f1": macro(sk.f1_score),
        "jaccard": macro(sk.jaccard_score),
    },
}
REGRESSION = {
    "r2": sk.r2_score,
    "rmse": sk.root_mean_squared_error,
    "mae": sk.mean_absolute_error,
    "mse": sk.mean_squared_error,
    "mape": sk.mean_absolute_percentage_error,
    "median_absolute_error": sk.median_absolute_error,
    "pinball": sk.mean_pinball_loss,
    "pinball_0.9": lambda y, p, sample_weight: sk.mean_pinball_loss(
        y, p, alpha=0.9, sample_weight=sample_weight
    ),
    "explained_variance": sk.explained_variance_score,
    "d2_absolute_error": sk.d2_absolute_error_score,
}


def gap(y, estimator, weight):
    """The expected calibration error, bin by bin, as its definition has it."""
    share = estimator.predict_proba(X)
    weight = np.ones(len(y)) if weight is None else weight
    said, sure = estimator.classes_[share.argmax(axis=1)], share.max(axis=1)
    total = 0.0
    for low in np.arange(15) / 15:
        rows = (sure >= low) & ((sure < low + 1 / 15) | (low > 0.93))
        if rows.any():
            w = weight[rows]
            off = np.average(said[rows] == y[rows], weights=w) - np.average(sure[rows], weights=w)
            total += w.sum() / weight.sum() * abs(off)
    return total


def fitted(target):
    y = {"binary": TWO, "classes": NAMES, "labels": LABELS}[target]
    model = LogisticRegression()
    return (MultiOutputClassifier(model) if target == "labels" else model).fit(X, y), y


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize(("target", "name"), [(t, n) for t, ns in ORACLES.items() for n in ns])
def test_classes(target, name, weight):
    model, y = fitted(target)
    (metric,) = make_metrics(name, model, y, "classification")
    given = {} if weight is None else {"sample_weight": weight}
    wanted = ORACLES[target][name](y, model, weight)
    assert metric.scorer(model, X, y, **given) == pytest.approx(wanted, abs=1e-12)


def test_every_name_of_classes_is_compared():
    tested = {name for names in ORACLES.values() for name in names}
    assert set(known_metrics("classification")) <= tested


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("y", [NUMBERS, PAIRS], ids=["one", "several"])
@pytest.mark.parametrize("name", REGRESSION)
def test_numbers(name, y, weight):
    model = LinearRegression().fit(X, y)
    (metric,) = make_metrics(name, model, y, "regression")
    given = {} if weight is None else {"sample_weight": weight}
    wanted = REGRESSION[name](y, model.predict(X), sample_weight=weight)
    assert metric.scorer(model, X, y, **given) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("silhouette", sk.silhouette_score),
        ("davies_bouldin", sk.davies_bouldin_score),
        ("calinski_harabasz", sk.calinski_harabasz_score),
    ],
)
def test_the_shape_of_clusters(name, wanted):
    rows, _ = make_blobs(90, random_state=0)
    model = KMeans(3, random_state=0).fit(rows)
    (metric,) = make_metrics(name, model, None, "clustering")
    assert not metric.truth
    assert metric.scorer(model, rows) == pytest.approx(wanted(rows, model.labels_), abs=1e-12)


def test_inertia_is_that_of_k_means():
    rows, _ = make_blobs(90, random_state=0)
    model = KMeans(3, random_state=0).fit(rows)
    (metric,) = make_metrics("inertia", model, None, "clustering")
    assert metric.scorer(model, rows) == pytest.approx(model.inertia_, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("adjusted_rand", sk.adjusted_rand_score),
        ("rand", sk.rand_score),
        ("mutual_info", sk.mutual_info_score),
        ("adjusted_mutual_info", sk.adjusted_mutual_info_score),
        ("normalized_mutual_info", sk.normalized_mutual_info_score),
        ("homogeneity", sk.homogeneity_score),
        ("completeness", sk.completeness_score),
        ("v_measure", sk.v_measure_score),
    ],
)
def test_clusters_against_a_truth(name, wanted):
    rows, truth = make_blobs(90, random_state=0, cluster_std=3)
    model = KMeans(3, random_state=0).fit(rows)
    (metric,) = make_metrics(name, model, truth, "clustering")
    assert metric.scorer(model, rows, truth) == pytest.approx(wanted(truth, model.labels_))


def test_one_cluster_has_no_shape():
    rows, _ = make_blobs(20, random_state=0)
    model = KMeans(1, random_state=0).fit(rows)
    (metric,) = make_metrics("silhouette", model, None, "clustering")
    with pytest.raises(DataError, match="at least 2 clusters"):
        metric.scorer(model, rows)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("rmse", CapabilityError),
        ("silhouette", CapabilityError),
        ("top_3_accuracy", CapabilityError),
        ("acuracy", UnknownNameError),
        ("pinball_1.5", UnknownNameError),
    ],
)
def test_what_cannot_be_is_an_error_at_the_start(name, error):
    model, y = fitted("binary")
    with pytest.raises(error):
        make_metrics(name, model, y, "classification")


def test_a_model_without_probabilities_has_no_brier_score():
    model = LinearSVC().fit(X, TWO)
    with pytest.raises(CapabilityError, match="predict_proba"):
        make_metrics("brier", model, TWO, "classification")


def test_perfect_confidence_has_no_calibration_error():
    assert calibration_error([0, 1, 1], [[1, 0], [0, 1], [0, 1]]) == 0
    assert calibration_error([0, 1, 1], [[0, 1], [1, 0], [1, 0]]) == 1
