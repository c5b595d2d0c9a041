"""Fits on rows that are not in memory: files, datasets, loaders, functions."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score

from unifml import Classifier, Regressor, Training
from unifml.data.streams import memory, open_stream
from unifml.errors import CapabilityError, DataError

RNG = np.random.default_rng(0)
N = 1200
X = RNG.standard_normal((N, 6)).astype(np.float32)
LABELS = np.array(["ape", "bee", "cat"])[(X @ RNG.standard_normal((6, 3))).argmax(1)]
VALUES = X @ np.arange(6.0)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Limits so low that twelve hundred rows are many."""
    for name, value in {"LARGE": 1000, "CHUNK": 8000, "PIECE": 900, "SPAN": 4096}.items():
        monkeypatch.setattr(memory, name, value)


@pytest.fixture
def on_disk(tmp_path):
    np.save(tmp_path / "X.npy", X)
    return np.load(tmp_path / "X.npy", mmap_mode="r")


OWN = {"batch_size": None, "epochs": 6}  # a stream has batches of its own


def classifier(backend: str, **training) -> Classifier:
    asked = Training(**{"epochs": 3, "batch_size": 32, "precision": "float32", **training})
    return Classifier("mlp", backend=backend, training=asked, random_state=0)


def regressor(backend: str, **training) -> Regressor:
    asked = Training(**{"epochs": 3, "batch_size": 32, "precision": "float32", **training})
    return Regressor("mlp", backend=backend, training=asked, random_state=0)


def batches(y=LABELS, size: int = 100):
    return ((X[at : at + size], y[at : at + size]) for at in range(0, N, size))


def assert_same_weights(found, wanted):
    weights = wanted.get_weights()
    assert weights.keys() == found.get_weights().keys()
    for name, values in found.get_weights().items():
        assert np.array_equal(values, weights[name]), name


@pytest.mark.parametrize("training", [{}, {"validation": 0.2}], ids=["all", "held out"])
def test_a_file_gives_the_weights_that_memory_gives(backend, on_disk, training):
    found = classifier(backend, **training).fit(on_disk, LABELS)
    wanted = classifier(backend, **training).fit(X, LABELS)
    assert_same_weights(found, wanted)
    for name in ("loss", *(["val_loss"] if training else [])):
        np.testing.assert_allclose(found.history_[name], wanted.history_[name], rtol=1e-6)
    assert not found.history_.own_order
    assert np.array_equal(found.predict(on_disk), wanted.predict(X))
    assert found.score(on_disk, LABELS) == wanted.score(X, LABELS)


def test_numbers_and_weights_are_learned_from_a_file_as_from_memory(backend, on_disk):
    weight = RNG.random(N) * (RNG.random(N) > 0.1)
    found = regressor(backend).fit(on_disk, VALUES, weight)
    assert_same_weights(found, regressor(backend).fit(X, VALUES, weight))


@pytest.mark.torch
def test_a_dataset_is_cross_validated_as_arrays_are():
    from torch.utils.data import Dataset

    class Items(Dataset):
        def __len__(self):
            return N

        def __getitem__(self, i):
            return X[i], LABELS[i]

    opened = open_stream(Items())
    found = classifier("torch").fit(Items())
    assert_same_weights(found, classifier("torch").fit(X, LABELS))
    assert found.score(Items()) == found.score(X, LABELS)
    assert np.array_equal(found.predict(Items()), found.predict(X))
    scores = cross_val_score(classifier("torch"), opened.X, opened.y, cv=3)
    assert np.array_equal(scores, cross_val_score(classifier("torch"), X, LABELS, cv=3))


def test_a_function_of_batches_learns_in_its_own_order(backend):
    clf = classifier(backend, **OWN).fit(batches)
    assert clf.history_.own_order
    assert list(clf.classes_) == ["ape", "bee", "cat"]
    assert clf.score(X, LABELS) > 0.5
    assert clf.score(batches) == clf.score(X, LABELS)
    assert np.array_equal(clf.predict(batches), clf.predict(X))
    np.testing.assert_array_equal(clf.predict_proba(batches), clf.predict_proba(X))


