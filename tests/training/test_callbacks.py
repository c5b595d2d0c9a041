"""Callbacks: the moments, and those that come with unifml."""

from __future__ import annotations

import copy
import csv
import json
import math
import pickle

import numpy as np
import pytest
from sklearn.datasets import make_classification

import unifml
from unifml import Callback, Classifier, Training
from unifml.core.history import History
from unifml.errors import (
    CapabilityError,
    DivergedError,
    FileFormatError,
    ParameterError,
    UnknownNameError,
)
from unifml.models import MLP
from unifml.training import Checkpoint as Keeper
from unifml.training import CSVLog, JSONLog, ProgressBar, Run
from unifml.training.progress import _screen

X, Y = make_classification(120, 6, random_state=0)
BUILT_IN = [
    CSVLog("a.csv"),
    JSONLog("a.jsonl", append=True),
    Keeper("w-{epoch}.npz", monitor="loss"),
    ProgressBar(),
    unifml.training.LearningRateFinder(steps=20),
]


def fitted(backend, *callbacks, epochs=4, **options):
    training = Training(epochs=epochs, batch_size=32, callbacks=callbacks, **options)
    clf = Classifier(MLP(hidden=(4,)), training=training, backend=backend, random_state=0)
    return clf.fit(X, Y)


class Notes(Callback):
    """Writes down what it sees."""

    def __init__(self):
        self.seen = []

    def note(self, moment, run):
        self.seen.append((moment, run.epoch, run.batch))

    def on_fit_begin(self, run):
        self.note("fit begin", run)

    def on_epoch_begin(self, run):
        self.note("epoch begin", run)

    def on_validation_end(self, run):
        self.note("validation end", run)

    def on_epoch_end(self, run):
        self.note("epoch end", run)

    def on_fit_end(self, run):
        self.note("fit end", run)


class Steps(Notes):
    """Sees single steps as well."""

    def on_batch_begin(self, run):
        self.note("batch begin", run)

    def on_batch_end(self, run):
        self.note("batch end", run)


def test_the_moments_come_in_order(backend):
    notes = Notes()
    fitted(backend, notes, epochs=2)
    moments = [(moment, epoch) for moment, epoch, _ in notes.seen]
    inner = ["epoch begin", "validation end", "epoch end"]
    wanted = [(moment, epoch) for epoch in (1, 2) for moment in inner]
    assert moments == [("fit begin", 0), *wanted, ("fit end", 2)]


def test_single_steps_change_nothing_of_the_result(backend):
    steps = Steps()
    whole, by_step = fitted(backend, Notes()), fitted(backend, steps)
    np.testing.assert_array_equal(whole.predict_proba(X), by_step.predict_proba(X))
    np.testing.assert_array_equal(whole.history_["loss"], by_step.history_["loss"])
    batches = [batch for moment, _, batch in steps.seen if moment == "batch end"]
    assert batches == [1, 2, 3, 4] * 4


@pytest.mark.parametrize("moment", ["on_epoch_end", "on_validation_end", "on_epoch_begin"])
def test_a_returned_true_stops(backend, moment):
    def stop(self, run):
        return run.epoch == 2

    stopper = type("Stopper", (Callback,), {moment: stop})
    history = fitted(backend, stopper()).history_
    assert history.n_epochs == 2
    assert history.stopped_by == "callback"


def test_a_step_may_stop_too(backend):
    class Third(Callback):
        def on_batch_end(self, run):
            return run.batch == 3

    history = fitted(backend, Third()).history_
    assert history.n_epochs == 1
    assert history.stopped_by == "callback"


def test_the_rate_that_is_set_is_the_rate_that_is_used(backend):
    class Halve(Callback):
        def on_epoch_begin(self, run):
            run.learning_rate = 0.01 * 0.5 ** (run.epoch - 1)

    rates = fitted(backend, Halve()).history_["learning_rate"]
    np.testing.assert_allclose(rates, [0.01, 0.005, 0.0025, 0.00125], rtol=1e-12)


