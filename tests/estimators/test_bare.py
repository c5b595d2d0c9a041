"""Wrapped natives keep their own answers: every scikit-learn estimator, behind ours and bare."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris, make_regression
from sklearn.utils import all_estimators
from sklearn.utils._test_common.instance_generator import _construct_instances

from unifml import Classifier, Regressor

pytestmark = pytest.mark.sklearn


def instances(kind):
    found = []
    for name, kind_of in all_estimators(kind):
        try:
            found += [pytest.param(next(_construct_instances(kind_of)), id=name)]
        except (StopIteration, TypeError):
            continue
    return found


def seeded(estimator):
    keys = [key for key in estimator.get_params() if key.split("__")[-1] == "random_state"]
    return clone(estimator).set_params(**dict.fromkeys(keys, 0))


def fit_both(wrapper, estimator, X, y):
    """Fit bare and wrapped; an error bare must be the same error wrapped."""
    bare = seeded(estimator)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            bare.fit(X, y)
        except Exception as error:
            with pytest.raises(type(error)):
                wrapper(seeded(estimator)).fit(X, y)
            return None
        return bare, wrapper(seeded(estimator)).fit(X, y)


@pytest.mark.parametrize("labels", ["strings", "unlabelled"])
@pytest.mark.parametrize("estimator", instances("classifier"))
def test_classifiers(estimator, labels):
    X, y = load_iris(return_X_y=True)
    X = np.abs(X)
    y = np.array(["a", "b", "c"])[y] if labels == "strings" else np.where(y == 2, -1, y)
    pair = fit_both(Classifier, estimator, X, y)
    if pair is None:
        return
    bare, wrapped = pair
    np.testing.assert_array_equal(bare.predict(X), wrapped.predict(X))
    np.testing.assert_array_equal(bare.classes_, wrapped.classes_)
    assert hasattr(bare, "predict_proba") == hasattr(wrapped, "predict_proba")
    assert hasattr(bare, "decision_function") == hasattr(wrapped, "decision_function")
    if hasattr(bare, "predict_proba"):
        np.testing.assert_array_equal(bare.predict_proba(X), wrapped.predict_proba(X))


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("estimator", instances("regressor"))
def test_regressors(estimator, outputs):
    X, y = make_regression(60, 4, n_targets=outputs, random_state=0)
    pair = fit_both(Regressor, estimator, X, np.abs(y) + 1)
    if pair is None:
        return
    bare, wrapped = pair
    np.testing.assert_array_equal(bare.predict(X), wrapped.predict(X))


def test_missing_values_go_through():
    from sklearn.ensemble import HistGradientBoostingClassifier

    X, y = load_iris(return_X_y=True)
    X[::7, 1] = np.nan
    bare = HistGradientBoostingClassifier(random_state=0).fit(X, y)
    wrapped = Classifier(HistGradientBoostingClassifier(), random_state=0).fit(X, y)
    np.testing.assert_array_equal(bare.predict_proba(X).shape, wrapped.predict_proba(X).shape)
    assert wrapped.score(X, y) > 0.95
