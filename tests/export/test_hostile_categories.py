"""Boosters that split columns of categories themselves: frames, and arrays of numbers."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import is_classifier
from sklearn.ensemble import HistGradientBoostingClassifier

from unifml import export_onnx, load_onnx
from unifml.errors import DataError, ExportError

pd = pytest.importorskip("pandas")
KINDS = {
    "place": pd.CategoricalDtype(["zoo", "café", "bar", "a"]),
    "size": pd.CategoricalDtype([3, 5, 10, 20]),
    "grade": pd.CategoricalDtype(["low", "high"], ordered=True),
}


def table(n=300, seed=0):
    rng = np.random.default_rng(seed)
    columns = {"value": rng.random(n)}
    for name, kind in KINDS.items():
        columns[name] = pd.Categorical(rng.choice(kind.categories, n), dtype=kind)
    frame = pd.DataFrame(columns | {"last": rng.random(n)})
    frame.loc[rng.random(n) < 0.1, ["value", "place"]] = np.nan
    return frame


def numbers_of(frame):
    each = [frame[c].cat.codes.replace(-1, np.nan) if c in KINDS else frame[c] for c in frame]
    return np.column_stack(each)


X, UNSEEN = table(), table(seed=1)
WAVE = X["place"].cat.codes % 3 + X["size"].cat.codes % 2 + X["last"]
TWO, THREE = (WAVE > 1.5).astype(int), np.digitize(WAVE, [1, 2])


def lightgbm(kind, **params):
    module = pytest.importorskip("lightgbm")
    fine = {"min_data_per_group": 2, "cat_smooth": 0.1, "min_child_samples": 3, "max_bin": 63}
    return getattr(module, kind)(n_estimators=8, verbose=-1, n_jobs=1, **fine | params)


def xgboost(kind, **params):
    module = pytest.importorskip("xgboost")
    return getattr(module, kind)(n_estimators=8, enable_categorical=True, n_jobs=1, **params)


def same(model, path, rows, unseen):
    onnx = load_onnx(export_onnx(model, path, rows).path)
    ask = "predict_proba" if is_classifier(model) else "predict"
    for each in (rows, unseen):
        found, native = getattr(onnx, ask)(each), getattr(model, ask)(each)
        np.testing.assert_allclose(found, native, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("build", "kind", "params", "y"),
    [
        (lightgbm, "LGBMClassifier", {}, TWO),
        (lightgbm, "LGBMClassifier", {"max_cat_to_onehot": 1}, THREE),
        (lightgbm, "LGBMRegressor", {"zero_as_missing": True}, WAVE),
        (xgboost, "XGBClassifier", {"max_cat_to_onehot": 1}, TWO),
        (xgboost, "XGBClassifier", {"max_cat_to_onehot": 9}, THREE),
        (xgboost, "XGBRegressor", {"booster": "dart"}, WAVE),
    ],
)
def test_columns_of_a_frame(build, kind, params, y, tmp_path):
    """Texts and numbers, in an order of their own, with some missing."""
    rows, unseen = (
        t.assign(place=t["place"].cat.rename_categories({"café": "cafe"})) for t in (X, UNSEEN)
    )
    same(build(kind, **params).fit(rows, y), tmp_path / "m.onnx", rows, unseen)


def test_categories_that_were_never_seen(tmp_path):
    new = UNSEEN.assign(place=pd.Categorical(["new"] * len(UNSEEN)))
    same(lightgbm("LGBMClassifier").fit(X, THREE), tmp_path / "m.onnx", X, new)


def test_numbers_of_categories(tmp_path):
    rows, unseen = numbers_of(X), numbers_of(UNSEEN)
    unseen[::5, 1:4] += 3  # numbers that no row has
    unseen[1::5, 1:4] = -2
    inside = lightgbm("LGBMClassifier").fit(rows, THREE, categorical_feature=[1, 2, 3])
    same(inside, tmp_path / "m.onnx", rows, unseen)
    own = HistGradientBoostingClassifier(categorical_features=[1, 2, 3], max_iter=5)
    same(own.fit(rows, THREE), tmp_path / "m.onnx", rows, unseen)
    typed = xgboost("XGBClassifier", feature_types=["q", "c", "c", "c", "q"], max_cat_to_onehot=1)
    same(typed.fit(rows, THREE), tmp_path / "m.onnx", rows, numbers_of(UNSEEN))


def test_categories_that_xgboost_takes_for_others(tmp_path):
    """It takes what it does not know for the next one that it does, and refuses the last."""
    rows = X[["size", "last"]]
    model = xgboost("XGBRegressor").fit(rows, WAVE)
    onnx = load_onnx(export_onnx(model, tmp_path / "m.onnx", rows).path)
    strange = rows.assign(size=pd.Categorical([4] * len(rows)))
    with pytest.raises(DataError, match="cannot compute"):
        onnx.predict(strange)
    np.testing.assert_allclose(onnx.predict(rows), model.predict(rows), atol=1e-5)


def test_text_that_xgboost_does_not_keep(tmp_path):
    """It keeps as many bytes of a text as there are letters."""
    with pytest.raises(ExportError, match="beyond ASCII"):
        export_onnx(xgboost("XGBClassifier").fit(X, TWO), tmp_path / "m.onnx", X)


def test_columns_that_lightgbm_does_not_tell_apart(tmp_path):
    """It keeps the lists of categories, not which columns they are of."""
    ordered = X[["value"]].assign(size=pd.Categorical(X["size"].astype(int), ordered=True))
    model = lightgbm("LGBMClassifier").fit(ordered, TWO)
    with pytest.raises(ExportError, match="1 columns of categories, of which 0 are known"):
        export_onnx(model, tmp_path / "m.onnx", ordered)


def test_an_objective_of_ones_own(tmp_path):
    rows = numbers_of(X)
    model = lightgbm("LGBMRegressor", objective=lambda y, guess: (guess - y, np.ones_like(y)))
    same(model.fit(rows, WAVE), tmp_path / "m.onnx", rows, numbers_of(UNSEEN))