def test_the_model_is_native_and_as_it_is_at_the_moment(backend):
    class Ask(Callback):
        def on_epoch_end(self, run):
            self.model, self.weights = run.model, run.weights

    ask = Ask()
    clf = fitted(backend, ask)
    state = clf._fitted
    there = state.adapter.get_weights(ask.model, state.plan)
    assert state.weights.keys() == there.keys()
    for name, value in state.weights.items():
        np.testing.assert_array_equal(there[name], value)
    assert ask.weights.keys() <= state.weights.keys()
    np.testing.assert_array_equal(ask.weights["output.kernel"], there["output.kernel"])


def test_an_unknown_name_is_an_error_before_the_first_epoch(backend):
    class Watch(Callback):
        monitor = "val_f1"
        begun = False

        def on_epoch_begin(self, run):
            self.begun = True

    watch = Watch()
    with pytest.raises(UnknownNameError, match=r"val_f1.*known: .*val_loss"):
        fitted(backend, watch, validation=0.2)
    assert not watch.begun


@pytest.mark.parametrize("callback", BUILT_IN, ids=lambda callback: callback.kind)
def test_those_built_in_are_values(callback, tmp_path):
    assert pickle.loads(pickle.dumps(callback)) == callback
    assert copy.deepcopy(callback) == callback
    assert hash(copy.copy(callback)) == hash(callback)
    names = {cls.__name__: cls for cls in map(type, BUILT_IN)}
    assert eval(repr(callback), names) == callback
    clf = Classifier("mlp", backend="sklearn", training=Training(callbacks=(callback,)))
    unifml.save(clf, tmp_path / "a.unifml")
    assert unifml.load(tmp_path / "a.unifml").training.callbacks == (callback,)


# Logs -------------------------------------------------------------------------------------------


def read_csv(path):
    with open(path, newline="") as file:
        return [{k: float(v) for k, v in line.items()} for line in csv.DictReader(file)]


