"""The models learn: real tasks against baselines, and sequences of unequal length."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import StratifiedKFold, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from unifml import Classifier, Regressor, Training
from unifml.errors import CapabilityError
from unifml.models import CNN, MLP, RNN, TransformerEncoder

DIGITS, LABELS = load_digits().images, load_digits().target
neural = pytest.mark.never(
    ["sklearn"], raises=CapabilityError, reason="its only networks are plain perceptrons"
)


def sunspots(years=24, until=200):
    """Windows over the yearly number of sunspots, and the next year's: rows to learn and to judge.

    Every model learns from the first windows, and is judged on the years behind them.
    """
    data = pytest.importorskip("statsmodels.datasets").sunspots.load_pandas().data
    windows = np.lib.stride_tricks.sliding_window_view(data["SUNACTIVITY"].to_numpy(), years + 1)
    return windows[:until, :-1], windows[:until, -1], windows[until:, :-1], windows[until:, -1]


def late_digits(steps=12):
    """Digits as sequences of rows of pixels that begin after a random number of empty rows."""
    rng = np.random.default_rng(0)
    X = np.zeros((len(DIGITS), steps, 8), dtype=np.float32)
    for row, image, first in zip(X, DIGITS, rng.integers(0, steps - 7, len(X)), strict=True):
        row[first : first + 8] = image
    return train_test_split(X, LABELS, test_size=0.3, stratify=LABELS, random_state=0)


@neural
@pytest.mark.slow
def test_cnn_reads_digits(backend):
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    clf = Classifier("cnn", backend=backend, random_state=0)
    X = DIGITS[..., None].astype(np.float32)
    scores = cross_val_score(clf, X, LABELS, cv=folds, error_score="raise")
    assert scores.mean() >= 0.98


@neural
@pytest.mark.slow
def test_rnn_beats_last_years_value_and_a_linear_autoregression(backend):
    X, y, X_test, y_test = sunspots()
    reg = Regressor(RNN("gru", units=32), backend=backend, random_state=0).fit(X, y)
    error = mean_absolute_error(y_test, reg.predict(X_test))
    assert error < 0.7 * mean_absolute_error(y_test, X_test[:, -1])
    linear = LinearRegression().fit(X, y).predict(X_test)
    assert error < mean_absolute_error(y_test, linear)


@neural
@pytest.mark.slow
@pytest.mark.parametrize(
    "model", [RNN("gru", units=32, bidirectional=True), TransformerEncoder(dim=32)], ids=repr
)
def test_sequences_are_read_better_than_by_logistic_regression(model, backend):
    X, X_test, y, y_test = late_digits()
    clf = Classifier(model, backend=backend, training=Training(epochs=30), random_state=0)
    flat = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    flat.fit(X.reshape(len(X), -1), y)
    baseline = flat.score(X_test.reshape(len(X_test), -1), y_test)  # 0.75
    assert clf.fit(X, y).score(X_test, y_test) > baseline + 0.1


@neural
@pytest.mark.parametrize(
    "model",
    [
        MLP((32, 32), norm="layer", residual=True),
        MLP((32,), numeric="periodic", dropout=0.3),
        MLP((32,), numeric="piecewise", dropout=0.3, categorical=("sex",)),
    ],
    ids=repr,
)
def test_mlp_for_tables(model, backend):
    table = load_diabetes(as_frame=True, scaled=False)
    X, y = table.data.assign(sex=table.data["sex"] - 1), table.target
    X, X_test, y, y_test = train_test_split(X, y, random_state=0)
    settings = Training(epochs=30, batch_size=32)
    reg = Regressor(model, backend=backend, training=settings, random_state=0).fit(X, y)
    assert reg.score(X_test, y_test) > 0.2  # 0: the mean of all patients; linear regression: 0.36


@neural
def test_codes_have_no_order(backend):
    rng = np.random.default_rng(0)
    codes, noise = rng.integers(0, 12, 600), rng.normal(size=600)
    X, y = np.c_[noise, codes].astype(float), np.sin(7.0 * codes**2)
    settings = Training(epochs=40, batch_size=32, learning_rate=1e-2)
    reg = Regressor(
        MLP((16,), categorical=(1,)), backend=backend, training=settings, random_state=0
    ).fit(X, y)
    assert reg.score(X, y) > 0.95
    unseen = reg.predict([[0.0, 12.0], [0.0, 99.0]])
    assert unseen[0] == unseen[1]


@neural
def test_images_need_no_axis_for_one_feature(backend):
    settings = Training(epochs=2)
    X, y = DIGITS[:200], LABELS[:200]
    fits = [
        Classifier(model, backend=backend, training=settings, random_state=0)
        for model in (CNN((8,)), CNN((8,), dims=2))
    ]
    one = fits[0].fit(X[..., None], y).predict_proba(X[..., None])
    assert np.abs(one - fits[1].fit(X, y).predict_proba(X)).max() < 1e-5


SEQUENCES = [
    RNN("gru", units=8),
    RNN("lstm", units=8, bidirectional=True, depth=2, pool="max"),
    RNN("simple", units=8, pool="avg"),
    TransformerEncoder(dim=8, depth=1, heads=2, max_length=40),
    TransformerEncoder(dim=8, depth=1, heads=2, positions="learned", max_length=40, pool="max"),
]


def ragged(rows=60):
    """Sequences of three features and unequal length, and whether their sum is positive."""
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(length, 3)) for length in rng.integers(1, 20, rows)]
    return X, np.array([x.sum() > 0 for x in X])


@neural
@pytest.mark.parametrize("model", SEQUENCES, ids=repr)
def test_padding_is_not_seen(model, backend):
    X, y = ragged()
    settings = Training(epochs=3, batch_size=16)
    clf = Classifier(model, backend=backend, training=settings, random_state=0).fit(X, y)
    together = clf.predict_proba([*X, np.ones((30, 3))])
    alone = np.concatenate([clf.predict_proba([x]) for x in X])
    assert np.abs(together[:-1] - alone).max() < 1e-5


@neural
@pytest.mark.parametrize("model", SEQUENCES, ids=repr)
def test_ids_of_padding_are_lengths(model, backend):
    rng = np.random.default_rng(0)
    ids = [rng.integers(1, 9, length) for length in rng.integers(1, 12, 50)]
    y = np.array([x[0] > 4 for x in ids])
    width = max(map(len, ids))
    padded = np.array([np.r_[x, np.zeros(width - len(x))] for x in ids])
    settings = Training(epochs=3, batch_size=16)
    listed, masked = (
        Classifier(
            model.with_params(vocabulary=9, mask_id=mask_id),
            backend=backend,
            training=settings,
            random_state=0,
        )
        for mask_id in (None, 0)
    )
    one, other = (clf.fit(X, y).predict_proba(X) for clf, X in ((listed, ids), (masked, padded)))
    assert np.abs(one - other).max() < 1e-4


@neural
@pytest.mark.slow
def test_tokens_are_learned(backend):
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 20, (400, 6))
    y = (ids[:, 0] % 3 == 0).astype(int)
    for model in (RNN("gru", vocabulary=20), TransformerEncoder(32, 1, vocabulary=20)):
        settings = Training(epochs=40, learning_rate=5e-3)
        clf = Classifier(model, backend=backend, training=settings, random_state=0).fit(ids, y)
        assert clf.score(ids, y) > 0.95
