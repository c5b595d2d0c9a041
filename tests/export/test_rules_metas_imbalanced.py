"""imbalanced-learn: samplers act in fit alone, ensembles are those of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from export.data import numbers
from export.test_rules_metas import NAMES, UNSEEN, X, same
from unifml import Classifier, Training, export_onnx, load_onnx

pytest.importorskip("imblearn")

Y = NAMES[np.digitize(X[:, 0] + np.random.default_rng(1).normal(size=len(X)) / 4, [-1, 0.7])]


def sampled(*steps):
    from imblearn.over_sampling import SMOTE
    from imblearn.pipeline import make_pipeline

    return make_pipeline(StandardScaler(), SMOTE(k_neighbors=2, random_state=0), *steps)


def thinned(*steps):
    from imblearn.pipeline import make_pipeline
    from imblearn.under_sampling import RandomUnderSampler

    return make_pipeline(RandomUnderSampler(random_state=0), *steps)


def ensembles():
    from imblearn import ensemble

    return {
        "forest": ensemble.BalancedRandomForestClassifier(5, max_depth=4, random_state=0),
        "easy": ensemble.EasyEnsembleClassifier(2, random_state=0),
        "boosting": ensemble.RUSBoostClassifier(n_estimators=4, random_state=0),
        "bagging": ensemble.BalancedBaggingClassifier(
            LogisticRegression(), n_estimators=3, random_state=0
        ),
    }


@pytest.mark.parametrize("name", ["forest", "easy", "boosting", "bagging"])
def test_ensembles(name, tmp_path):
    same(ensembles()[name].fit(X, Y), UNSEEN, tmp_path / "m.onnx")


def test_samplers_vanish(tmp_path):
    forest = RandomForestClassifier(5, max_depth=4, random_state=0)
    for model in (sampled(LogisticRegression()), thinned(StandardScaler(), forest)):
        same(model.fit(X, Y), UNSEEN, tmp_path / "m.onnx")


def test_samplers_inside_other_models(tmp_path):
    pair = [("a", sampled(LogisticRegression())), ("b", thinned(LogisticRegression()))]
    voting = VotingClassifier(pair, voting="soft").fit(X, Y)
    same(voting, UNSEEN, tmp_path / "v.onnx")
    calibrated = CalibratedClassifierCV(sampled(LogisticRegression()), cv=2).fit(X, Y)
    same(calibrated, UNSEEN, tmp_path / "c.onnx")


def test_samplers_before_a_network(backend, tmp_path):
    net = Classifier("mlp", backend=backend, training=Training(epochs=2), random_state=0)
    model = sampled(net).fit(X, Y)
    onnx = load_onnx(export_onnx(model, tmp_path / "m.onnx", X).path)
    rows = numbers(50, seed=9)
    np.testing.assert_allclose(onnx.predict_proba(rows), model.predict_proba(rows), atol=1e-5)
