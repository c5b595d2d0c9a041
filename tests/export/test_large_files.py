"""Weights that do not fit in one file stand in a second one, as proven as any."""

from __future__ import annotations

import numpy as np
import pytest

from export.data import SHORT, codes, numbers
from unifml import Classifier, export_onnx, load_onnx
from unifml.errors import DataError, ExportMismatchError
from unifml.export import made
from unifml.models import MLP

pytestmark = pytest.mark.sklearn


@pytest.fixture
def model(monkeypatch):
    """A network that is too large for one file, since little is allowed."""
    monkeypatch.setattr(made, "LARGEST", 1000)
    network = Classifier(MLP(hidden=(64, 64)), backend="sklearn", training=SHORT, random_state=0)
    return network.fit(numbers(), codes())


def test_two_files(model, tmp_path):
    X = numbers()
    export = export_onnx(model, tmp_path / "m.onnx", X)
    files = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert set(files) == {"m.onnx", "m.onnx.data"}
    assert sum(files.values()) == export.bytes
    assert files["m.onnx.data"] > 64 * 64 * 4
    with pytest.raises(DataError, match="external"):
        load_onnx(export.path)
    loaded = load_onnx(export.path, allow_external_data=True)
    np.testing.assert_allclose(loaded.predict_proba(X), model.predict_proba(X), atol=1e-5)


def test_nothing_is_left_of_a_file_that_differs(model, tmp_path, monkeypatch):
    honest = made.write_model

    def broken(*args, **params):
        proto, writer, ends = honest(*args, **params)
        kernel = max(proto.graph.initializer, key=lambda tensor: len(tensor.raw_data))
        kernel.raw_data = bytes(len(kernel.raw_data))
        return proto, writer, ends

    monkeypatch.setattr(made, "write_model", broken)
    with pytest.raises(ExportMismatchError):
        export_onnx(model, tmp_path / "m.onnx", numbers())
    assert not [*tmp_path.iterdir()]
