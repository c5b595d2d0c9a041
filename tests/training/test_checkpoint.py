"""Checkpoints: the file, what it is of, and a fit that goes on as if it had never stopped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from training.killed import X, Y, estimator

from unifml import Callback, Classifier, EarlyStopping
from unifml.core.plan import Plan
from unifml.core.seeds import Seeds
from unifml.core.signature import Signature
from unifml.core.table import Table
from unifml.core.task import Task
from unifml.errors import CapabilityError, FileFormatError, ParameterError
from unifml.models import MLP, Native
from unifml.training import CSVLog, Training
from unifml.training import checkpoint as files
from unifml.training.checkpoint import Resume, require_like, seed_of
from unifml.training.fingerprint import PARTS, digest, fingerprint

ARRAYS = {
    "program/weights/output.kernel": np.arange(6.0).reshape(2, 3),
    "program/step": np.array(7),
    "program/mask": np.array([True, False]),
    "keeper/best/output.kernel": np.asfortranarray(np.ones((2, 3), np.float32)),
    "empty": np.zeros((0, 4)),
}
FACTS = {
    "epoch": 3,
    "records": [{"loss": 0.1 + 0.2, "val_loss": float("inf")}],
    "stopped_by": "",
    "rate": np.float64(1 / 3),
    "count": np.int64(5),
}
PRINT = dict.fromkeys(PARTS, "x") | {"seed": "42"}

# The file ---------------------------------------------------------------------------------------


def test_what_is_saved_comes_back(tmp_path):
    resume = Resume(tmp_path / "a.ckpt", PRINT)
    assert resume.load() is None
    resume.save(ARRAYS, FACTS)
    arrays, facts = Resume(str(tmp_path / "a.ckpt"), PRINT).load()
    assert facts == FACTS
    assert arrays.keys() == ARRAYS.keys()
    for name, value in ARRAYS.items():
        assert arrays[name].dtype == value.dtype
        np.testing.assert_array_equal(arrays[name], value)
    resume.remove()
    resume.remove()  # nothing is left to remove
    assert list(tmp_path.iterdir()) == []


def test_numpy_reads_the_file_without_pickle(tmp_path):
    Resume(tmp_path / "a.ckpt", PRINT).save(ARRAYS, FACTS)
    with zipfile.ZipFile(tmp_path / "a.ckpt") as archive:
        archive.extract("program/step.npy", tmp_path)
        assert json.loads(archive.read("meta.json"))["facts"]["epoch"] == 3
    assert np.load(tmp_path / "program" / "step.npy", allow_pickle=False) == 7
    with np.load(tmp_path / "a.ckpt", allow_pickle=False) as found:
        np.testing.assert_array_equal(found["program/mask"], ARRAYS["program/mask"])


def test_estimators_of_scikit_learn_have_no_state_to_go_on_from(tmp_path):
    from sklearn.linear_model import SGDClassifier

    training = Training(epochs=2, checkpoint=str(tmp_path / "a.ckpt"))
    with pytest.raises(CapabilityError, match="checkpoint"):
        Classifier(SGDClassifier(), training=training).fit(X, Y)


def test_objects_are_not_pickled(tmp_path):
    resume = Resume(tmp_path / "a.ckpt", PRINT)
    with pytest.raises(ValueError, match="allow_pickle"):
        resume.save({"a": np.array([object()])}, FACTS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fails", ["write_array", "fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file(fails, tmp_path, monkeypatch):
    resume = Resume(tmp_path / "a.ckpt", PRINT)
    resume.save(ARRAYS, FACTS)

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    owner = np.lib.format if fails == "write_array" else os
    monkeypatch.setattr(owner, fails, full)
    with pytest.raises(OSError, match="No space"):
        resume.save({"other": np.ones(3)}, FACTS | {"epoch": 4})
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["a.ckpt"]
    assert resume.load()[1]["epoch"] == 3


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_file_that_was_cut_is_told_from_a_whole_one(share, tmp_path):
    path = tmp_path / "a.ckpt"
    Resume(path, PRINT).save(ARRAYS, FACTS)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    for read in (Resume(path, PRINT).load, partial(seed_of, path)):
        with pytest.raises(FileFormatError, match=r"a\.ckpt.*delete the file"):
            read()


def test_a_flipped_bit_is_found(tmp_path):
    path = tmp_path / "a.ckpt"
    Resume(path, PRINT).save(ARRAYS, FACTS)
    content = bytearray(path.read_bytes())
    at = content.index(np.arange(6.0).tobytes()) + 9
    content[at] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(FileFormatError, match="damaged"):
        Resume(path, PRINT).load()


@pytest.mark.parametrize(
    "meta", ["[]", "{}", "no json", '{"format": 99, "fingerprint": {}, "facts": {}}']
)
def test_files_of_others_are_refused(meta, tmp_path):
    path = tmp_path / "a.ckpt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("meta.json", meta)
    with pytest.raises(FileFormatError, match=r"format 99|damaged, or not"):
        Resume(path, PRINT).load()


@pytest.mark.parametrize("part", PARTS)
def test_another_fit_is_refused_and_what_differs_is_named(part, tmp_path):
    path = tmp_path / "a.ckpt"
    Resume(path, PRINT).save(ARRAYS, FACTS)
    with pytest.raises(ParameterError, match=rf"other {part}.*delete the file.*a folder") as found:
        Resume(path, PRINT | {part: "y"}).load()
    assert all(f"other {name}" not in str(found.value) for name in PARTS if name != part)


def test_several_differences_are_all_named(tmp_path):
    path = tmp_path / "a.ckpt"
    Resume(path, PRINT).save(ARRAYS, FACTS)
    words = r"other data and seed; seed '42' in the file, '7' now"
    with pytest.raises(ParameterError, match=words):
        Resume(path, PRINT | {"data": "y", "seed": "7"}).load()


@pytest.mark.parametrize("made", [True, False])
def test_a_folder_holds_a_file_for_each_fit(made, tmp_path):
    folder = f"{tmp_path / 'runs'}{os.sep}"
    if made:
        os.mkdir(folder)
        folder = folder.rstrip(os.sep)
    first, second = Resume(folder, PRINT), Resume(folder, PRINT | {"seed": "7"})
    assert first.load() is None
    first.save(ARRAYS, FACTS)
    assert second.load() is None
    second.save(ARRAYS, FACTS | {"epoch": 9})
    assert first.load()[1]["epoch"] == 3
    assert Resume(folder, PRINT | {"seed": "7"}).load()[1]["epoch"] == 9
    assert len(list(Path(folder).glob("*.ckpt"))) == 2
    assert seed_of(folder) is None


def test_stages_of_a_fit_lie_side_by_side(tmp_path):
    whole, again = Resume(tmp_path / "a", PRINT), Resume(tmp_path / "a", PRINT, stage="refit")
    whole.save(ARRAYS, FACTS)
    assert again.load() is None
    again.save(ARRAYS, FACTS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "a.refit"]
    assert again.of("member0").path.name == "a.refit.member0"
    assert whole.of("member0").path.name == "a.member0"


def test_the_seed_can_be_read(tmp_path):
    assert seed_of(tmp_path / "a.ckpt") is None
    Resume(tmp_path / "a.ckpt", PRINT).save(ARRAYS, FACTS)
    assert seed_of(tmp_path / "a.ckpt") == 42


def test_a_state_of_other_weights_is_refused():
    state = {"weights/a": np.zeros((2, 3)), "slots/a": np.zeros(9)}
    require_like(state | {"slots/a": np.zeros(1)}, state)
    with pytest.raises(ParameterError, match="weights/a"):
        require_like({"weights/a": np.zeros((2, 4))}, state)
    with pytest.raises(ParameterError, match="average/a"):
        require_like(state | {"average/a": np.zeros(3)}, state)


# What it is of ----------------------------------------------------------------------------------


def plan(model=None, seed=1, dtype="float64", **settings):
    resolved = Training(**settings).resolve({}, Task("classification", 2), 40)
    task, signature = Task("classification", 2), Signature((3,), 2, 2, dtype=dtype)
    return Plan(model or MLP(), task, signature, resolved, Seeds(seed), classes=np.array([0, 1]))


def table(X=None, y=None, weight=None):
    return Table(np.ones((4, 3)) if X is None else X, np.arange(4) if y is None else y, weight)


def differ(left, right):
    return [part for part in PARTS if left[part] != right[part]]


BASE = (plan(), "torch", [table()])


def test_equal_fits_have_equal_fingerprints():
    assert fingerprint(*BASE) == fingerprint(plan(), "torch", [table()])
    watched = plan(callbacks=(CSVLog("a"),), checkpoint="here")
    assert fingerprint(watched, "torch", [table()]) == fingerprint(*BASE)
    explicit = plan(optimizer="adam", epochs=100, l2=0.0)
    assert fingerprint(explicit, "torch", [table()]) == fingerprint(*BASE)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"X": np.ones((4, 3)) + 1e-12}, "data"),
        ({"X": np.ones((4, 3), np.float32)}, "data"),
        ({"X": np.ones((3, 4))}, "data"),
        ({"X": {"a": np.ones((4, 3)), "b": np.ones(4)}}, "data"),
        ({"X": {"b": np.ones((4, 3))}}, "data"),
        ({"X": sparse.csr_matrix(np.eye(4, 3))}, "data"),
        ({"y": np.array([0, 1, 2, 4])}, "data"),
        ({"y": np.array(["a", "b", "c", "d"], object)}, "data"),
        ({"weight": np.ones(4)}, "data"),
    ],
)
def test_other_rows_are_other_data(change, part):
    here = fingerprint(plan(), "torch", [table(**change)])
    assert differ(here, fingerprint(*BASE)) == [part]
    assert here == fingerprint(plan(), "torch", [table(**change)])


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        (plan(seed=2), "seed"),
        (plan(dtype="float32"), "dtype"),
        (plan(MLP(dropout=0.1)), "model"),
        (plan(epochs=50), "settings"),
        (plan(learning_rate=0.002), "settings"),
        (plan(early_stopping=True), "settings"),
        (plan(metrics=("accuracy",)), "settings"),
        (replace(plan(), classes=np.array(["a", "b"])), "data"),
    ],
)
def test_each_part_tells_of_its_own_change(changed, part):
    assert differ(fingerprint(changed, "torch", [table()]), fingerprint(*BASE)) == [part]


def test_another_backend_and_other_rows_held_out_are_told():
    assert differ(fingerprint(plan(), "keras", [table()]), fingerprint(*BASE)) == ["backend"]
    both = fingerprint(plan(), "torch", [table(), table()])
    assert differ(both, fingerprint(*BASE)) == ["data"]


def test_rows_far_inside_a_large_array_count(monkeypatch):
    monkeypatch.setattr("unifml.training.fingerprint._WHOLE", 2**16)
    monkeypatch.setattr("unifml.training.fingerprint._BLOCKS", 8)
    rows = np.zeros((40_000, 4))
    before = digest(rows)
    for place in (0, 20_000, 39_999):
        changed = rows.copy()
        changed[place : place + 3_000] = 1
        assert digest(changed) != before
    assert digest(rows.copy()) == before


class Plain:
    """An object without a repr of its own."""

    def __init__(self, inside):
        self.inside, self.own = inside, self  # it holds itself


def doubled(values):
    return 2 * values


def test_nothing_depends_on_an_address():
    for make in (
        lambda: Plain([1, {"a": Plain(2)}]),
        lambda: partial(doubled, values=3),
        lambda: [lambda values: values + 1][0],
        lambda: Native(Plain, hidden=8),
        lambda: np.random.RandomState(0),
        lambda: {"a": {1, 2}, "b": frozenset("xy")},
    ):
        assert digest(make()) == digest(make())


def test_other_objects_have_other_digests():
    several = [
        *(Plain(1), Plain(2), doubled, Plain, partial(doubled, 1), partial(doubled, 2)),
        *(lambda values: values + 1, lambda values: values - 1, lambda values: values + 2),
        *(1, 1.0, True, "1", b"1", None, (1, 2), [2, 1], {"a": 1}, {"a": 2}),
        *(Native(Plain, hidden=8), Native(Plain, hidden=9), np.ones(2), np.ones((2, 1))),
    ]
    assert len({digest(value) for value in several}) == len(several)


def test_a_fingerprint_is_the_same_in_another_process():
    code = (
        "import numpy as np; from unifml.models import MLP; from training.killed import Die;"
        "from unifml.training.fingerprint import digest;"
        "print(digest([MLP(), {'a', 'b', 'c'}, np.arange(3), Die, len]))"
    )
    tests = str(Path(__file__).parents[1])
    found = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": tests},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert found[0] == found[1]


# A fit that goes on -----------------------------------------------------------------------------


def kill(backend, path, epoch):
    """Run a fit in a process that dies after an epoch."""
    tests = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("killed.py")), backend, path, str(epoch)],
        env={**os.environ, "PYTHONPATH": str(tests)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 9, done.stderr


class Stop(Callback):
    """Ends a fit by an error, as Ctrl-C would."""

    def __init__(self, epoch, batch=0):
        self.at = epoch, batch

    def on_epoch_end(self, run):
        if (run.epoch, 0) == self.at:
            raise KeyboardInterrupt


class StopInside(Stop):
    """Ends it in the middle of an epoch."""

    def on_batch_end(self, run):
        if (run.epoch, run.batch) == self.at:
            raise KeyboardInterrupt


def same(left, right):
    """Assert that two fits ended bitwise equal."""
    assert left._fitted.weights.keys() == right._fitted.weights.keys()
    for name, value in left._fitted.weights.items():
        np.testing.assert_array_equal(value, right._fitted.weights[name], err_msg=name)
    np.testing.assert_array_equal(left.predict_proba(X), right.predict_proba(X))
    assert left.history_.best_epoch == right.history_.best_epoch
    assert left.history_.stopped_by == right.history_.stopped_by
    assert left.history_.initial_loss == right.history_.initial_loss
    for name in set(left.history_) - {"seconds"}:
        np.testing.assert_array_equal(left.history_[name], right.history_[name], err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("epoch", [1, 6])
def test_a_killed_fit_goes_on_and_ends_as_if_nothing_had_been(backend, epoch, tmp_path):
    path = str(tmp_path / "fit.ckpt")
    kill(backend, path, epoch)
    assert Path(path).exists() or epoch == 1
    resumed = estimator(backend, path).fit(X, Y)
    assert epoch - 1 <= resumed.history_.resumed_at <= epoch
    same(resumed, estimator(backend).fit(X, Y))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "stop", [Stop(4), StopInside(5, 2), StopInside(1, 1)], ids=["between", "inside", "at once"]
)
def test_an_interrupted_fit_goes_on(backend, stop, tmp_path):
    path = str(tmp_path / "fit.ckpt")
    with pytest.raises(KeyboardInterrupt):
        estimator(backend, path, stop).fit(X, Y)
    resumed = estimator(backend, path).fit(X, Y)
    assert resumed.history_.resumed_at in (stop.at[0] - 1, stop.at[0])
    same(resumed, estimator(backend).fit(X, Y))


def test_it_may_be_interrupted_again_and_again(backend, tmp_path):
    path = str(tmp_path / "fit.ckpt")
    for epoch in (2, 3, 5):
        with pytest.raises(KeyboardInterrupt):
            estimator(backend, path, Stop(epoch)).fit(X, Y)
    same(estimator(backend, path).fit(X, Y), estimator(backend).fit(X, Y))


def test_a_rate_that_a_callback_set_is_not_forgotten(backend, tmp_path):
    class Slower(Callback):
        def on_epoch_end(self, run):
            run.learning_rate *= 0.7

    path = str(tmp_path / "fit.ckpt")
    with pytest.raises(KeyboardInterrupt):
        estimator(backend, path, Slower(), Stop(4)).fit(X, Y)
    resumed = estimator(backend, path, Slower()).fit(X, Y)
    assert resumed.history_.resumed_at >= 3
    same(resumed, estimator(backend, None, Slower()).fit(X, Y))


@pytest.mark.parametrize("schedule", ["plateau", "one_cycle", "step"])
def test_schedules_go_on(backend, schedule, tmp_path):
    path, options = str(tmp_path / "fit.ckpt"), {"schedule": schedule, "warmup": 0}
    if schedule == "plateau":
        from unifml.training import ReduceOnPlateau

        options["schedule"] = ReduceOnPlateau(patience=1)
    with pytest.raises(KeyboardInterrupt):
        estimator(backend, path, Stop(6), **options).fit(X, Y)
    same(estimator(backend, path, **options).fit(X, Y), estimator(backend, **options).fit(X, Y))


def test_a_log_of_a_resumed_fit_has_every_epoch_once(backend, tmp_path):
    path, log = str(tmp_path / "fit.ckpt"), tmp_path / "log.csv"
    with pytest.raises(KeyboardInterrupt):
        estimator(backend, path, CSVLog(log), Stop(4)).fit(X, Y)
    resumed = estimator(backend, path, CSVLog(log)).fit(X, Y)
    lines = log.read_text().splitlines()[1:]
    assert [int(line.split(",")[0]) for line in lines] == list(
        range(1, resumed.history_.n_epochs + 1)
    )
    losses = [float(line.split(",")[1]) for line in lines]
    np.testing.assert_array_equal(losses, resumed.history_["loss"])


def test_without_a_seed_the_one_of_the_file_is_taken(tmp_path):
    path = str(tmp_path / "fit.ckpt")
    with pytest.raises(KeyboardInterrupt):
        estimator("sklearn", path, Stop(4), random_state=None).fit(X, Y)
    resumed = estimator("sklearn", path, random_state=None).fit(X, Y)
    assert resumed.history_.resumed_at >= 3
    same(resumed, estimator("sklearn", random_state=resumed.seed_).fit(X, Y))


def test_a_fit_that_found_its_end_leaves_no_file(tmp_path):
    estimator("sklearn", str(tmp_path / "fit.ckpt")).fit(X, Y)
    estimator("sklearn", f"{tmp_path}{os.sep}").fit(X, Y)
    assert not list(tmp_path.iterdir())


def test_a_fit_in_a_folder_finds_its_own_file(tmp_path):
    folder = f"{tmp_path}{os.sep}"
    for seed in (0, 1):
        with pytest.raises(KeyboardInterrupt):
            estimator("sklearn", folder, Stop(4), random_state=seed).fit(X, Y)
    for seed in (0, 1):
        resumed = estimator("sklearn", folder, random_state=seed).fit(X, Y)
        assert resumed.history_.resumed_at >= 3
        same(resumed, estimator("sklearn", random_state=seed).fit(X, Y))


def test_a_changed_fit_does_not_go_on(tmp_path):
    path = str(tmp_path / "fit.ckpt")
    with pytest.raises(KeyboardInterrupt):
        estimator("sklearn", path, Stop(4)).fit(X, Y)
    before = Path(path).read_bytes()
    with pytest.raises(ParameterError, match="other settings"):
        estimator("sklearn", path, learning_rate=0.5).fit(X, Y)
    with pytest.raises(ParameterError, match="other data"):
        estimator("sklearn", path).fit(X[::-1], Y[::-1])
    with pytest.raises(ParameterError, match="seed '3' in the file, '4' now"):
        estimator("sklearn", path, random_state=4).fit(X, Y)
    assert Path(path).read_bytes() == before


def test_the_disk_may_be_full_without_loss(tmp_path, monkeypatch):
    path, saved = str(tmp_path / "fit.ckpt"), []
    write = files.write_whole

    def full(*args):
        saved.append(1)
        if len(saved) > 3:
            raise OSError(28, "No space left on device")
        write(*args)

    monkeypatch.setattr(files, "write_whole", full)
    with pytest.raises(OSError, match="No space"):
        estimator("sklearn", path).fit(X, Y)
    monkeypatch.undo()
    resumed = estimator("sklearn", path).fit(X, Y)
    assert resumed.history_.resumed_at == 3
    same(resumed, estimator("sklearn").fit(X, Y))


@pytest.mark.parametrize("epoch", [3, 2])
def test_training_again_on_all_rows_goes_on_too(epoch, tmp_path):
    """The second fit of ``refit=True`` is the one that is interrupted."""

    class StopSecond(Callback):
        fits = 0

        def on_fit_begin(self, run):
            self.fits += 1

        def on_epoch_end(self, run):
            if self.fits == 2 and run.epoch == epoch:
                raise KeyboardInterrupt

    path = str(tmp_path / "fit.ckpt")
    with pytest.raises(KeyboardInterrupt):
        estimator("sklearn", path, StopSecond(), refit=True).fit(X, Y)
    resumed = estimator("sklearn", path, refit=True).fit(X, Y)
    whole = estimator("sklearn", refit=True).fit(X, Y)
    for name, value in whole._fitted.weights.items():
        np.testing.assert_array_equal(value, resumed._fitted.weights[name])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "options",
    [
        {"mixup": 0.4},
        {"sampling": "balanced"},
        {"accumulate": 2, "clip_norm": 0.5},
        {"l1": 1e-3, "label_smoothing": 0.1, "optimizer": "sgd"},
    ],
    ids=lambda options: "-".join(options),
)
def test_every_technique_goes_on(backend, options, tmp_path):
    path = str(tmp_path / "fit.ckpt")
    with pytest.raises(KeyboardInterrupt):
        estimator(backend, path, Stop(4), **options).fit(X, Y)
    same(estimator(backend, path, **options).fit(X, Y), estimator(backend, **options).fit(X, Y))


def goes_on(make):
    """Assert that a native model, interrupted, ends as one that was left alone."""
    with pytest.raises(KeyboardInterrupt):
        make(True, Stop(4)).fit(X, Y)
    resumed, alone = make(True).fit(X, Y), make(False).fit(X, Y)
    assert resumed.history_.resumed_at == 3
    np.testing.assert_array_equal(resumed.predict_proba(X), alone.predict_proba(X))
    np.testing.assert_array_equal(resumed.history_["loss"], alone.history_["loss"])


def native_maker(model, folder):
    def make(checkpoint, *callbacks):
        path = str(folder / "fit.ckpt") if checkpoint else None
        training = Training(epochs=8, batch_size=32, checkpoint=path, callbacks=callbacks)
        return Classifier(model, training=training, random_state=0)

    return make


@pytest.mark.torch
@pytest.mark.parametrize("built", [True, False], ids=["instance", "factory"])
def test_a_torch_module_goes_on(built, tmp_path):
    from torch import nn

    def net(n_features, n_outputs):
        first = nn.Linear(n_features, 16)
        return nn.Sequential(first, nn.BatchNorm1d(16), nn.Dropout(0.3), nn.Linear(16, n_outputs))

    goes_on(native_maker(net(6, 2) if built else net, tmp_path))


@pytest.mark.keras
def test_a_keras_model_goes_on(tmp_path):
    def net(n_features, n_outputs):
        import keras

        layers = [
            keras.Input((n_features,)),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(n_outputs),
        ]
        return keras.Sequential(layers)

    goes_on(native_maker(net, tmp_path))


@pytest.mark.torch
@pytest.mark.parametrize("stopped", [{}, {"early_stopping": None}], ids=["refit", "plain"])
def test_members_go_on_each_by_itself(stopped, tmp_path):
    from unifml.models import Tabular

    class StopThird(Callback):
        fits = 0

        def on_fit_begin(self, run):
            self.fits += 1

        def on_epoch_end(self, run):
            if self.fits == 3 and run.epoch == 2:
                raise KeyboardInterrupt

    def make(path, *callbacks):
        stopping = EarlyStopping(patience=4, validation=0.25)
        settings = {"early_stopping": stopping, "refit": True} if not stopped else {}
        training = Training(
            epochs=6, batch_size=32, checkpoint=path, callbacks=callbacks, **settings
        )
        model = Tabular(members=2)
        return Classifier(model, training=training, backend="torch", random_state=0)

    path = str(tmp_path / "fit.ckpt")
    stop = StopThird()
    stop.fits = 0 if not stopped else 1  # in the fit on all rows; in the second member
    with pytest.raises(KeyboardInterrupt):
        make(path, stop).fit(X, Y)
    # With a checkpoint members are trained in turn, without one at once: equal to rounding.
    resumed, alone = make(path).fit(X, Y), make(str(tmp_path / "other.ckpt")).fit(X, Y)
    for name, value in alone._fitted.weights.items():
        np.testing.assert_array_equal(value, resumed._fitted.weights[name], err_msg=name)
    assert not list(tmp_path.iterdir())
