"""The history of a fit: as a mapping, as text, as a table, as a picture."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from sklearn.datasets import make_classification

import unifml
from unifml import Classifier, EarlyStopping, Training
from unifml.core.history import History
from unifml.errors import DataError
from unifml.models import MLP

X, Y = make_classification(120, 6, random_state=0)
RECORDS = [
    {"loss": 1.0, "val_loss": 0.9, "learning_rate": 0.1, "seconds": 0.25},
    {"loss": 0.5, "val_loss": 0.7, "learning_rate": 0.1, "seconds": 0.25},
    {"loss": 0.2, "val_loss": 0.8, "learning_rate": 0.1, "seconds": 0.25},
]
MEASURED = [record | {"accuracy": 0.5, "val_accuracy": 0.4} for record in RECORDS]


def test_it_indexes_by_name(backend):
    training = Training(epochs=4, validation=0.2, learning_rate=0.01, metrics=("accuracy",))
    clf = Classifier(MLP(hidden=(4,)), training=training, backend=backend, random_state=0)
    history = clf.fit(X, Y).history_
    wanted = {"loss", "val_loss", "accuracy", "val_accuracy", "learning_rate", "seconds"}
    assert set(history) == wanted
    assert all(history[name].shape == (4,) for name in wanted)
    np.testing.assert_array_equal(history["learning_rate"], 0.01)
    assert np.all(history["seconds"] > 0)
    with pytest.raises(KeyError):
        history["f1"]


def test_the_names_of_early_stopping_and_of_the_kept_epoch(backend):
    training = Training(
        epochs=60, learning_rate=0.2, early_stopping=EarlyStopping(patience=2, validation=0.3)
    )
    clf = Classifier(MLP(hidden=(32,)), training=training, backend=backend, random_state=0)
    history = clf.fit(X, Y).history_
    assert history.stopped_by == "early_stopping"
    assert history.best_epoch == int(np.argmin(history["val_loss"])) + 1
    assert f"best epoch {history.best_epoch}; stopped by early stopping" in str(history)


def test_it_is_saved_with_the_estimator(tmp_path):
    training = Training(epochs=60, learning_rate=0.2, early_stopping=EarlyStopping(patience=2))
    clf = Classifier("mlp", training=training, backend="sklearn", random_state=0).fit(X, Y)
    clf.history_.resumed_at = 1
    unifml.save(clf, tmp_path / "a.unifml")
    assert unifml.load(tmp_path / "a.unifml").history_ == clf.history_


def test_it_says_in_a_line_what_happened():
    assert str(History(RECORDS)) == "3 epochs in 0.75 s: loss 0.2, val_loss 0.8"
    best = History(RECORDS, best_epoch=2, stopped_by="callback", resumed_at=1)
    assert str(best) == (
        "3 epochs in 0.75 s: loss 0.5, val_loss 0.7; best epoch 2; stopped by a callback; "
        "the first 1 from a checkpoint"
    )
    assert "loader's own order" in str(History(RECORDS, own_order=True))
    assert str(History(solver={"iterations": 7.0})) == "solved in 7 iterations"
    assert str(History()) == "fitted at once, not by epochs"
    assert repr(best) == "History(n_epochs=3, loss=0.5, val_loss=0.7)"


def test_the_table_counts_epochs_from_one():
    table = History(MEASURED).to_frame()
    assert table.index.tolist() == [1, 2, 3]
    assert table.index.name == "epoch"
    assert table["val_loss"].tolist() == [0.9, 0.7, 0.8]
    assert len(History().to_frame()) == 0


def test_the_json_holds_everything():
    records = [RECORDS[0], RECORDS[1] | {"val_loss": math.nan}]
    found = json.loads(History(records, best_epoch=1, stopped_by="callback").to_json())
    assert found["records"] == [RECORDS[0], RECORDS[1] | {"val_loss": None}]
    assert found["best_epoch"] == 1
    assert found["stopped_by"] == "callback"


def test_a_notebook_sees_the_first_the_best_and_the_last_epoch():
    html = History(RECORDS * 10, best_epoch=12)._repr_html_()
    assert html.count("<tr>") == 4
    assert all(f"<tr><th>{epoch}</th>" in html for epoch in (1, 12, 30))


@pytest.mark.parametrize(("records", "count"), [(RECORDS, 1), (MEASURED, 2)])
def test_metrics_have_a_panel_of_their_own(records, count):
    figure = History(records, best_epoch=2).plot()
    assert len(figure.axes) == count
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    np.testing.assert_array_equal(lines["val_loss"].get_xdata(), [1, 2, 3])
    np.testing.assert_array_equal(lines["val_loss"].get_ydata(), [0.9, 0.7, 0.8])
    np.testing.assert_array_equal(lines["best epoch: 2"].get_xdata(), [2, 2])
    assert "accuracy" not in lines


def test_it_draws_where_it_is_told():
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2)
    assert History(MEASURED).plot(axes) is figure
    assert [len(axis.get_lines()) for axis in axes] == [2, 2]
    _, alone = plt.subplots()
    History(MEASURED).plot(alone)
    assert [line.get_label() for line in alone.get_lines()] == ["loss", "val_loss"]


def test_there_is_nothing_to_draw_of_a_fit_without_epochs():
    with pytest.raises(DataError, match="not trained by epochs"):
        History().plot()