def read_json(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


LOGS = [(CSVLog, read_csv), (JSONLog, read_json)]


@pytest.mark.parametrize(("log", "read"), LOGS)
def test_a_log_holds_the_history_to_the_last_digit(backend, log, read, tmp_path):
    path = tmp_path / "folder" / "log"
    clf = fitted(backend, log(path), validation=0.2, metrics=("accuracy",))
    wanted = [{"epoch": i, **record} for i, record in enumerate(clf.history_.records, 1)]
    assert read(path) == wanted


@pytest.mark.parametrize(("log", "read"), LOGS)
def test_a_log_can_be_read_while_it_is_written(log, read, tmp_path):
    path, found = tmp_path / "log", []

    class Reader(Callback):
        def on_epoch_end(self, run):
            found.append(len(read(path)))

    fitted("sklearn", log(path), Reader())
    assert found == [1, 2, 3, 4]


@pytest.mark.parametrize(("log", "read"), LOGS)
def test_a_log_begins_anew_or_goes_on(log, read, tmp_path):
    path = tmp_path / "log"
    fitted("sklearn", log(path), epochs=3)
    fitted("sklearn", log(path), epochs=2)
    assert [line["epoch"] for line in read(path)] == [1, 2]
    fitted("sklearn", log(path, append=True), epochs=3)
    assert [line["epoch"] for line in read(path)] == [1, 2, 1, 2, 3]


def test_columns_that_come_with_a_later_fit_are_added(tmp_path):
    path = tmp_path / "log.csv"
    fitted("sklearn", CSVLog(path), epochs=1)
    fitted("sklearn", CSVLog(path, append=True), epochs=1, validation=0.2)
    with open(path, newline="") as file:
        first, second = csv.DictReader(file)
    assert first["val_loss"] == ""
    assert float(second["val_loss"]) > 0


def test_what_is_no_number_is_written_so_that_it_can_be_read(tmp_path):
    class Strange(Callback):
        def on_epoch_end(self, run):
            run.logs |= {"nothing": math.nan, "numpy": np.float32(0.1)}

    fitted("sklearn", Strange(), CSVLog(tmp_path / "c"), JSONLog(tmp_path / "j"), epochs=1)
    assert math.isnan(read_csv(tmp_path / "c")[0]["nothing"])
    line = json.loads((tmp_path / "j").read_text(), parse_constant=pytest.fail)
    assert line["nothing"] is None
    assert line["numpy"] == float(np.float32(0.1))


def resumed_run(epochs):
    records = [{"loss": 1.0 / epoch} for epoch in range(1, epochs + 1)]
    return Run(9, history=History(records, resumed_at=epochs))


@pytest.mark.parametrize(("log", "read"), LOGS)
@pytest.mark.parametrize("append", [False, True])
@pytest.mark.parametrize("torn", ["", "\n", "3,0.1", '{"epoch": 3'])
def test_a_log_goes_on_where_the_checkpoint_is(log, read, append, torn, tmp_path):
    path = tmp_path / "log"
    lines = [{"epoch": epoch, "loss": 1.0 / epoch} for epoch in (1, 2, 3)]
    writer = log(path)
    for fit in (lines[:2], lines):  # an earlier fit, then the one that was killed
        writer.append = True
        writer.on_fit_begin(Run(9))
        for line in fit:
            writer.on_epoch_end(Run(9, epoch=line["epoch"], logs={"loss": line["loss"]}))
    if torn.strip():
        path.write_text(path.read_text() + torn)
    # The log is ahead of the checkpoint of epoch 2, or behind that of epoch 4.
    for epochs in (2, 4):
        writer = log(path, append=append)
        writer.on_fit_begin(resumed_run(epochs))
        mine = [{"epoch": epoch, "loss": 1.0 / epoch} for epoch in range(1, epochs + 1)]
        assert read(path) == (lines[:2] if append else []) + mine


@pytest.mark.parametrize("log", [CSVLog, JSONLog])
def test_a_file_of_something_else_is_not_gone_on_with(log, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("dear diary, a, b\nit rained, x, y\n")
    with pytest.raises(FileFormatError, match=r"notes\.txt.*append=False"):
        fitted("sklearn", log(path, append=True))
    assert path.read_text().startswith("dear diary")


# Weights ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_weights_are_written_by_their_names(backend, suffix, tmp_path):
    from safetensors.numpy import load_file

    keeper = Keeper(tmp_path / ("w-{epoch:02d}." + suffix), every=2)
    clf = fitted(backend, keeper)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"w-02.{suffix}", f"w-04.{suffix}"]
    path = tmp_path / f"w-04.{suffix}"
    found = dict(np.load(path)) if suffix == "npz" else load_file(path)
    for name in ("hidden_0.kernel", "hidden_0.bias", "output.kernel", "output.bias"):
        np.testing.assert_array_equal(found[name], clf._fitted.weights[name])


def test_only_the_best_weights_are_kept(tmp_path):
    keeper = Keeper(tmp_path / "{epoch}-{val_loss:.6f}.npz", monitor="val_loss")
    clf = fitted("sklearn", keeper, epochs=30, validation=0.3, learning_rate=0.03)
    losses = clf.history_["val_loss"]
    better = [i for i, loss in enumerate(losses) if loss < min(losses[:i], default=np.inf)]
    assert 1 < len(better) < 30
    wanted = {f"{i + 1}-{losses[i]:.6f}.npz" for i in better}
    assert {path.name for path in tmp_path.iterdir()} == wanted


def test_more_of_a_metric_is_better(tmp_path):
    keeper = Keeper(tmp_path / "{epoch}.npz", monitor="accuracy")
    clf = fitted("sklearn", keeper, epochs=20, metrics=("accuracy",), learning_rate=0.01)
    values = clf.history_["accuracy"]
    better = [i for i, value in enumerate(values) if value > max(values[:i], default=-1)]
    assert {path.name for path in tmp_path.iterdir()} == {f"{i + 1}.npz" for i in better}


def test_a_metric_of_the_users_needs_a_direction(tmp_path):
    def share(y_true, y_pred):
        return float(np.mean(y_true == y_pred))

    path = tmp_path / "{epoch}.npz"
    with pytest.raises(ParameterError, match='mode="max"'):
        fitted("sklearn", Keeper(path, monitor="share"), metrics=(share,))
    fitted("sklearn", Keeper(path, monitor="share", mode="max"), metrics=(share,))
    assert (tmp_path / "1.npz").exists()


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"path": "w.pickle"}, ParameterError, r"ends in \.npz or \.safetensors"),
        ({"path": "w-{val_los}.npz"}, UnknownNameError, "did you mean 'val_loss'"),
        ({"path": "w.npz", "every": 0}, ParameterError, "every >= 1"),
        ({"path": "w.npz", "mode": "least"}, ParameterError, "mode in"),
        ({"path": "w.npz", "monitor": "f1"}, UnknownNameError, "f1"),
    ],
)
def test_what_cannot_be_kept_is_said_before_the_first_epoch(options, error, words):
    notes = Notes()
    with pytest.raises(error, match=words):
        fitted("sklearn", Keeper(**options), notes, validation=0.2)
    assert ("epoch begin", 1, 0) not in notes.seen


