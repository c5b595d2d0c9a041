"""Several fits at once give what they give one by one."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedKFold

import unifml
from unifml import Callback, Classifier, EarlyStopping, Training
from unifml.errors import DivergedError
from unifml.estimators.together import fit_together, may_fit_together
from unifml.models import MLP

X, y = load_breast_cancer(return_X_y=True)
FOLDS = list(StratifiedKFold(5, shuffle=True, random_state=0).split(X, y))


def estimators(backend, **training):
    """Five networks of one architecture that differ in what may differ."""
    model = MLP(hidden=(16,), dropout=0.0 if backend == "sklearn" else 0.2)
    return [
        Classifier(
            model,
            backend=backend,
            training=Training(epochs=6, batch_size=32, learning_rate=10**-power, **training),
            random_state=seed,
        )
        for seed, power in enumerate((2, 2, 3, 1.5, 2))
    ]


@pytest.fixture
def stacks(monkeypatch, backend):
    """Count how often several networks were put to work at once."""
    adapter, made = unifml.get_adapter(backend), []
    stack = type(adapter).stack

    def counted(self, weights, plans, tables):
        found = stack(self, weights, plans, tables)
        made.append(found is not None)
        return found

    monkeypatch.setattr(type(adapter), "stack", counted)
    return made


def fitted(backend, **training):
    together, alone = estimators(backend, **training), estimators(backend, **training)
    rows = [{"X": X[train], "y": y[train]} for train, _ in FOLDS]
    fit_together(together, rows, list("abcde"))
    for estimator, given in zip(alone, rows, strict=True):
        estimator.fit(**given)
    return list(zip(together, alone, strict=True))


@pytest.mark.parametrize(
    "training",
    [
        {},
        {"optimizer": "adamw", "weight_decay": 0.1, "l2": 0.01, "schedule": "cosine"},
        {"early_stopping": EarlyStopping(patience=1), "metrics": ("accuracy",)},
        {"early_stopping": EarlyStopping(patience=1), "refit": True},
        {"clip_norm": 0.5, "ema": 0.9, "accumulate": 2, "warmup": 0.2},
    ],
    ids=["plain", "decay", "stopped", "refitted", "clipped and averaged"],
)
def test_results_are_those_of_one_by_one(backend, stacks, training):
    for here, there in fitted(backend, **training):
        np.testing.assert_allclose(here.predict_proba(X), there.predict_proba(X), atol=2e-6)
        assert here.history_.n_epochs == there.history_.n_epochs
        assert here.history_.best_epoch == there.history_.best_epoch
        np.testing.assert_allclose(here.history_["loss"], there.history_["loss"], rtol=1e-5)
    if unifml.get_adapter(backend).capabilities.stacks:
        assert stacks[0]


def test_folds_are_scored_as_one_by_one(backend, stacks):
    clf = estimators(backend)[0]
    together = unifml.evaluate(clf, X, y, cv=5, random_state=0)
    alone = unifml.evaluate(clf, X, y, cv=5, random_state=0, n_jobs=2)
    assert together.scores == pytest.approx(alone.scores, abs=1e-6)
    assert any(stacks) == unifml.get_adapter(backend).capabilities.stacks


def test_a_fold_that_fails_is_named(backend):
    training = Training(epochs=60, learning_rate=1e12, optimizer="sgd", batch_size=8)
    clf = Classifier(MLP(hidden=(8,)), backend=backend, training=training, random_state=0)
    with pytest.raises(DivergedError) as caught, np.errstate(all="ignore"):
        unifml.evaluate(clf, 1e3 * X, y, cv=3)
    assert any("in fold 1 of 3" in note for note in caught.value.__notes__)


def test_callbacks_keep_a_fit_to_itself(backend, stacks):
    seen = []

    class Seen(Callback):
        def on_epoch_end(self, run):
            seen.append(run.epoch)

    fit_together(
        [e.set_params(training__callbacks=(Seen(),)) for e in estimators(backend)[:2]],
        [{"X": X, "y": y}] * 2,
        ["one", "two"],
    )
    assert seen == [1, 2, 3, 4, 5, 6] * 2
    assert not any(stacks)


def test_what_is_no_small_network_is_not_asked(backend):
    clf = estimators(backend)[0]
    able = unifml.get_adapter(backend).capabilities.stacks
    assert may_fit_together(clf, X, 5) == able
    assert not may_fit_together(clf, X, 1)
    assert not may_fit_together(clf, np.broadcast_to(0.0, (10**6, 30)), 5)
    assert not may_fit_together(object(), X, 5)
