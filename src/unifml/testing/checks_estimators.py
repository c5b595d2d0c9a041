"""Checks of an adapter behind `Classifier` and `Regressor`, as users meet it."""

from __future__ import annotations

import pickle
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge

from unifml.core.adapter import Adapter
from unifml.errors import CapabilityError
from unifml.estimators import Classifier, Regressor
from unifml.layers import Activation, Dense, Layer
from unifml.testing.checks_protocol import EXAMPLES, KNOWN, global_state
from unifml.testing.lab import Probe, near, plain_layers
from unifml.testing.rule import Rule, check, require
from unifml.training import LOSSES, Training

CHECKS: list[Rule] = []
_check = partial(check, CHECKS, needs="epochs")

_rng = np.random.default_rng(17)
X = _rng.normal(size=(40, 4))
NAMES = np.array(["left", "middle", "right"])[np.arange(40) % 3]
BITS = _rng.integers(0, 2, (40, 3))
VALUES = X @ _rng.normal(size=(4, 2)) + 3.0


def _estimator(kind: Any, adapter: Adapter, *layers: Layer, **changes: Any) -> Any:
    """Return an estimator of a small network on the adapter."""
    training = Training(epochs=3, batch_size=8, learning_rate=0.01).with_params(**changes)
    device = "cpu" if "cpu" in adapter.capabilities.devices else None
    body = layers or plain_layers(adapter.capabilities)
    return kind(Probe(body), training=training, backend=adapter.name, device=device, random_state=0)


def _trains(adapter: Adapter, kind: str) -> bool:
    return any(loss in adapter.capabilities.losses for loss in LOSSES[kind])


def _loss(adapter: Adapter) -> dict[str, str]:
    """Return a loss for numbers that the adapter has."""
    return {"loss": next(x for x in LOSSES["regression"] if x in adapter.capabilities.losses)}


@_check()
def classifiers_give_labels_and_probabilities(adapter: Adapter) -> None:
    """Check that labels of any type come back; probabilities are (n, classes) and sum to 1."""
    if not _trains(adapter, "classification"):
        return
    for y in (NAMES, NAMES == "left"):
        classifier = _estimator(Classifier, adapter).fit(X, y)
        shares = classifier.predict_proba(X)
        require(shares.shape == (40, len(np.unique(y))), f"predict_proba is {shares.shape}")
        near(shares.sum(axis=1), np.ones(40), 1e-6, "the sum of each row's probabilities")
        wanted = classifier.classes_[shares.argmax(axis=1)]
        require(np.array_equal(classifier.predict(X), wanted), "predict is not the likeliest class")
    if adapter.capabilities.multilabel:
        shares = _estimator(Classifier, adapter).fit(X, BITS).predict_proba(X)
        require(shares.shape == BITS.shape, f"predict_proba of 3 labels is {shares.shape}")
        require(shares.min() >= 0 and shares.max() <= 1, "probabilities outside [0, 1]")


@_check()
def regressors_give_values(adapter: Adapter) -> None:
    """Check that one target gives (n,), two give (n, 2), all of them finite."""
    if not _trains(adapter, "regression"):
        return
    for y in (VALUES[:, 0], VALUES):
        regressor = _estimator(Regressor, adapter, **_loss(adapter)).fit(X, y)
        found = regressor.predict(X)
        require(found.shape == y.shape, f"predict is {found.shape}, and must be {y.shape}")
        require(np.isfinite(found).all(), "predictions are NaN or infinite")


@_check()
def fits_repeat_under_a_seed(adapter: Adapter) -> None:
    """Check that one seed gives one fit, to the last bit, and another seed another."""
    first, y = _any_fitted(adapter)
    again = clone(first).fit(X, y)
    other = clone(first).set_params(random_state=1).fit(X, y)
    wanted = first._outputs(X)
    require(np.array_equal(again._outputs(X), wanted), "the same seed gives another fit")
    require(not np.array_equal(other._outputs(X), wanted), "another seed gives the same fit")


@_check()
def fits_leave_globals_alone(adapter: Adapter) -> None:
    """Check that a whole fit leaves Python's and NumPy's generators as they were."""
    fitted, y = _any_fitted(adapter)
    before = global_state()
    clone(fitted).fit(X, y).predict(X)
    require(global_state() == before, "Python's or NumPy's global generator was left changed")