def test_numbers_come_in_batches_too(backend):
    reg = regressor(backend, **OWN).fit(lambda: batches(VALUES))
    scaling, wanted = reg.target_scaling_, regressor(backend).fit(X, VALUES).target_scaling_
    np.testing.assert_allclose(scaling.mean, wanted.mean)
    np.testing.assert_allclose(scaling.scale, wanted.scale)
    assert reg.score(lambda: batches(VALUES)) == pytest.approx(reg.score(X, VALUES))


@pytest.mark.torch
def test_a_loader_trains_and_validates_and_leaves_the_global_seed(monkeypatch):
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    monkeypatch.setattr(memory, "LARGE", 10**6)
    codes = np.unique(LABELS, return_inverse=True)[1]
    rows = TensorDataset(torch.from_numpy(X), torch.from_numpy(codes))
    loader = DataLoader(rows, batch_size=64, shuffle=True)
    before = torch.random.get_rng_state()
    first, second = (
        classifier("torch", **OWN).fit(loader, X_val=loader, classes=[0, 1, 2]) for _ in range(2)
    )
    assert torch.equal(torch.random.get_rng_state(), before)
    assert_same_weights(first, second)
    assert len(first.history_["val_loss"]) == 6
    assert len(first.predict(loader)) == N


@pytest.mark.keras
def test_data_of_tensorflow_train():
    tf = pytest.importorskip("tensorflow")
    codes = np.unique(LABELS, return_inverse=True)[1]
    stream = tf.data.Dataset.from_tensor_slices((X, codes)).batch(64)
    clf = classifier("keras", **OWN).fit(stream)
    assert clf.score(stream) == clf.score(X, codes)


def test_what_a_stream_cannot_do_is_said_before_work(backend):
    with pytest.raises((CapabilityError, DataError), match="X_val"):
        classifier(backend, **OWN, validation=0.2).fit(batches)
    with pytest.raises(CapabilityError, match="batch_size"):
        classifier(backend).fit(batches)
    with pytest.raises(CapabilityError, match="sampling"):
        classifier(backend, **OWN, sampling="balanced").fit(batches)
    with pytest.raises(DataError, match="classes"):
        classifier(backend, **OWN).fit(batches, classes=["ape", "bee"])
    with pytest.raises(DataError, match="function that returns"):
        classifier(backend, **OWN).fit(batches())


# The limit is on what a process may allocate. What is mapped from the file is not counted by it,
# so the most that was resident is looked at too.
LIMITED = """
    import resource, sys
    import numpy as np

    def status(name):
        with open("/proc/self/status") as lines:
            found = [line for line in lines if line.startswith(name)]
        return int(found[0].split()[1]) * 1024

    from unifml import Classifier, Training
    from unifml.models import MLP

    rows, width, limit = 1_000_000, 128, 128 * 2**20
    labels = np.zeros(rows, np.int8)
    X = np.memmap(sys.argv[1], np.float32, "w+", shape=(rows, width))
    part = np.random.default_rng(0).standard_normal((10_000, width)).astype(np.float32)
    for at in range(0, rows, len(part)):
        X[at : at + len(part)] = part
        labels[at : at + len(part)] = part[:, 0] > 0
    X.flush()
    del X
    X = np.memmap(sys.argv[1], np.float32, "r", shape=(rows, width))
    training = Training(epochs=1, batch_size=4096, learning_rate=0.01)
    clf = Classifier(MLP(hidden=(8,)), backend=sys.argv[2], training=training, random_state=0)
    clf.fit(part, part[:, 0] > 0)  # everything is loaded
    with open("/proc/self/clear_refs", "w") as forget:
        forget.write("5")
    before, size = status("VmRSS"), X.nbytes
    allowed = status("VmData") + limit
    resource.setrlimit(resource.RLIMIT_DATA, (allowed, allowed))
    clf.fit(X, labels)
    score = (clf.predict(X) == labels).mean()
    print(size, limit, status("VmHWM") - before, score)
"""


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_file_four_times_the_memory_allowed_stays_inside_it(tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(LIMITED), str(tmp_path / "X.raw"), "torch"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    size, limit, most, score = map(float, run.stdout.split())
    assert size >= 3.8 * limit
    assert most < limit
    assert score > 0.9
