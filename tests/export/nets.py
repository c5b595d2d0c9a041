"""Networks in tests of the emitter: their weights, rows for them, and what onnxruntime gives."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from unifml.export.emit import emit
from unifml.export.graph import Graph
from unifml.layers import Network, initial_weights


def weights_of(network, inputs):
    """Weights in which nothing is 0 or 1, and variances are positive."""
    rng = np.random.default_rng(1)
    weights = initial_weights(network, inputs, rng, "float64")
    return {name: value + rng.uniform(0.1, 0.6, value.shape) for name, value in weights.items()}


def rows(*shape, scale=1.5):
    return np.random.default_rng(0).normal(size=shape) * scale


def written(graph, weights, opset=18):
    """The ONNX model of a network."""
    from onnx import TensorProto, helper

    inputs, starts = {}, []
    for feed in graph.feeds:
        inputs[feed.name] = feed.name
        row = [f"{feed.name}_steps" if side == -1 else side for side in feed.shape]
        starts.append(helper.make_tensor_value_info(feed.name, TensorProto.FLOAT, ["n", *row]))
        if feed.ragged:
            inputs[feed.lengths] = feed.lengths
            starts.append(helper.make_tensor_value_info(feed.lengths, TensorProto.INT64, ["n"]))
    g = Graph("", tuple(inputs))
    out = g.op("Identity", emit(g, inputs, graph, weights))
    end = ["n", *(None if side == -1 else side for side in graph.result.shape)]
    ends = [helper.make_tensor_value_info(out, TensorProto.FLOAT, end)]
    body = helper.make_graph(g.nodes, "test", starts, ends, g.initializers)
    opsets = [helper.make_opsetid("", opset)]
    version = helper.find_min_ir_version_for(opsets)
    return helper.make_model(body, opset_imports=opsets, ir_version=version)


def operators(network: Network, inputs):
    """Names of ONNX's operators that a network becomes, in order, without the Identity behind."""
    graph = network.graph(inputs)
    return [node.op_type for node in written(graph, weights_of(network, inputs)).graph.node][:-1]


def inference(graph, weights, X, opset=18):
    """What onnxruntime computes."""
    import onnx
    import onnxruntime

    proto = written(graph, weights, opset)
    onnx.checker.check_model(proto)
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    feeds = X if isinstance(X, Mapping) else {graph.feeds[0].name: X}
    dtypes = {feed.name: np.float32 for feed in graph.feeds}
    tensors = {name: np.asarray(v, dtypes.get(name, np.int64)) for name, v in feeds.items()}
    return session.run(None, tensors)[0]


def close(found, wanted, tolerance=1e-5):
    """Assert that numbers agree, relative to max(1, |wanted|)."""
    assert found.shape == wanted.shape
    assert found.dtype == np.float32
    worst = np.abs(found - wanted) / np.maximum(1, np.abs(wanted))
    assert worst.max() <= tolerance