@_check()
def fitted_estimators_pickle(adapter: Adapter) -> None:
    """Check that a pickled estimator predicts as before."""
    fitted, _ = _any_fitted(adapter)
    wanted = fitted._outputs(X)
    require(fitted.model_ is not None, "model_ is None")
    again = pickle.loads(pickle.dumps(fitted))
    near(again._outputs(X), wanted, 1e-6, "outputs after pickling")


@_check()
def fitted_models_take_weights_back(adapter: Adapter) -> None:
    """Check that `model_` holds the weights that were learned."""
    fitted, _ = _any_fitted(adapter)
    plan, weights = fitted._fitted.plan, fitted._fitted.weights
    found = adapter.get_weights(fitted.model_, plan)
    require(set(found) == set(weights), f"model_ holds {sorted(found)}, not {sorted(weights)}")
    for name, value in weights.items():
        near(found[name], value, 1e-6, f"{name!r} of model_")


@_check(needs="partial_fit")
def partial_fits_go_on(adapter: Adapter) -> None:
    """Check that three calls of partial_fit on all rows are three epochs of fit."""
    fitted, y = _any_fitted(adapter)
    stepped = clone(fitted)
    for _ in range(3):
        stepped.partial_fit(X, y)
    near(stepped._outputs(X), fitted._outputs(X), 1e-4, "three partial_fits against three epochs")


@_check()
def what_is_not_claimed_is_refused(adapter: Adapter) -> None:
    """Check that what is not among the capabilities is a `CapabilityError`."""
    capabilities, y = adapter.capabilities, _any_fitted(adapter)[1]
    kind = Classifier if y is NAMES else Regressor
    asked = [
        *((f"layer {k!r}", _with(adapter, k)) for k in EXAMPLES if k not in capabilities.layers),
        *(
            (f"activation {name!r}", _estimator(kind, adapter, Dense(3), Activation(name)))
            for name in sorted(KNOWN["activations"] - capabilities.activations)
        ),
        *(
            (f"optimizer {name!r}", _estimator(kind, adapter, optimizer=name))
            for name in sorted(KNOWN["optimizers"] - capabilities.optimizers)
        ),
        *(
            (f"loss {name!r}", _estimator(kind, adapter, loss=name))
            for name in LOSSES["classification" if y is NAMES else "regression"]
            if name not in capabilities.losses
        ),
    ]
    for what, estimator in asked:
        require(_is_refused(estimator, y), f"{what} is not claimed, and yet it is fitted")


@_check(needs="exact")
def linear_models_are_solved_exactly(adapter: Adapter) -> None:
    """Check that the model `linear` is scikit-learn's LogisticRegression and Ridge."""
    classifier = Classifier("linear", backend=adapter.name).fit(X, NAMES)
    wanted = LogisticRegression(tol=1e-10, max_iter=10_000).fit(X, NAMES).predict_proba(X)
    near(classifier.predict_proba(X), wanted, 1e-5, "probabilities against LogisticRegression")
    y = VALUES[:, 0]
    regressor = Regressor("linear", backend=adapter.name).fit(X, y)
    near(regressor.predict(X), Ridge().fit(X, y).predict(X), 1e-5, "values against Ridge")


def _any_fitted(adapter: Adapter) -> tuple[Any, Any]:
    """Return a fitted estimator of a kind that the adapter trains, and its y."""
    if _trains(adapter, "classification"):
        return _estimator(Classifier, adapter).fit(X, NAMES), NAMES
    return _estimator(Regressor, adapter, **_loss(adapter)).fit(X, VALUES), VALUES


def _is_refused(estimator: Any, y: Any) -> bool:
    try:
        estimator.fit(X, y)
    except CapabilityError:
        return True
    return False


def _with(adapter: Adapter, kind: str) -> Any:
    layers = (*plain_layers(adapter.capabilities), EXAMPLES[kind])
    if _trains(adapter, "classification"):
        return _estimator(Classifier, adapter, *layers)
    return _estimator(Regressor, adapter, *layers, **_loss(adapter))
