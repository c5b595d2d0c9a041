"""`save` and `load`: scikit-learn's estimators, and networks inside them."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler
from tasks.persisting import NUMBERS, SHORT, TEXT, X, again, net, rewritten, same_predictions

import unifml
from unifml import Classifier, Regressor
from unifml.errors import (
    DataTypeError,
    FileFormatError,
    UntrustedTypeError,
)
from unifml.models import MLP, Linear, Model, RandomForest


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.unifml"


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        RandomForestClassifier(5, random_state=0),
        HistGradientBoostingClassifier(max_iter=5),
        KNeighborsClassifier(),
        make_pipeline(StandardScaler(), LogisticRegression()),
    ],
    ids=lambda e: type(e).__name__,
)
def test_estimators_of_scikit_learn_alone_and_wrapped(estimator, path):
    again(clone(estimator).fit(X, TEXT), path)
    loaded = again(Classifier(estimator, random_state=0).fit(X, TEXT), path)
    assert str(loaded.model) == str(estimator)


@pytest.mark.parametrize("model", ["random_forest", "linear", RandomForest(5), Linear])
def test_translated_models(model, path):
    clf = Classifier(model, backend="sklearn", random_state=0).fit(X, TEXT)
    loaded = again(clf, path, check=True)
    assert loaded.model == model
    assert unifml.translate(loaded) == unifml.translate(clf)


def test_a_native_that_learns_in_steps_goes_on(path):
    from sklearn.linear_model import SGDClassifier

    clf = Classifier(SGDClassifier(loss="log_loss"), random_state=0)
    clf.partial_fit(X, TEXT, classes=np.unique(TEXT))
    loaded = again(clf, path)
    same_predictions(clf.partial_fit(X, TEXT), loaded.partial_fit(X, TEXT))


def test_codes_of_a_booster_need_trust(path):
    xgboost = pytest.importorskip("xgboost")
    clf = Classifier(xgboost.XGBClassifier(n_estimators=3), random_state=0).fit(X, TEXT)
    unifml.save(clf, path)
    with pytest.raises(UntrustedTypeError, match=r"xgboost\.core\.Booster") as caught:
        unifml.load(path)
    assert "trusted=['xgboost" in caught.value.fix
    again(clf, path, trusted=["xgboost.core.Booster", xgboost.XGBClassifier])


# Networks inside scikit-learn --------------------------------------------------------------------


COLUMNS = ColumnTransformer([("a", StandardScaler(), [0, 1]), ("b", "passthrough", [2, 3])])
COMPOSITES = {
    "pipeline": lambda clf: make_pipeline(MinMaxScaler(), clf),
    "columns": lambda clf: make_pipeline(clone(COLUMNS), clf),
    "voting": lambda clf: VotingClassifier([("a", clf), ("b", LogisticRegression())]),
    "stacking": lambda clf: StackingClassifier([("a", clf), ("b", LogisticRegression())]),
    "calibrated": lambda clf: CalibratedClassifierCV(clf, cv=2),
    "one vs rest": OneVsRestClassifier,
    "grid": lambda clf: GridSearchCV(clf, {"model": [MLP((3,))], "training": [SHORT]}, cv=2),
    "deep grid": lambda clf: GridSearchCV(
        make_pipeline(StandardScaler(), clf), {"classifier__model__hidden": [(3,), (4,)]}, cv=2
    ),
    "native": lambda clf: Classifier(make_pipeline(StandardScaler(), clf)),
}


@pytest.mark.parametrize("name", COMPOSITES)
def test_networks_inside_composites(backend, name, path):
    again(COMPOSITES[name](net(backend)).fit(X, TEXT), path)


def test_a_regressor_inside_a_composite(backend, path):
    inner = Regressor("mlp", backend=backend, random_state=0, training=SHORT)
    again(TransformedTargetRegressor(inner, transformer=StandardScaler()).fit(X, NUMBERS), path)


def test_an_estimator_that_two_parts_share_stays_one(path):
    clf = net("sklearn")
    search = GridSearchCV(clf, {"random_state": [0]}, cv=2).fit(X, TEXT)
    voting = VotingClassifier([("a", search), ("b", search)], voting="soft").fit(X, TEXT)
    loaded = again(voting, path)
    assert loaded.named_estimators_["a"] is loaded.estimators_[0]


def test_of_a_search_the_best_is_saved(path):
    pytest.importorskip("optuna")
    search = unifml.tune(net("sklearn"), X, TEXT, n_trials=2, cv=2, random_state=0)
    loaded = unifml.load(unifml.save(search, path))
    assert repr(loaded) == repr(search.best_estimator_)
    same_predictions(search, loaded)


# Parts of scikit-learn ---------------------------------------------------------------------------


class Untold(LogisticRegression):
    pass


def test_types_that_nobody_trusts(path):
    unifml.save(make_pipeline(StandardScaler(), Untold()).fit(X, TEXT), path)
    with pytest.raises(UntrustedTypeError, match="Untold"):
        unifml.load(path)
    unifml.load(path, trusted=[Untold])
    with pytest.raises(DataTypeError, match="trusted"):
        unifml.load(path, trusted=[3])


def _skops_changed(path, change):
    import io

    def inner(_, entries):
        with zipfile.ZipFile(io.BytesIO(entries["sk/0.skops"])) as archive:
            held = {name: archive.read(name) for name in archive.namelist()}
        change(held)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, content in held.items():
                archive.writestr(name, content)
        entries["sk/0.skops"] = buffer.getvalue()

    rewritten(path, inner)


def test_a_tree_that_points_outside_itself(path):
    import io

    unifml.save(RandomForestClassifier(1, random_state=0).fit(X, TEXT), path)

    def wild(held):
        for name in held:
            if name.endswith(".npy"):
                array = np.load(io.BytesIO(held[name]))
                if array.dtype.names and "left_child" in array.dtype.names:
                    array["left_child"][0] = 10**6
                    buffer = io.BytesIO()
                    np.save(buffer, array)
                    held[name] = buffer.getvalue()

    _skops_changed(path, wild)
    with pytest.raises(FileFormatError, match="outside itself"):
        unifml.load(path)


def test_a_random_state_that_points_outside_itself(path):
    forest = RandomForestClassifier(1, random_state=np.random.RandomState(0))
    unifml.save(forest, path)

    def wild(held):
        schema = json.loads(held["schema.json"])
        state = schema["content"]["content"]["random_state"]["content"]["content"]["state"]
        state["content"]["pos"]["content"] = "100000"
        held["schema.json"] = json.dumps(schema).encode()

    _skops_changed(path, wild)
    with pytest.raises(FileFormatError, match="outside itself"):
        unifml.load(path)


def test_a_function_of_the_system_in_a_part(path):
    unifml.save(FunctionTransformer(np.log1p).fit(X), path)
    again(FunctionTransformer(np.log1p).fit(X), path)

    def wild(held):
        held["schema.json"] = (
            held["schema.json"].replace(b'"log1p"', b'"system"').replace(b'"numpy"', b'"os"')
        )

    _skops_changed(path, wild)
    with pytest.raises(UntrustedTypeError, match=r"os\.system"):
        unifml.load(path)


def test_a_model_of_anothers_is_found_by_its_class(path):
    class Hidden(Model):
        kind = "hidden"

    clf = Classifier(Hidden(), backend="sklearn")
    unifml.save(clf, path)
    assert unifml.load(path, trusted=[Hidden]).model == Hidden()


def test_a_ridge_is_what_it_was(path):
    rows, targets = load_diabetes(return_X_y=True)
    again(Ridge().fit(rows, targets), path, rows=rows)
