"""XGBoost, LightGBM and CatBoost: objectives, early stopping, missing values, inside others."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from unifml import Classifier, Regressor, export_onnx, load_onnx
from unifml.errors import ExportError

RNG = np.random.default_rng(0)
NAMES = np.array(["no", "perhaps", "yes"])


def table(n, seed):
    X = np.random.default_rng(seed).normal(size=(n, 4)) * [1, 10, 0.1, 1] + [0, 100, 0, 5]
    X[np.random.default_rng(seed + 1).random(X.shape) < 0.1] = np.nan
    return X


X, UNSEEN = table(240, 0), table(150, 7)
SIGNAL = np.nan_to_num(X[:, 0]) + 0.3 * RNG.normal(size=len(X))
TWO, THREE = (SIGNAL > 0).astype(int), np.digitize(SIGNAL, [-0.5, 0.5])
NUMBER, COUNT = 30 + 5 * SIGNAL, np.abs(np.round(4 * SIGNAL)) + 0.5


def same(model, path, rows=UNSEEN):
    """Compare on rows that were not seen; labels too."""
    onnx = load_onnx(export_onnx(model, path, X).path)
    native = np.asarray(model.predict(rows))
    if is_regressor(model):
        allowed = 1e-5 * np.maximum(np.abs(native), np.std(native, axis=0)) + 1e-6
        assert (np.abs(onnx.predict(rows).reshape(native.shape) - native) <= allowed).all()
        return onnx
    np.testing.assert_array_equal(onnx.predict(rows), native.reshape(onnx.predict(rows).shape))
    np.testing.assert_allclose(onnx.predict_proba(rows), model.predict_proba(rows), atol=2e-6)
    return onnx


def xgboost(kind, **params):
    return getattr(pytest.importorskip("xgboost"), kind)(n_estimators=8, max_depth=3, **params)


def lightgbm(kind, **params):
    module = pytest.importorskip("lightgbm")
    given = {"n_estimators": 8, "num_leaves": 7, "verbose": -1, "n_jobs": 1}
    return getattr(module, kind)(**given | params)


def catboost(kind, **params):
    module = pytest.importorskip("catboost")
    given = {"iterations": 8, "depth": 3, "verbose": 0, "allow_writing_files": False}
    return getattr(module, kind)(**given | params)


@pytest.mark.parametrize(
    ("kind", "y", "params"),
    [
        ("XGBClassifier", TWO, {}),
        ("XGBClassifier", TWO, {"base_score": 0.2}),
        ("XGBClassifier", TWO, {"objective": "binary:hinge"}),
        ("XGBClassifier", THREE, {}),
        ("XGBClassifier", THREE, {"booster": "dart", "rate_drop": 0.5, "one_drop": True}),
        ("XGBClassifier", THREE, {"booster": "gblinear"}),
        ("XGBClassifier", TWO, {"booster": "gblinear"}),
        ("XGBClassifier", np.c_[TWO, THREE > 0, THREE > 1].astype(int), {}),
        ("XGBRFClassifier", TWO, {}),
        ("XGBRFClassifier", THREE, {}),
        ("XGBRegressor", NUMBER, {}),
        ("XGBRegressor", NUMBER, {"base_score": 3.0, "grow_policy": "lossguide", "max_leaves": 5}),
        ("XGBRegressor", NUMBER, {"booster": "dart", "rate_drop": 0.5, "one_drop": True}),
        ("XGBRegressor", NUMBER, {"booster": "gblinear"}),
        ("XGBRegressor", NUMBER, {"objective": "reg:absoluteerror"}),
        ("XGBRegressor", NUMBER, {"objective": "reg:pseudohubererror"}),
        (
            "XGBRegressor",
            NUMBER,
            {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.9]},
        ),
        ("XGBRegressor", TWO, {"objective": "reg:logistic"}),
        ("XGBRegressor", COUNT, {"objective": "count:poisson"}),
        ("XGBRegressor", COUNT, {"objective": "reg:gamma"}),
        ("XGBRegressor", COUNT, {"objective": "reg:tweedie"}),
        ("XGBRegressor", np.c_[NUMBER, -NUMBER], {}),
        ("XGBRFRegressor", NUMBER, {}),
    ],
)
def test_xgboost(kind, y, params, tmp_path):
    same(xgboost(kind, **params).fit(X, y), tmp_path / "m.onnx")


@pytest.mark.parametrize(
    ("kind", "y", "params"),
    [
        ("LGBMClassifier", TWO, {}),
        ("LGBMClassifier", NAMES[TWO], {}),
        ("LGBMClassifier", NAMES[THREE], {}),
        ("LGBMClassifier", THREE, {"objective": "multiclassova"}),
        ("LGBMClassifier", TWO, {"boosting_type": "rf", "subsample": 0.5, "subsample_freq": 1}),
        ("LGBMClassifier", THREE, {"boosting_type": "rf", "subsample": 0.5, "subsample_freq": 1}),
        ("LGBMClassifier", THREE, {"boosting_type": "dart"}),
        ("LGBMClassifier", TWO, {"use_missing": False}),
        ("LGBMRegressor", NUMBER, {}),
        ("LGBMRegressor", NUMBER, {"boosting_type": "rf", "subsample": 0.5, "subsample_freq": 1}),
        ("LGBMRegressor", NUMBER, {"extra_trees": True, "linear_tree": False}),
        ("LGBMRegressor", -NUMBER, {"reg_sqrt": True}),
        ("LGBMRegressor", NUMBER, {"objective": "quantile", "alpha": 0.7}),
        ("LGBMRegressor", NUMBER, {"objective": "huber"}),
        ("LGBMRegressor", TWO, {"objective": "cross_entropy"}),
        ("LGBMRegressor", TWO, {"objective": "cross_entropy_lambda"}),
        ("LGBMRegressor", COUNT, {"objective": "poisson"}),
        ("LGBMRegressor", COUNT, {"objective": "gamma"}),
        ("LGBMRegressor", COUNT, {"objective": "tweedie"}),
    ],
)
def test_lightgbm(kind, y, params, tmp_path):
    same(lightgbm(kind, **params).fit(X, y), tmp_path / "m.onnx")


@pytest.mark.parametrize(
    ("kind", "y", "params"),
    [
        ("CatBoostClassifier", TWO, {}),
        ("CatBoostClassifier", NAMES[TWO], {"nan_mode": "Max"}),
        ("CatBoostClassifier", NAMES[THREE], {}),
        ("CatBoostClassifier", THREE, {"loss_function": "MultiClassOneVsAll"}),
        ("CatBoostClassifier", THREE, {"grow_policy": "Lossguide"}),
        ("CatBoostRegressor", NUMBER, {}),
        ("CatBoostRegressor", NUMBER, {"grow_policy": "Depthwise"}),
        ("CatBoostRegressor", COUNT, {"loss_function": "Poisson"}),
        ("CatBoostRegressor", COUNT, {"loss_function": "Tweedie:variance_power=1.5"}),
        ("CatBoostRegressor", np.c_[NUMBER, -NUMBER], {"loss_function": "MultiRMSE"}),
        ("CatBoostRegressor", NUMBER, {"loss_function": "Quantile:alpha=0.8"}),
    ],
)
def test_catboost(kind, y, params, tmp_path):
    same(catboost(kind, **params).fit(X, y), tmp_path / "m.onnx")


def early(library):
    """Return a model whose best round is not its last one."""
    held = (UNSEEN, RNG.permutation(NUMBER)[: len(UNSEEN)])
    if library == "xgboost":
        model = xgboost("XGBRegressor", learning_rate=0.9)
        model.set_params(n_estimators=60, early_stopping_rounds=5)
        return model.fit(X, NUMBER, eval_set=[held], verbose=False)
    if library == "lightgbm":
        model = lightgbm("LGBMRegressor", n_estimators=60, learning_rate=0.9)
        stop = pytest.importorskip("lightgbm").early_stopping(5, verbose=False)
        return model.fit(X, NUMBER, eval_set=[held], callbacks=[stop])
    model = catboost("CatBoostRegressor", iterations=60, learning_rate=0.9)
    return model.fit(X, NUMBER, eval_set=held, early_stopping_rounds=5)


@pytest.mark.parametrize("library", ["xgboost", "lightgbm", "catboost"])
def test_the_best_round(library, tmp_path):
    same(early(library), tmp_path / "m.onnx")


@pytest.mark.parametrize("make", [xgboost, lightgbm, catboost])
def test_thresholds_on_values_of_the_data(make, tmp_path):
    """A scaler before trees: one rounding step would take rows to the other branch."""
    name = {"xgboost": "XGB", "lightgbm": "LGBM", "catboost": "CatBoost"}[make.__name__]
    coarse = np.round(np.nan_to_num(X), 1)
    params = {"xgboost": {"tree_method": "exact"}, "lightgbm": {"min_child_samples": 1}}
    last = make(f"{name}Classifier", **params.get(make.__name__, {}))
    model = make_pipeline(StandardScaler(), last).fit(coarse, THREE)
    onnx = load_onnx(export_onnx(model, tmp_path / "m.onnx", coarse).path)
    shares = model.predict_proba(coarse)
    np.testing.assert_allclose(onnx.predict_proba(coarse), shares, atol=2e-6)


def test_another_value_stands_for_missing(tmp_path):
    model = xgboost("XGBClassifier", missing=-999.0)
    filled = np.where(np.isnan(X), -999.0, X)
    model.fit(filled, THREE)
    onnx = load_onnx(export_onnx(model, tmp_path / "m.onnx", filled).path)
    rows = np.where(np.isnan(UNSEEN), -999.0, UNSEEN)
    np.testing.assert_allclose(onnx.predict_proba(rows), model.predict_proba(rows), atol=2e-6)


def test_zeros_stand_for_missing(tmp_path):
    rows = np.where(np.isnan(X), 0.0, X - [0, 100, 0, 5])
    model = lightgbm("LGBMClassifier", zero_as_missing=True).fit(rows, THREE)
    onnx = load_onnx(export_onnx(model, tmp_path / "m.onnx", rows).path)
    np.testing.assert_allclose(onnx.predict_proba(rows), model.predict_proba(rows), atol=2e-6)


def test_inside_other_models(tmp_path):
    one = xgboost("XGBClassifier")
    voting = VotingClassifier([("x", one), ("l", lightgbm("LGBMClassifier"))], voting="soft")
    same(voting.fit(X, NAMES[THREE]), tmp_path / "v.onnx")
    same(CalibratedClassifierCV(one, cv=2).fit(X, THREE), tmp_path / "c.onnx")


def test_wrapped_by_unifml(tmp_path):
    same(Classifier(xgboost("XGBClassifier")).fit(X, NAMES[THREE]), tmp_path / "c.onnx")
    same(Regressor(lightgbm("LGBMRegressor")).fit(X, NUMBER), tmp_path / "r.onnx")


def test_what_cannot_be_written_is_refused(tmp_path):
    vectors = xgboost("XGBRegressor", multi_strategy="multi_output_tree")
    with pytest.raises(ExportError, match="one_output_per_tree"):
        export_onnx(vectors.fit(X, np.c_[NUMBER, NUMBER]), tmp_path / "m.onnx", X)
    lines = lightgbm("LGBMRegressor", linear_tree=True)
    with pytest.raises(ExportError, match="linear models in leaves"):
        export_onnx(lines.fit(X, NUMBER), tmp_path / "m.onnx", X)
    assert not (tmp_path / "m.onnx").exists()
