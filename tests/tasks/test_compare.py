"""`compare`: the same folds for all, the right test for each way, and what the result shows."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import replace

import numpy as np
import pytest
from joblib import parallel_config
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import get_scorer, mean_absolute_error
from sklearn.model_selection import RepeatedStratifiedKFold, StratifiedKFold, cross_validate
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar

import unifml
from unifml import Classifier, Training
from unifml.errors import CapabilityError, DataTypeError, ParameterError, UnknownNameError
from unifml.tasks.costs import n_weights, undominated
from unifml.tasks.pairs import bootstrap_test
from unifml.tasks.significance import holm

CANCER = load_breast_cancer(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)
LOGISTIC = make_pipeline(StandardScaler(), LogisticRegression())
MODELS = {
    "line": LOGISTIC,
    "bayes": GaussianNB(),
    "near": KNeighborsClassifier(),
    "chance": DummyClassifier(),
}


@pytest.fixture(scope="module")
def folds():
    return unifml.compare(MODELS, *CANCER, cv=5, metrics=["accuracy", "log_loss"], random_state=0)


@pytest.fixture(scope="module")
def rows():
    fitted = {
        name: clone(each).fit(CANCER[0][::2], CANCER[1][::2]) for name, each in MODELS.items()
    }
    rest = CANCER[0][1::2], CANCER[1][1::2]
    return (
        fitted,
        rest,
        unifml.compare(fitted, *rest, metrics=["accuracy", "log_loss"], random_state=0),
    )


# The same folds ------------------------------------------------------------------------------


def test_all_models_get_the_folds_that_evaluate_makes(folds):
    for name, model in MODELS.items():
        alone = unifml.evaluate(model, *CANCER, cv=5, metrics=["accuracy"], random_state=0)
        np.testing.assert_array_equal(folds[name].predictions.row, alone.predictions.row)
        assert folds[name].scores["accuracy"] == alone.scores["accuracy"]


def test_a_splitter_that_draws_anew_is_asked_once():
    cv = StratifiedKFold(3, shuffle=True)  # another shuffle at each call
    found = unifml.compare(MODELS, *CANCER, cv=cv, metrics="accuracy")
    rows = [each.predictions.row for each in found.values()]
    assert all(np.array_equal(each, rows[0]) for each in rows)


def test_results_do_not_depend_on_the_number_of_jobs(folds):
    with parallel_config(backend="threading"):
        both = unifml.compare(
            MODELS, *CANCER, cv=5, metrics=["accuracy", "log_loss"], random_state=0, n_jobs=2
        )
    assert both.ranking == folds.ranking
    assert both.tests == folds.tests


# The ranking ---------------------------------------------------------------------------------


def test_the_ranking_heeds_the_sign(folds):
    accuracy = [folds[name].scores["accuracy"] for name in MODELS]
    assert folds.best == list(MODELS)[int(np.argmax(accuracy))]
    assert [r["score"] for r in folds.ranking] == sorted(accuracy, reverse=True)
    losses = [folds[name].scores["log_loss"] for name in MODELS]
    assert [r["score"] for r in folds.ranked("log_loss")] == sorted(losses)
    assert [r["rank"] for r in folds.ranking] == [1, 2, 3, 4]


def test_records_hold_interval_difference_and_p_value(folds):
    best, *others = folds.ranking
    assert (best["difference"], best["p_value"]) == (0, None)
    for record in others:
        name = record["name"]
        assert (record["low"], record["high"]) == folds[name].intervals["accuracy"]
        assert record["difference"] == record["score"] - best["score"]
        pair = (name, best["name"])
        test = folds.tests.get(pair) or folds.tests[pair[::-1]]
        assert record["p_value"] == test.adjusted
        against = folds.against(best["name"], name)
        assert against.difference == pytest.approx(record["difference"])
        assert against.interval[0] < record["difference"] < against.interval[1]


def test_a_metric_without_a_direction_does_not_rank():
    def share(y_true, y_pred):
        return float(np.mean(y_pred))

    with pytest.raises(ParameterError, match="whether more is better"):
        unifml.compare(MODELS, *CANCER, metrics={"share": share})


# The tests -----------------------------------------------------------------------------------


def test_over_folds_it_is_the_corrected_t_by_scikit_learns_scores(folds):
    cv = StratifiedKFold(5, shuffle=True, random_state=0)
    a, b = (cross_validate(MODELS[name], *CANCER, cv=cv)["test_score"] for name in ("line", "near"))
    splits = [(len(test), len(train)) for train, test in cv.split(*CANCER)]
    share = np.mean([test / train for test, train in splits])
    t = (a - b).mean() / np.sqrt((1 / 5 + share) * (a - b).var(ddof=1))
    found = folds.tests["line", "near"]
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(t), 4), rel=1e-9)
    assert found.difference == pytest.approx((a - b).mean())
    assert found.name == "corrected resampled t"


def test_p_values_are_corrected_for_all_pairs(folds):
    tests = list(folds.tests.values())
    assert len(tests) == 6
    np.testing.assert_allclose(
        [test.adjusted for test in tests], holm([test.p_value for test in tests])
    )


def test_on_a_hold_out_accuracy_is_tested_by_mcnemar(rows):
    fitted, (X, y), found = rows
    right = {name: each.predict(X) == y for name, each in fitted.items()}
    a, b = right["line"], right["bayes"]
    table = [[(a & b).sum(), (a & ~b).sum()], [(~a & b).sum(), (~a & ~b).sum()]]
    test = found.tests["line", "bayes"]
    assert test.name == "McNemar"
    assert test.p_value == pytest.approx(reference_mcnemar(table, exact=True).pvalue)
    spread = np.std(a.astype(float) - b, ddof=1) / np.sqrt(len(y))
    assert test.interval[1] - test.difference == pytest.approx(1.97 * spread, rel=0.1)


def test_other_metrics_are_tested_by_a_paired_bootstrap(rows):
    fitted, (X, y), found = rows
    test = found.tested("log_loss")["line", "bayes"]
    loss = {}
    for name in ("line", "bayes"):
        shares = fitted[name].predict_proba(X)[np.arange(len(y)), y]
        loss[name] = -np.log(np.clip(shares, np.finfo(float).eps, 1))
        wanted = -get_scorer("neg_log_loss")(fitted[name], X, y)
        assert found[name].scores["log_loss"] == pytest.approx(wanted)
    wanted = stats.ttest_rel(loss["line"], loss["bayes"])  # a mean over rows: the t-test is exact
    assert test.name == "paired bootstrap"
    assert test.difference == pytest.approx((loss["line"] - loss["bayes"]).mean(), rel=1e-5)
    assert np.log(test.p_value) == pytest.approx(np.log(wanted.pvalue), rel=0.3)


def test_errors_of_numbers_are_tested_as_their_rows_would_be():
    X, y = DIABETES
    models = {
        "ridge": Ridge().fit(X[::2], y[::2]),
        "near": KNeighborsRegressor(5).fit(X[::2], y[::2]),
    }
    found = unifml.compare(models, X[1::2], y[1::2], metrics=["mae", "r2"], random_state=0)
    errors = [np.abs(each.predict(X[1::2]) - y[1::2]) for each in models.values()]
    wanted = stats.ttest_rel(*errors)
    test = found.tests["ridge", "near"]
    assert test.p_value == pytest.approx(wanted.pvalue, abs=0.03)
    assert found["ridge"].scores["mae"] == pytest.approx(
        mean_absolute_error(y[1::2], models["ridge"].predict(X[1::2]))
    )


def test_one_split_is_a_hold_out_and_repeats_are_folds():
    one = unifml.compare(MODELS, *CANCER, cv=0.3, metrics="accuracy", random_state=0)
    assert one.tests["line", "near"].name == "McNemar"
    assert "hold-out of 30%" in one.title
    cv = RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=0)
    many = unifml.compare(MODELS, *CANCER, cv=cv, metrics="accuracy")
    assert many.tests["line", "near"].name == "corrected resampled t"


def test_weighted_rows_are_not_tested_by_counting_them(rows):
    fitted, (X, y), _ = rows
    weight = np.random.default_rng(0).uniform(0.5, 2, len(y))
    two = {name: fitted[name] for name in ("line", "bayes")}
    found = unifml.compare(two, X, y, metrics="accuracy", sample_weight=weight)
    assert found.tests["line", "bayes"].name == "paired bootstrap"


def test_what_asks_the_estimator_is_ranked_but_not_tested_on_one_set():
    def width(estimator, X, y):
        return float(X.shape[1])

    found = unifml.compare(MODELS, *CANCER, cv=0.3, metrics={"width": width}, random_state=0)
    assert found.tests == {}
    assert found.ranking[1]["p_value"] is None
    assert "width" in str(found)


def test_no_spread_is_no_evidence_or_all_of_it():
    assert bootstrap_test(np.zeros(50), 0.0, 20).p_value == 1
    assert bootstrap_test(np.full(50, 0.25), 0.25, 20).p_value == 0
    with_gaps = np.r_[np.nan, np.random.default_rng(0).normal(1, 1, 500)]
    assert 0 < bootstrap_test(with_gaps, 1.0, 20).p_value < 1


# Spellings -----------------------------------------------------------------------------------


def names(models, **given):
    X, y = load_iris(return_X_y=True)
    return list(unifml.compare(models, X, y, cv=2, metrics="accuracy", **given))


def test_names_are_made_and_made_unique():
    models = [LOGISTIC, GaussianNB(), GaussianNB(), "random_forest", Classifier("linear")]
    assert names([*models[:4]]) == [
        "LogisticRegression",
        "GaussianNB",
        "GaussianNB 2",
        "random_forest",
    ]


def test_a_text_may_name_its_backend():
    found = unifml.compare(
        ["linear/sklearn", "random_forest"], *load_iris(return_X_y=True), random_state=0
    )
    assert found["linear/sklearn"].estimators[0].backend == "sklearn"
    assert list(found) == ["linear/sklearn", "random_forest"]


@pytest.mark.cross
def test_a_star_is_every_backend_that_can():
    small = Classifier("mlp", training=Training(epochs=1))
    assert names({"net": small}, backends="*") == [
        "net/keras",
        "net/sklearn",
        "net/torch",
    ]
    assert names("linear/*") == ["linear/keras", "linear/sklearn", "linear/torch"]


@pytest.mark.cross
def test_models_times_backends_leaves_those_of_one_place_alone():
    small = Classifier("mlp", training=Training(epochs=1))
    found = names([small, "random_forest", GaussianNB()], backends=["torch", "keras"])
    assert found == ["mlp/torch", "mlp/keras", "random_forest", "GaussianNB"]


@pytest.mark.parametrize(
    ("models", "given", "error"),
    [
        ("mpl/torch", {}, UnknownNameError),
        ("mlp/troch", {}, UnknownNameError),
        ("mlp", {"backends": ["troch"]}, UnknownNameError),
        ("cnn", {"backends": ["sklearn"]}, CapabilityError),
        ("mlp", {"backend": "sklearn", "backends": ["sklearn"]}, ParameterError),
        ([], {}, DataTypeError),
        ([GaussianNB(), Ridge()], {}, ParameterError),
    ],
)
def test_what_cannot_be_is_refused(models, given, error):
    with pytest.raises(error):
        names(models, **given)


def test_the_same_on_every_backend(backend):
    model = Classifier("mlp", backend=backend, training=Training(epochs=2), random_state=0)
    X, y = load_wine(return_X_y=True)
    found = unifml.compare([model, GaussianNB()], X, y, cv=2, metrics="accuracy", random_state=0)
    assert list(found) == [f"mlp/{backend}", "GaussianNB"]
    cost = found.costs[0]
    weights = found[f"mlp/{backend}"].estimators[0].get_weights()
    assert cost["weights"] == sum(weight.size for weight in weights.values())
    assert cost["bytes"] > 8 * cost["weights"] / 2
    assert cost["latency"] > 0


# What fails ----------------------------------------------------------------------------------


class Broken(ClassifierMixin, BaseEstimator):
    fits = 0

    def fit(self, X, y):
        type(self).fits += 1
        raise RuntimeError("no luck")

    def predict(self, X):
        raise AssertionError


def test_an_error_names_the_model_and_the_fold():
    with pytest.raises(RuntimeError, match="no luck") as caught:
        unifml.compare({"bad": Broken(), "line": LOGISTIC}, *CANCER, metrics="accuracy", cv=2)
    notes = " ".join(caught.value.__notes__)
    assert "model 'bad'" in notes
    assert "fold 1 of 2" in notes


def test_metrics_are_checked_for_all_models_before_any_fit():
    Broken.fits = 0
    with pytest.raises(CapabilityError) as caught:
        unifml.compare({"line": LOGISTIC, "bad": Broken()}, *CANCER, metrics="log_loss")
    assert "model 'bad'" in " ".join(caught.value.__notes__)
    assert Broken.fits == 0


def test_a_number_keeps_the_other_models():
    models = {"bad": Broken(), "line": LOGISTIC}
    with pytest.warns(FitFailedWarning):
        found = unifml.compare(models, *CANCER, metrics="accuracy", cv=3, error_score=np.nan)
    assert list(found) == ["line"]
    assert "no luck" in found.failed["bad"]
    assert "bad failed" in str(found)


class Fragile(GaussianNB):
    """It fails where its first row is among those that it learns."""

    def fit(self, X, y):
        if (CANCER[0][0] == X).all(axis=1).any():
            raise RuntimeError("not that row")
        return super().fit(X, y)


def test_a_fold_that_failed_is_left_out_of_the_tests():
    cv = StratifiedKFold(3, shuffle=True, random_state=0)
    halves = [(train[train > 0], test) for train, test in cv.split(*CANCER)]
    halves[1] = np.r_[0, halves[1][0]], halves[1][1]
    models = {"some": Fragile(), "line": LOGISTIC}
    with pytest.warns(FitFailedWarning):
        found = unifml.compare(models, *CANCER, cv=halves, metrics="accuracy", error_score=np.nan)
    a, b = (np.array([f["accuracy"] for f in found[name].folds]) for name in models)
    assert found.tests["some", "line"].difference == pytest.approx((a - b)[[0, 2]].mean())


def test_clusterers_are_compared_without_y():
    X = load_iris().data
    models = {str(k): KMeans(k, n_init=1, random_state=0) for k in (2, 3, 5)}
    found = unifml.compare(models, X, cv=3, metrics=["silhouette", "inertia"], random_state=0)
    assert found.best == "2"
    assert found.ranked("inertia")[0]["name"] == "5"
    assert len(found.tests) == 3


def test_fitted_and_unfitted_ones_need_a_cv():
    fitted = clone(LOGISTIC).fit(*CANCER)
    with pytest.raises(ParameterError, match="cv=5"):
        unifml.compare({"a": fitted, "b": GaussianNB()}, *CANCER)
    found = unifml.compare({"a": fitted, "b": GaussianNB()}, *CANCER, cv=3, random_state=0)
    assert len(found["a"].folds) == 3


# Costs and faces -----------------------------------------------------------------------------


def test_who_is_beaten_by_none():
    gains = {"slow": 0.9, "fast": 0.8, "bad": 0.7, "same": 0.9}
    prices = {"slow": 2.0, "fast": 1.0, "bad": 1.5, "same": 3.0}
    assert undominated(gains, prices) == ["fast", "slow"]


def test_weights_are_those_of_networks():
    clf = Classifier("linear", backend="sklearn").fit(*load_iris(return_X_y=True))
    assert n_weights(clf) == 4 * 3 + 3
    assert n_weights(make_pipeline(StandardScaler(), clf)) == 15
    assert n_weights(GaussianNB()) is None


def test_costs_tell_a_slow_model_from_a_quick_one():
    class Slow(DecisionTreeClassifier):
        def predict(self, X):
            import time

            time.sleep(0.02)
            return super().predict(X)

    quick = DecisionTreeClassifier(max_depth=1)
    found = unifml.compare({"slow": Slow(max_depth=1), "quick": quick}, *CANCER, cv=2)
    assert found.pareto == ["quick"]


def test_the_result_shows_itself(folds, tmp_path):
    lines = str(folds).splitlines()
    assert lines[0] == folds.title
    assert lines[2].startswith(folds.best)
    assert "corrected for 6 pairs by Holm" in lines[-1]
    assert folds.best in repr(folds)
    assert "<table>" in folds._repr_html_()
    frame = folds.to_frame()
    assert list(frame.index) == [record["name"] for record in folds.ranking]
    assert {"score", "p_value", "accuracy", "log_loss", "latency"} <= set(frame)
    facts = json.loads(folds.to_json())
    assert facts["best"] == folds.best
    assert len(facts["tests"]) == 6
    page = folds.to_html(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text("utf-8") == page
    assert not re.search(r"""(?:src|href)=['"](?!data:|#)""", page)


def test_plots_draw_every_model(folds):
    for kind in ("scores", "differences", "pareto"):
        drawn = folds.plot(kind)
        texts = [t.get_text() for ax in drawn.axes for t in (*ax.get_yticklabels(), *ax.texts)]
        wanted = set(folds) - ({folds.best} if kind == "differences" else set())
        assert wanted <= set(texts)
    with pytest.raises(UnknownNameError, match="scores"):
        folds.plot("score")
    with pytest.raises(UnknownNameError):
        folds.plot(metric="f1")


def test_asking_for_an_unknown_model_names_the_nearest(folds):
    with pytest.raises(KeyError, match="bayes"):
        folds["bays"]


# Several data sets ---------------------------------------------------------------------------


def shifted(comparison, **shifts):
    """Return a comparison of the same models with other scores."""
    from unifml.tasks.comparison import Comparison

    moved = {}
    for name, each in comparison.items():
        outcomes = tuple(
            replace(o, scores={k: v + shifts.get(name, 0) for k, v in o.scores.items()})
            for o in each._outcomes
        )
        moved[name] = type(each).__new__(type(each))
        moved[name].__dict__ |= {**each.__dict__, "_outcomes": outcomes}
        moved[name].__dict__.pop("scores", None)
    return Comparison(comparison.title, moved)


def test_models_are_ranked_over_data_sets(folds):
    sets = {str(i): shifted(folds, chance=0.02 * i, bayes=-0.01 * i) for i in range(8)}
    ranking = unifml.rank_over(sets)
    scores = np.array([[each[n].scores["accuracy"] for n in MODELS] for each in sets.values()])
    assert ranking.p_value == pytest.approx(stats.friedmanchisquare(*scores.T).pvalue)
    np.testing.assert_allclose(ranking.ranks, stats.rankdata(-scores, axis=1).mean(axis=0))
    losses = unifml.rank_over(sets, "log_loss", pairs="wilcoxon")
    values = np.array([[each[n].scores["log_loss"] for n in MODELS] for each in sets.values()])
    np.testing.assert_allclose(losses.ranks, stats.rankdata(values, axis=1).mean(axis=0))
    p = [
        stats.wilcoxon(values[:, i] - values[:, j]).pvalue
        for i in range(4)
        for j in range(i + 1, 4)
    ]
    np.testing.assert_allclose(list(losses.pairs.values()), holm(p))
    assert losses.critical_difference is None
    assert "mean rank" in str(ranking)


def test_two_models_over_data_sets_are_wilcoxons(folds):
    from unifml.tasks.comparison import Comparison

    two = Comparison("two", {name: folds[name] for name in ("line", "bayes")})
    sets = {str(i): shifted(two, bayes=0.01 * i) for i in range(7)}
    ranking = unifml.rank_over(sets)
    apart = [
        each["line"].scores["accuracy"] - each["bayes"].scores["accuracy"] for each in sets.values()
    ]
    assert ranking.p_value == pytest.approx(stats.wilcoxon(apart).pvalue)


def test_data_sets_have_the_same_models(folds):
    from unifml.errors import DataError
    from unifml.tasks.comparison import Comparison

    less = Comparison("less", {name: folds[name] for name in ("line", "bayes", "near")})
    with pytest.raises(DataError, match="same models"):
        unifml.rank_over({"a": folds, "b": less})
    with pytest.raises(DataError, match="2 data sets"):
        unifml.rank_over({"a": folds})
    with pytest.raises(UnknownNameError):
        unifml.rank_over({"a": folds, "b": folds}, pairs="nemeny")


def test_nothing_is_said_on_the_way(folds, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        unifml.compare({"line": LOGISTIC}, *CANCER, cv=2, metrics="accuracy", verbose=0)
    assert capfd.readouterr() == ("", "")
