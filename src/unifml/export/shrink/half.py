"""float16: half the bytes."""

from __future__ import annotations

from typing import Any

from unifml.errors import ExportError
from unifml.export.graph import reads, renamed
from unifml.export.shrink.order import halves, put_nodes
from unifml.export.shrink.simplify import by_upstream

_ASKED = 'a network in float16: precision="fp16"'


def fp16(proto: Any) -> tuple[Any, str]:
    """Return a network that computes in float16 from its first weights on.

    Inputs and outputs stay float32, and so does all that only prepares inputs: raw values may be
    beyond 65,504, and ids and steps beyond 2,048 have no float16 of their own.

    Parameters
    ----------
    proto : onnx.ModelProto
        The network.

    Returns
    -------
    onnx.ModelProto
        The smaller network.
    str
        What was done.

    Raises
    ------
    ExportError
        For what onnxruntime's converter cannot do.
    """
    return by_upstream(_ASKED, lambda _: _converted(proto)), "weights in float16"


def _converted(proto: Any) -> Any:
    from onnx import ModelProto, shape_inference
    from onnxruntime.transformers.float16 import convert_float_to_float16

    known = shape_inference.infer_shapes(proto)
    preparing, learned = halves(known)
    if not learned:
        raise ExportError(_ASKED, found="a network without weights")
    inner = convert_float_to_float16(_behind(known, learned), keep_io_types=True)
    whole = ModelProto()
    whole.CopyFrom(proto)
    read = {name for node in preparing for name in reads(node)}
    kept = [t for t in proto.graph.initializer if t.name in read]
    other = _apart(inner, {t.name for t in kept})
    del whole.graph.initializer[:], whole.graph.value_info[:]
    whole.graph.initializer.extend([*kept, *other.graph.initializer])
    put_nodes(whole, [*preparing, *other.graph.node])
    return whole


def _behind(proto: Any, learned: list[Any]) -> Any:
    """Return the learned part as a model of its own, that starts where the other part ends."""
    from onnx import helper

    graph = proto.graph
    infos = {info.name: info for info in [*graph.input, *graph.value_info]}
    made = {name for node in learned for name in node.output}
    read = dict.fromkeys(name for node in learned for name in reads(node) if name)
    constants = [t for t in graph.initializer if t.name in read]
    known = {t.name for t in constants}
    starts = [infos[name] for name in read if name not in made and name not in known]
    body = helper.make_graph(
        learned, graph.name, starts, graph.output, constants, value_info=graph.value_info
    )
    return helper.make_model(body, opset_imports=proto.opset_import, ir_version=proto.ir_version)


def _apart(inner: Any, taken: set[str]) -> Any:
    """Rename initialisers that the other part has too, in float32."""
    from onnx import ModelProto

    result = ModelProto()
    result.CopyFrom(inner)
    names = {t.name: f"{t.name}/half" for t in result.graph.initializer if t.name in taken}
    for tensor in result.graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)
    for node in result.graph.node:
        renamed(node, names)
    return result