def test_weights_of_a_native_model_have_no_canonical_names(tmp_path):
    from sklearn.linear_model import SGDClassifier

    training = Training(epochs=2, callbacks=(Keeper(tmp_path / "w.npz"),))
    with pytest.raises(CapabilityError, match="native"):
        Classifier(SGDClassifier(), training=training).fit(X, Y)


# The bar ----------------------------------------------------------------------------------------


def test_the_bar_is_shown_whatever_verbose_says(capsys, monkeypatch):
    monkeypatch.setattr("unifml.training.progress.find_spec", lambda name: None)
    fitted("sklearn", ProgressBar("learning"))
    shown = capsys.readouterr().err
    assert "learning [" in shown
    assert "4/4 loss=" in shown


def test_two_bars_do_not_fight_for_the_screen(capsys, monkeypatch):
    monkeypatch.setattr("unifml.training.progress.find_spec", lambda name: None)
    training = Training(epochs=3, callbacks=(ProgressBar("mine"),))
    Classifier("mlp", backend="sklearn", training=training, verbose=1).fit(X, Y)
    shown = capsys.readouterr().err
    assert "mine [" in shown
    assert "training [" not in shown


@pytest.mark.parametrize("rich", [True, False])
def test_the_bar_leaves_the_screen_when_a_fit_fails(rich, monkeypatch, capsys):
    if not rich:
        monkeypatch.setattr("unifml.training.progress.find_spec", lambda name: None)

    class Fail(Callback):
        def on_epoch_end(self, run):
            assert _screen.locked()
            raise RuntimeError("no more")

    bar = ProgressBar()
    with pytest.raises(RuntimeError, match="no more"):
        fitted("sklearn", bar, Fail())
    assert not _screen.locked()
    assert pickle.loads(pickle.dumps(bar)) == bar


# The finder -------------------------------------------------------------------------------------


def test_the_finder_raises_the_rate_by_one_factor(backend):
    finder = unifml.training.LearningRateFinder(low=1e-5, high=1e-2, steps=31)
    fitted(backend, finder, epochs=31)
    np.testing.assert_allclose(finder.rates_, np.geomspace(1e-5, 1e-2, 31), rtol=1e-9)
    assert len(finder.losses_) == len(finder.raw_losses_) == 31


def test_the_finder_ends_the_fit_when_the_loss_explodes(backend):
    finder = unifml.training.LearningRateFinder(low=1e-3, high=1e6, steps=60)
    history = fitted(backend, finder, epochs=60, optimizer="sgd").history_
    assert len(finder.rates_) < 60
    assert history.stopped_by == "callback"
    last = finder.raw_losses_[-1]
    assert last > 4 * finder.losses_.min()


def test_the_suggestion_is_where_the_loss_falls_most_steeply():
    from unifml.training.finder import suggested

    rates = np.geomspace(1e-6, 1, 400)
    place = np.log10(rates)
    losses = 1.0 - 0.8 / (1.0 + np.exp(-8 * (place + 3))) + 50 * (place > -1.5)
    assert abs(np.log10(suggested(rates, losses, 0.2)) + 3) < 0.1
    noise = np.random.default_rng(0).normal(0, 0.03, 400)
    assert abs(np.log10(suggested(rates, losses + noise, 0.05)) + 3) < 0.4
    assert suggested(rates, 1.0 + np.arange(400.0), 0.05) is None
    assert suggested(rates[:3], losses[:3], 0.05) is None


