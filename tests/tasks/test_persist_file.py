"""The file of `save`: what it holds, and what it may not."""

from __future__ import annotations

import json
import os
import zipfile

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer
from tasks.persisting import TEXT, X, net, rewritten

import unifml
from unifml.errors import (
    CapabilityError,
    DataTypeError,
    FileFormatError,
    UntrustedTypeError,
)
from unifml.tasks.persist import archive as archive_room


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.unifml"


def test_what_the_file_says_of_itself(path):
    unifml.save(net("sklearn").fit(X, TEXT), path)
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        names = set(archive.namelist())
    assert manifest["format"] == "unifml"
    assert manifest["unifml"] == unifml.__version__
    assert manifest["parts"][0]["class"] == "Classifier"
    assert {file["path"] for file in manifest["files"]} == names - {"manifest.json"}
    assert "weights.safetensors" in names
    assert b"sklearn.linear_model" not in path.read_bytes()


def test_weights_have_their_canonical_names(path):
    from safetensors.numpy import load

    clf = net("sklearn").fit(X, TEXT)
    unifml.save(clf, path)
    with zipfile.ZipFile(path) as archive:
        weights = load(archive.read("weights.safetensors"))
    assert weights.keys() == clf._fitted.weights.keys()


def test_what_cannot_be_saved(path):
    with pytest.raises(DataTypeError, match="an estimator can be saved"):
        unifml.save("mlp", path)
    with pytest.raises(FileNotFoundError):
        unifml.save(net("sklearn"), path / "deeper" / "m.unifml")
    with pytest.raises(IsADirectoryError):
        unifml.save(net("sklearn"), path.parent)
    with pytest.raises(CapabilityError, match="instead of a lambda"):
        unifml.save(FunctionTransformer(lambda rows: rows), path)
    assert not path.exists()


def test_a_save_that_fails_leaves_the_old_file(path, monkeypatch):
    unifml.save(net("sklearn").fit(X, TEXT), path)
    before = path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive_room.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        unifml.save(net("sklearn"), path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


@pytest.fixture
def saved(path):
    unifml.save(net("sklearn").fit(X, TEXT), path)
    return path


def test_no_file_of_ours(tmp_path):
    other = tmp_path / "x"
    with pytest.raises(FileNotFoundError):
        unifml.load(other)
    other.write_bytes(b"no zip")
    with pytest.raises(FileFormatError, match="not a zip"):
        unifml.load(other)
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("hello", "world")
    with pytest.raises(FileFormatError, match=r"holds no manifest\.json"):
        unifml.load(other)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_file_cut_short(saved, share):
    content = saved.read_bytes()
    saved.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(FileFormatError):
        unifml.load(saved)


def test_a_flipped_bit_anywhere_is_found(saved):
    good = saved.read_bytes()
    with zipfile.ZipFile(saved) as archive:
        places = [info.header_offset + 60 for info in archive.infolist()]
    for place in places:
        content = bytearray(good)
        content[place] ^= 16
        saved.write_bytes(bytes(content))
        with pytest.raises(FileFormatError):
            unifml.load(saved)


def _newer(manifest, entries):
    manifest["format_version"] = 99


def _no_version(manifest, entries):
    del manifest["format_version"]


def _other_format(manifest, entries):
    manifest["format"] = "other"


def _strange_word(manifest, entries):
    manifest["root"] = {"!": "os.system", "of": "echo"}


def _strange_estimator(manifest, entries):
    manifest["parts"][0]["class"] = "subprocess.Popen"


def _strange_attribute(manifest, entries):
    manifest["parts"][0]["attributes"]["predict"] = 3


def _strange_parameter(manifest, entries):
    manifest["parts"][0]["params"]["colour"] = 3


def _other_weights(manifest, entries):
    from safetensors.numpy import save

    entries["weights.safetensors"] = save({"hidden_0.kernel": np.zeros((2, 2))})


def _no_weights(manifest, entries):
    entries["weights.safetensors"] = b"nothing"


def _deep(manifest, entries):
    manifest["root"] = json.loads("[" * 100 + "]" * 100)


def _nan(manifest, entries):
    manifest["root"] = float("nan")


def _other_layer(manifest, entries):
    manifest["parts"][0]["fitted"]["plan"]["network"]["layers"][1]["!"] = "layer/system"


def _other_translation(manifest, entries):
    manifest["parts"][0]["fitted"]["translation"]["estimator"] = "os.system"
    manifest["parts"][0]["fitted"]["plan"]["estimator"] = "os.system"


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        (_newer, FileFormatError, "pip install --upgrade unifml"),
        (_no_version, FileFormatError, "format version"),
        (_other_format, FileFormatError, "not one of unifml"),
        (_strange_word, UntrustedTypeError, r"os\.system"),
        (_strange_estimator, UntrustedTypeError, r"subprocess\.Popen"),
        (_strange_attribute, FileFormatError, "predict"),
        (_strange_parameter, FileFormatError, "colour"),
        (_other_weights, FileFormatError, "not those of the network"),
        (_no_weights, FileFormatError, "weights"),
        (_deep, FileFormatError, "deeper"),
        (_nan, FileFormatError, "NaN"),
        (_other_layer, UntrustedTypeError, "layer/system"),
        (_other_translation, FileFormatError, "unknown parts"),
    ],
)
def test_what_a_file_may_not_say(saved, change, error, match):
    rewritten(saved, change)
    with pytest.raises(error, match=match):
        unifml.load(saved)


def test_a_changed_entry_that_the_manifest_does_not_know(saved):
    rewritten(saved, lambda _, e: e.update({"weights.safetensors": b"x"}), listed=False)
    with pytest.raises(FileFormatError, match="in size"):
        unifml.load(saved)


@pytest.mark.parametrize("name", ["../evil", "/evil", "a\\b", "a//b", "c:evil"])
def test_names_that_lead_elsewhere(saved, name):
    rewritten(saved, lambda _, e: e.update({name: b"x"}))
    with pytest.raises(FileFormatError, match="elsewhere"):
        unifml.load(saved)


def test_a_compressed_entry(saved):
    with zipfile.ZipFile(saved, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", b"0" * 10**6)
    with pytest.raises(FileFormatError, match="compressed"):
        unifml.load(saved)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_entries_of_one_name(saved):
    with zipfile.ZipFile(saved, "a") as archive:
        archive.writestr("manifest.json", b"{}")
    with pytest.raises(FileFormatError, match="one name"):
        unifml.load(saved)


def test_a_key_that_stands_twice(saved):
    def entries(archive):
        return {name: archive.read(name) for name in archive.namelist()}

    with zipfile.ZipFile(saved) as archive:
        held = entries(archive)
    held["manifest.json"] = held["manifest.json"].replace(b"{", b'{"format": "unifml",', 1)
    archive_room.write_archive(saved, held)
    with pytest.raises(FileFormatError, match="twice"):
        unifml.load(saved)


def test_the_golden_sample_finds_other_predictions(saved):
    def louder(_, entries):
        from safetensors.numpy import load, save

        weights = load(entries["weights.safetensors"])
        weights = {name: value * 1.5 for name, value in weights.items()}
        entries["weights.safetensors"] = save(weights)

    rewritten(saved, louder)
    unifml.load(saved)
    with pytest.raises(FileFormatError, match="does not predict what it did"):
        unifml.load(saved, check=True)


def test_a_check_of_nothing_says_so(path):
    unifml.save(LogisticRegression(max_iter=500).fit(X, TEXT), path)
    with pytest.warns(UserWarning, match="no golden sample"):
        unifml.load(path, check=True)
