"""`evaluate`: ways to split rows, nested searches, clusters."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cluster import DBSCAN, KMeans
from sklearn.datasets import load_diabetes, load_wine
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import adjusted_rand_score, davies_bouldin_score, silhouette_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    LeaveOneOut,
    RepeatedKFold,
    RepeatedStratifiedKFold,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import unifml
from unifml.errors import CapabilityError, DataError, ParameterError, UnknownNameError
from unifml.tasks.intervals import corrected_t

X, Y = load_wine(return_X_y=True)
NUMBERS = load_diabetes(return_X_y=True)
MODEL = make_pipeline(StandardScaler(), LogisticRegression())
GROUPS = np.arange(len(Y)) % 7

pytestmark = pytest.mark.sklearn


def accuracies(cv, groups=None, **given):
    report = unifml.evaluate(
        MODEL, X, Y, cv=cv, metrics="accuracy", groups=groups, random_state=0, **given
    )
    return [fold["accuracy"] for fold in report.folds]


@pytest.mark.parametrize(
    ("name", "splitter", "grouped"),
    [
        ("k_fold", KFold(5, shuffle=True, random_state=0), False),
        ("stratified", StratifiedKFold(5, shuffle=True, random_state=0), False),
        ("repeated", RepeatedStratifiedKFold(n_splits=5, n_repeats=10, random_state=0), False),
        ("3x2", RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=0), False),
        ("group", GroupKFold(5, shuffle=True, random_state=0), True),
        ("leave_one_group_out", LeaveOneGroupOut(), True),
        ("time_series", TimeSeriesSplit(5), False),
        ("sliding", TimeSeriesSplit(5, max_train_size=len(Y) // 6), False),
    ],
)
def test_a_name_is_scikit_learns_splitter(name, splitter, grouped):
    order = np.random.default_rng(0).permutation(len(Y))  # splits in time need several classes
    data, groups = (X[order], Y[order]), GROUPS if grouped else None
    given = {"metrics": "accuracy", "groups": groups, "random_state": 0}
    report = unifml.evaluate(MODEL, *data, cv=name, **given)
    theirs = cross_validate(MODEL, *data, cv=splitter, groups=groups)
    np.testing.assert_array_equal([fold["accuracy"] for fold in report.folds], theirs["test_score"])


def test_numbers_are_repeated_without_strata():
    given = {"metrics": "r2", "random_state": 0}
    report = unifml.evaluate(Ridge(), *NUMBERS, cv="repeated", **given)
    cv = RepeatedKFold(n_splits=5, n_repeats=10, random_state=0)
    np.testing.assert_allclose(
        [fold["r2"] for fold in report.folds],
        cross_validate(Ridge(), *NUMBERS, cv=cv)["test_score"],
    )


def test_repeated_folds_hold_each_row_as_often_and_have_an_interval_of_all():
    report = unifml.evaluate(MODEL, X, Y, cv="3x4", metrics="accuracy", random_state=0)
    assert "3-fold cross-validation repeated 4 times, stratified" in report.title
    assert len(report.folds) == 12
    np.testing.assert_array_equal(np.bincount(report.predictions.row), 4)
    values = [fold["accuracy"] for fold in report.folds]
    share = np.mean([fold["n_test"] / fold["n_train"] for fold in report.folds])
    expected = corrected_t(values, share, bounds=(0, 1), rows=len(Y))
    np.testing.assert_allclose(report.intervals["accuracy"], expected)
    error = np.sqrt((1 / 12 + share) * np.var(values, ddof=1))
    np.testing.assert_allclose(report.standard_errors["accuracy"], error)
    assert report.to_frame().loc["accuracy", "se"] == report.standard_errors["accuracy"]


def test_leave_one_out_leaves_metrics_out_that_one_row_cannot_have():
    small = X[::6], Y[::6]
    report = unifml.evaluate(MODEL, *small, cv="leave_one_out")
    assert list(report.scores) == ["accuracy"]
    theirs = cross_validate(MODEL, *small, cv=LeaveOneOut())["test_score"]
    assert report.scores["accuracy"] == theirs.mean()
    numbers = unifml.evaluate(Ridge(), NUMBERS[0][:20], NUMBERS[1][:20], cv="leave_one_out")
    assert list(numbers.scores) == ["rmse", "mae", "mse"]


def test_a_gap_between_past_and_future():
    cv = TimeSeriesSplit(3, gap=5, test_size=20, max_train_size=60)
    report = unifml.evaluate(Ridge(), *NUMBERS, cv=cv, metrics="mae")
    theirs = cross_validate(Ridge(), *NUMBERS, cv=cv, scoring="neg_mean_absolute_error")
    np.testing.assert_allclose([fold["mae"] for fold in report.folds], -theirs["test_score"])
    assert [fold["n_train"] for fold in report.folds] == [60, 60, 60]


def test_names_that_cannot_be_say_what_can():
    with pytest.raises(UnknownNameError, match=r"unknown cv 'kfold'.*did you mean 'k_fold'"):
        accuracies("kfold")
    with pytest.raises(DataError, match="groups is None"):
        accuracies("group")
    for name in ("k_fold", "repeated", "5x2", "leave_one_out", "time_series"):
        with pytest.raises(ParameterError, match="keep the rows of a group together"):
            accuracies(name, groups=GROUPS)
    with pytest.raises(ParameterError, match="one class"):
        unifml.evaluate(Ridge(), *NUMBERS, cv="stratified")


def test_stratified_folds_keep_groups_together():
    report = unifml.evaluate(MODEL, X, Y, cv="stratified", groups=GROUPS, metrics="accuracy")
    found = report.predictions
    assert all(len(set(found.fold[GROUPS[found.row] == group])) == 1 for group in range(7))


# Searches ---------------------------------------------------------------------------------------


def test_a_search_is_nested_and_equal_to_cross_validate():
    search = GridSearchCV(MODEL, {"logisticregression__C": [0.01, 1.0]}, cv=3)
    cv = StratifiedKFold(3, shuffle=True, random_state=0)
    report = unifml.evaluate(search, X, Y, cv=cv, metrics="accuracy")
    theirs = cross_validate(search, X, Y, cv=cv)["test_score"]
    np.testing.assert_array_equal([fold["accuracy"] for fold in report.folds], theirs)
    assert ": nested 3 folds of StratifiedKFold" in report.title
    assert "nested" not in unifml.evaluate(MODEL, X, Y, cv=cv).title
    fitted = clone(search).fit(X[::2], Y[::2])
    assert "nested" not in unifml.evaluate(fitted, X[1::2], Y[1::2]).title


def test_groups_reach_the_folds_of_a_search():
    search = GridSearchCV(MODEL, {"logisticregression__C": [0.01, 1.0]}, cv=GroupKFold(2))
    report = unifml.evaluate(search, X, Y, cv="group", groups=GROUPS, metrics="accuracy")
    assert len(report.folds) == 5
    plain = clone(search).set_params(cv=2)  # takes no groups, and gets none
    unifml.evaluate(plain, X, Y, cv="group", groups=GROUPS, metrics="accuracy")


def test_a_tuning_is_nested_and_keeps_groups():
    pytest.importorskip("optuna")
    from unifml.tasks.tuning import Tuning

    space = {"C": unifml.Float(1e-2, 1e1, log=True)}
    search = Tuning(LogisticRegression(), space=space, n_trials=2, cv=2, random_state=0)
    rows = StandardScaler().fit_transform(X)
    report = unifml.evaluate(search, rows, Y, cv=2, groups=GROUPS, metrics="accuracy")
    assert "nested 2-fold cross-validation" in report.title
    for fitted, fold in zip(report.estimators, range(2), strict=True):
        rows = report.predictions.row[report.predictions.fold != fold]
        inner = [set(GROUPS[np.sort(rows)][split.test]) for split in fitted.splits_.folds]
        assert not inner[0] & inner[1]


# Clusters ---------------------------------------------------------------------------------------


def test_clusters_need_no_truth_and_have_cross_validates_folds():
    model = make_pipeline(StandardScaler(), KMeans(3, n_init=2, random_state=0))
    report = unifml.evaluate(model, X, cv=3, random_state=0)
    assert list(report.scores) == ["silhouette", "davies_bouldin", "calinski_harabasz", "inertia"]
    assert report.kind == "clustering"
    for i, (train, test) in enumerate(KFold(3, shuffle=True, random_state=0).split(X)):
        said = clone(model).fit(X[train]).predict(X[test])
        assert report.folds[i]["silhouette"] == silhouette_score(X[test], said)
        assert report.folds[i]["davies_bouldin"] == davies_bouldin_score(X[test], said)
    assert report.predictions.true is None
    assert "true" not in report.predictions.to_frame()
    assert (report.by_class, report.confusion, report.slices) == ([], None, [])
    assert "silhouette" in str(report)
    report.to_json()


def test_clusters_are_compared_with_a_truth_where_there_is_one():
    model = KMeans(3, n_init=2, random_state=0)
    report = unifml.evaluate(model, X, Y, cv=0.3, metrics=["adjusted_rand"], random_state=0)
    found = report.predictions
    expected = adjusted_rand_score(found.true, found.predicted)
    np.testing.assert_allclose(report.scores["adjusted_rand"], expected)
    with pytest.raises(DataError, match="'adjusted_rand': y is None"):
        unifml.evaluate(model, X, metrics=["silhouette", "adjusted_rand"])
    with pytest.raises(CapabilityError, match="clusters"):
        unifml.evaluate(model, X, metrics="accuracy")
    with pytest.raises(CapabilityError, match="without predict"):
        unifml.evaluate(DBSCAN(), X)


def test_a_fitted_clusterer_is_scored_as_it_is():
    model = KMeans(3, n_init=2, random_state=0).fit(X)
    report = unifml.evaluate(model, X)
    np.testing.assert_allclose(report.scores["inertia"], model.inertia_)
    assert "nothing was fitted again" in report.title


def test_clusterers_are_tuned():
    pytest.importorskip("optuna")
    space = {"n_clusters": [2, 3]}
    search = unifml.tune(KMeans(n_init=2, random_state=0), X, space=space, n_trials=2, cv=2)
    assert search.metric_.name == "silhouette"
