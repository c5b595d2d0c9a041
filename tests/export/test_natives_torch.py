"""Modules of the user through torch's exporters, held against the modules."""

from __future__ import annotations

import logging
import warnings

import numpy as np
import pytest

from export.native_check import OPSET, check, plan_of
from export.natives_torch import modules
from unifml import get_adapter
from unifml.core.exported import road_of
from unifml.errors import ExportError

pytest.importorskip("onnxruntime")

pytestmark = pytest.mark.torch

TRACED, OTHER = "torch.onnx torchscript", "torch.onnx dynamo"
IMAGE, ROWS, STEPS, WIDE, IDS = (3, 6, 6), (5, 3), (-1, 3), (-1, 4), (-1,)
CASES = {
    "mlp": ((4,), TRACED),
    "cnn": (IMAGE, TRACED),
    "norms": ((4,), TRACED),
    "lstm": (STEPS, TRACED),
    "both_ways": (STEPS, TRACED),
    "gru": (STEPS, TRACED),
    "rnn": (STEPS, TRACED),
    "LastState": (ROWS, TRACED),
    "Attention": ((5, 4), TRACED),
    "Scaled": (WIDE, TRACED),
    "Encoder": (WIDE, OTHER),
    "Words": (IDS, TRACED),
    "Residual": ((4,), TRACED),
    "OnlyOne": (STEPS, TRACED),
}


def made(name):
    """Return a module with weights, and statistics that say something."""
    import torch

    torch.manual_seed(0)
    module = getattr(modules(), name)()
    for buffer in module.buffers():
        if buffer.is_floating_point():
            buffer.uniform_(0.5, 2.0)
    return module


def predicts(module):
    import torch

    def predict(arrays):
        own = next(module.parameters()).dtype
        tensors = {
            name: torch.from_numpy(v).to(own if v.dtype.kind == "f" else torch.int64)
            for name, v in arrays.items()
        }
        with torch.no_grad():
            found = module(**tensors) if len(tensors) > 1 else module(tensors["X"])
        found = found["values"] if isinstance(found, dict) else found
        return found.reshape(len(found), -1).float().numpy()

    return predict


def exported(module, plan, opset=OPSET):
    return get_adapter("torch").to_onnx(module, plan, opset)


@pytest.mark.parametrize("name", CASES)
def test_modules_say_the_same(name):
    module, (shape, road) = made(name), CASES[name]
    plan = plan_of(module, shape)
    proto = exported(module, plan)
    assert check(proto, plan, predicts(module), ids=11 if name == "Words" else 0) == road
    assert [(e.domain, e.version) for e in proto.opset_import if not e.domain] == [("", OPSET)]


def test_inputs_go_in_by_name():
    module = modules().Two()
    plan = plan_of(module, left=(4,), right=(3, 2))
    assert check(exported(module, plan), plan, predicts(module)) == TRACED


@pytest.mark.parametrize("name", ["norms", "lstm", "cnn"])
@pytest.mark.parametrize("opset", [19, 21])
def test_other_opsets(name, opset):
    module, (shape, _) = made(name), CASES[name]
    plan = plan_of(module, shape)
    proto = exported(module, plan, opset)
    assert {e.domain: e.version for e in proto.opset_import}[""] == opset
    check(proto, plan, predicts(module))


def test_float64_stays_where_onnxruntime_has_it():
    module = made("mlp").double()
    plan = plan_of(module, dtype="float64")
    proto = exported(module, plan)
    assert check(proto, plan, predicts(module)) == TRACED
    assert proto.graph.input[0].type.tensor_type.elem_type == 11


@pytest.mark.parametrize("name", ["norms", "lstm", "cnn"])
def test_float64_becomes_float32_elsewhere_and_the_road_says_so(name):
    module, (shape, _) = made(name).double(), CASES[name]
    plan = plan_of(module, shape, dtype="float64")
    road = check(exported(module, plan), plan, predicts(module))
    assert road.startswith(f"{TRACED} in float32, not float64; not {TRACED}: [ONNXRuntimeError]")
    assert str(next(module.parameters()).dtype) == "torch.float64"


def test_the_other_road_is_taken_and_told(monkeypatch):
    from unifml.adapters._torch_engine import onnx

    def refuses(*_):
        raise RuntimeError("no more\nsuch exports")

    monkeypatch.setattr(onnx, "_by_tracing", refuses)
    module = made("mlp")
    plan = plan_of(module)
    road = check(exported(module, plan), plan, predicts(module))
    assert road == f"{OTHER}; not {TRACED}: no more"


def test_a_silently_wrong_road_is_not_taken(monkeypatch):
    from unifml.adapters._torch_engine import onnx

    honest = onnx._by_tracing

    def lies(called, example, opset):
        proto = honest(called, example, opset)
        held = proto.graph.initializer[-1]
        held.CopyFrom(_shifted(held))
        return proto

    monkeypatch.setattr(onnx, "_by_tracing", lies)
    module = made("mlp")
    plan = plan_of(module)
    road = check(exported(module, plan), plan, predicts(module))
    assert road.startswith(f"{OTHER}; not {TRACED}: it differs by ")


def _shifted(tensor):
    from onnx import numpy_helper

    return numpy_helper.from_array(numpy_helper.to_array(tensor) + np.float32(0.1), tensor.name)


def test_what_no_road_gets_right_is_marked_for_the_proof():
    module = modules().Branches()
    road = road_of(exported(module, plan_of(module)))
    assert road.startswith(f"{TRACED}, though it differs by ")
    assert f"; not {OTHER}: " in road


@pytest.mark.parametrize(
    ("kind", "shape", "words"),
    [
        ("Counts", (4,), r"baked in the size 3 of the axis 'batch'.*X.shape\[0\]"),
        ("Packed", STEPS, "gather of the last valid step"),
    ],
)
def test_what_no_exporter_takes_is_refused_with_both_reasons(kind, shape, words):
    module = getattr(modules(), kind)()
    with pytest.raises(ExportError, match=f"{TRACED}: .*{OTHER}: .*{words}") as caught:
        exported(module, plan_of(module, shape))
    assert caught.value.__cause__ is not None


def test_exports_are_quiet_and_leave_no_traces(capfd):
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    for name in ("norms", "Encoder"):
        module, (shape, _) = made(name), CASES[name]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            proto = exported(module, plan_of(module, shape))
        assert not any(node.metadata_props or node.doc_string for node in proto.graph.node)
        assert b".py" not in proto.SerializeToString()
    assert capfd.readouterr() == ("", "")
    assert logger.level == level