def test_a_found_rate_learns_better_than_far_smaller_and_far_greater_ones(backend):
    from unifml.tasks.find_rate import find_learning_rate

    model = Classifier(MLP(hidden=(16,)), backend=backend, random_state=0)
    found = find_learning_rate(model, X, Y)
    assert not hasattr(model, "history_")

    def loss(rate):
        training = Training(epochs=15, batch_size=32, learning_rate=rate)
        clf = Classifier(MLP(hidden=(16,)), training=training, backend=backend, random_state=0)
        return clf.fit(X, Y).history_["loss"].min()

    best = loss(found.suggestion_)
    assert best < loss(found.suggestion_ / 100)
    assert best < loss(found.suggestion_ * 1000)


def test_the_settings_of_the_estimator_do_not_bend_the_probe(tmp_path):
    from unifml.tasks.find_rate import find_learning_rate

    notes = Notes()
    training = Training(
        epochs=1,
        schedule="one_cycle",
        warmup=0.5,
        early_stopping=True,
        refit=True,
        metrics=("accuracy",),
        callbacks=(notes,),
        checkpoint=str(tmp_path / "c"),
    )
    clf = Classifier("mlp", training=training, backend="sklearn", random_state=0)
    found = find_learning_rate(clf, X, Y, low=1e-4, high=1e-1, steps=20)
    np.testing.assert_allclose(found.rates_, np.geomspace(1e-4, 1e-1, 20), rtol=1e-9)
    assert not notes.seen
    assert not list(tmp_path.iterdir())


def test_the_finder_looks_into_a_pipeline_and_at_a_name():
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from unifml.tasks.find_rate import find_learning_rate

    inner = Classifier("mlp", backend="sklearn", random_state=0)
    found = find_learning_rate(make_pipeline(StandardScaler(), inner), X, Y, steps=20)
    assert len(found.rates_) == 20
    assert len(find_learning_rate("mlp", X, Y, backend="sklearn", steps=10).rates_) == 10


def test_models_without_a_rate_are_refused():
    from sklearn.linear_model import LogisticRegression, SGDClassifier

    from unifml.tasks.find_rate import find_learning_rate

    for model in ("linear", Classifier(SGDClassifier()), LogisticRegression()):
        with pytest.raises(CapabilityError):
            find_learning_rate(model, X, Y, task="classification")


def test_the_end_of_the_range_is_no_failure_but_its_beginning_is(monkeypatch):
    from unifml.tasks.find_rate import find_learning_rate

    model = Classifier("mlp", backend="sklearn", training=Training(optimizer="sgd"), random_state=0)
    with np.errstate(all="ignore"):
        found = find_learning_rate(model, X, Y, low=1e-3, high=1e300, steps=6)
    assert 1 <= len(found.rates_) < 6
    assert np.isfinite(found.raw_losses_).all()

    def fail(self, X, y):
        raise DivergedError("training diverged")

    monkeypatch.setattr(Classifier, "fit", fail)
    with pytest.raises(DivergedError):
        find_learning_rate(model, X, Y)


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"low": 0.0}, "0 < low < high < inf"),
        ({"low": 1.0, "high": 0.1}, "0 < low < high < inf"),
        ({"steps": 2}, "steps >= 5"),
        ({"smoothing": 0.0}, "0 < smoothing <= 1"),
    ],
)
def test_parameters_of_the_finder_have_rules(options, rule):
    with pytest.raises(ParameterError, match=rule):
        fitted("sklearn", unifml.training.LearningRateFinder(**options))


def test_the_finder_draws_and_tabulates():
    finder = unifml.training.LearningRateFinder(steps=20)
    fitted("sklearn", finder, epochs=20)
    table = finder.to_frame()
    assert table.columns.tolist() == ["learning_rate", "loss", "smoothed"]
    assert table.index.tolist() == list(range(1, 21))
    (axis,) = finder.plot().axes
    assert axis.get_xscale() == "log"
    np.testing.assert_array_equal(axis.get_lines()[0].get_ydata(), finder.losses_)
