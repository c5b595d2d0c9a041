"""Meta-estimators around any model say in the file what they say natively, on rows not seen."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from export.data import numbers
from unifml import export_onnx, load_onnx

NAMES = np.array(["no", "perhaps", "yes"])
X, UNSEEN = numbers(120), numbers(80, seed=5)
RNG = np.random.default_rng(3)
SLOPES = np.array([[1.0, 0.3, -0.2], [0.1, 0.5, 0.0], [-0.4, 0.1, 0.3], [0.2, -0.2, 0.2]])
CODES = ((X - X.mean(0)) @ SLOPES + RNG.normal(size=(120, 3))).argmax(axis=1)
TWO = (CODES > 0).astype(int)


def same(model, rows, path, X=X):
    """Export on the rows of training, and compare on unseen ones by our own hand."""
    onnx = load_onnx(export_onnx(model, path, X).path)
    np.testing.assert_array_equal(onnx.predict(rows), model.predict(rows))
    if hasattr(model, "predict_proba"):
        np.testing.assert_allclose(onnx.predict_proba(rows), model.predict_proba(rows), atol=1e-5)
    return onnx


def logistic():
    return make_pipeline(StandardScaler(), LogisticRegression())


def forest():
    return RandomForestClassifier(5, max_depth=4, random_state=0)


def machine():
    return make_pipeline(StandardScaler(), SVC(random_state=0))


def sgd():
    return make_pipeline(StandardScaler(), SGDClassifier(random_state=0))


PAIR = [("linear", logistic()), ("trees", forest())]
THREE = [*PAIR, ("bayes", GaussianNB())]
BOTH = {
    "soft": VotingClassifier(THREE, voting="soft"),
    "weighted": VotingClassifier(THREE, voting="soft", weights=[1, 0.5, 3]),
    "hard": VotingClassifier(THREE),
    "hard weighted": VotingClassifier([*PAIR, ("sgd", sgd())], weights=[1, 2, 2]),
    "dropped": VotingClassifier([*THREE[:2], ("bayes", "drop")], voting="soft", weights=[1, 2, 3]),
    "stack": StackingClassifier(PAIR, LogisticRegression(), cv=2),
    "stack of scores": StackingClassifier(
        [("a", sgd()), ("b", machine())], LogisticRegression(), cv=2, passthrough=True
    ),
    "stack of labels": StackingClassifier(
        PAIR, DecisionTreeClassifier(random_state=0), cv=2, stack_method="predict"
    ),
    "sigmoid": CalibratedClassifierCV(forest(), cv=2),
    "sigmoid of scores": CalibratedClassifierCV(machine(), cv=2),
    "isotonic": CalibratedClassifierCV(forest(), method="isotonic", cv=2),
    "isotonic of scores": CalibratedClassifierCV(logistic(), method="isotonic", cv=2),
    "isotonic of one": CalibratedClassifierCV(logistic(), method="isotonic", cv=2, ensemble=False),
    "temperature": CalibratedClassifierCV(forest(), method="temperature", cv=2),
    "temperature of scores": CalibratedClassifierCV(sgd(), method="temperature", cv=2),
    "self-training": SelfTrainingClassifier(logistic()),
    "one vs rest": OneVsRestClassifier(logistic()),
    "one vs rest of shares": OneVsRestClassifier(forest()),
    "one vs rest of scores": OneVsRestClassifier(LinearSVC(random_state=0)),
    "one vs one": OneVsOneClassifier(logistic()),
    "one vs one of shares": OneVsOneClassifier(forest()),
    "codes": OutputCodeClassifier(logistic(), code_size=3, random_state=0),
    "bagging": BaggingClassifier(logistic(), 4, max_features=0.5, random_state=0),
    "bagging with repeats": BaggingClassifier(
        DecisionTreeClassifier(max_depth=3), 4, bootstrap_features=True, random_state=0
    ),
    "bagging of votes": BaggingClassifier(RidgeClassifier(), 5, random_state=0),
    "boosting": AdaBoostClassifier(n_estimators=7, random_state=0),
    "boosting of lines": AdaBoostClassifier(LogisticRegression(), n_estimators=4, random_state=0),
}


@pytest.mark.parametrize("labels", ["two", "text"])
@pytest.mark.parametrize("name", BOTH)
def test_classifiers(name, labels, tmp_path):
    y = TWO if labels == "two" else NAMES[CODES].astype(object)
    same(BOTH[name].fit(X, y), UNSEEN, tmp_path / "m.onnx")


@pytest.mark.parametrize("inner", [LogisticRegression(), forest()])
@pytest.mark.parametrize("positive", [None, "no", "yes"])
@pytest.mark.parametrize("method", ["auto", "decision_function"])
def test_thresholds(inner, positive, method, tmp_path):
    if not hasattr(inner, "decision_function"):
        method = "auto"
    y = np.where(TWO == 1, "yes", "no")
    fixed = FixedThresholdClassifier(
        inner, threshold=0.4, pos_label=positive, response_method=method
    )
    onnx = same(fixed.fit(X, y), UNSEEN, tmp_path / "m.onnx")
    plain = fixed.estimator_.predict(UNSEEN)
    assert (onnx.predict(UNSEEN) != plain).any()  # the threshold is not that of the model


@pytest.mark.parametrize("kernel", ["linear", "poly", "sigmoid"])
@pytest.mark.parametrize("shape", ["ovr", "ovo"])
def test_scores_of_machines(shape, kernel, tmp_path):
    inner = make_pipeline(StandardScaler(), SVC(kernel=kernel, decision_function_shape=shape))
    model = StackingClassifier([("machine", inner)], LogisticRegression(), cv=2)
    same(model.fit(X, NAMES[CODES]), UNSEEN, tmp_path / "m.onnx")


INNER = {
    "boosting": GradientBoostingClassifier(n_estimators=5),
    "histograms": HistGradientBoostingClassifier(max_iter=5),
    "quadratic": QuadraticDiscriminantAnalysis(),
    "centroids": NearestCentroid(),
    "ridge": RidgeClassifier(),
    "adaboost": AdaBoostClassifier(n_estimators=3),
    "bagging": BaggingClassifier(LogisticRegression(), 2),
    "one vs one": OneVsOneClassifier(LogisticRegression()),
    "one vs rest": OneVsRestClassifier(LogisticRegression()),
    "search": GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=2),
    "threshold": FixedThresholdClassifier(LogisticRegression()),
    "self-training": SelfTrainingClassifier(LogisticRegression()),
    "stack": StackingClassifier([("a", LogisticRegression())], LogisticRegression(), cv=2),
}


@pytest.mark.parametrize("method", ["sigmoid", "temperature"])
@pytest.mark.parametrize("name", INNER)
def test_scores_of_many_models(name, method, tmp_path):
    y = TWO if name == "threshold" else NAMES[CODES].astype(object)
    inner = make_pipeline(StandardScaler(), INNER[name])
    same(CalibratedClassifierCV(inner, cv=2, method=method).fit(X, y), UNSEEN, tmp_path / "m.onnx")


@pytest.mark.parametrize("method", ["auto", "decision_function"])
def test_tuned_threshold(method, tmp_path):
    y = np.where(TWO == 1, "yes", "no")
    tuned = TunedThresholdClassifierCV(logistic(), response_method=method, cv=2)
    onnx = same(tuned.fit(X, y), UNSEEN, tmp_path / "m.onnx")
    assert (onnx.predict(UNSEEN) != tuned.estimator_.predict(UNSEEN)).any()


def test_classes_that_a_fold_lacks_have_no_share(tmp_path):
    y = NAMES[CODES]
    tree = make_pipeline(StandardScaler(), DecisionTreeClassifier())
    bag = BaggingClassifier(tree, 8, max_samples=4, random_state=2).fit(X, y)
    assert any(len(part.classes_) < 3 for part in bag.estimators_)
    same(bag, UNSEEN, tmp_path / "bag.onnx")


def test_classes_that_a_frozen_model_lacks_have_no_share(tmp_path):
    few = CODES != 1
    known = FrozenEstimator(make_pipeline(StandardScaler(), GaussianNB()).fit(X[few], CODES[few]))
    model = CalibratedClassifierCV(known, cv=2, ensemble=True).fit(X, CODES)
    onnx = same(model, UNSEEN, tmp_path / "m.onnx")
    assert (onnx.predict_proba(UNSEEN)[:, 2] == 0).all() or (
        onnx.predict_proba(UNSEEN)[:, 1] == 0
    ).all()


def test_prefit_stack(tmp_path):
    fitted = [("a", logistic().fit(X, TWO)), ("b", forest().fit(X, TWO))]
    model = StackingClassifier(fitted, LogisticRegression(), cv="prefit", passthrough=True)
    same(model.fit(X, TWO), UNSEEN, tmp_path / "m.onnx")


def test_several_labels_by_one_vs_rest(tmp_path):
    y = np.c_[TWO, CODES == 1, np.ones(len(X))].astype(int)  # the last one is always there
    model = OneVsRestClassifier(LogisticRegression())
    with pytest.warns(UserWarning, match="present in all"):
        model.fit(X, y)
    same(model, UNSEEN, tmp_path / "m.onnx")


def test_nested(tmp_path):
    inner = CalibratedClassifierCV(BaggingClassifier(logistic(), 3, random_state=0), cv=2)
    voting = VotingClassifier([("a", inner), ("b", BOTH["boosting"])], voting="soft")
    model = make_pipeline(StandardScaler(), TunedThresholdClassifierCV(voting, cv=2))
    same(model.fit(X, TWO), UNSEEN, tmp_path / "m.onnx")
