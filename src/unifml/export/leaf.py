"""One estimator by skl2onnx: converted alone, and inlined."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import is_classifier, is_clusterer, is_outlier_detector, is_regressor

from unifml.export.values import Answers, Rows
from unifml.runtime.schema import Kind

if TYPE_CHECKING:
    from unifml.export.writer import Writer

ML_OPSET = 3
ROAD = "skl2onnx"
WORDS = {
    r"(?u)\b\w\w+\b": r"[\p{L}\p{N}_]{2,}",
    r"(?u)\b\w+\b": r"[\p{L}\p{N}_]+",
}
"""Patterns of words as onnxruntime reads them: letters and digits of any alphabet."""
_KINDS: dict[int, Kind] = {1: "float", 11: "double", 7: "int64", 6: "int64", 9: "bool", 8: "string"}


def known(kind: type) -> bool:
    """Say whether skl2onnx has a converter for a type, its own or one that the user registered."""
    return _alias(kind) is not None


def convert(w: Writer, model: Any, rows: Rows, kind: Kind) -> Answers:
    """Write one estimator that takes one tensor.

    Parameters
    ----------
    w : Writer
        Receives the nodes.
    model : estimator
        Fitted.
    rows : Rows
        What goes in.
    kind : Kind
        What it takes.

    Raises
    ------
    ExportError
        If it cannot be converted or computed, with what was said of it.
    """
    proto = to_proto(w, model, rows, kind)
    x = rows.blocks[0] if kind == "string" else rows.joined(w.g, kind)
    w.road(model, ROAD if kind != "double" else f"{ROAD} in float64")
    name = type(model).__name__
    return _answers(w, model, proto, w.inline(proto, {"X": x.name}, convert=False, name=name))


def to_proto(w: Writer, model: Any, rows: Rows, kind: Kind) -> Any:
    """Convert an estimator, and see that onnxruntime has what it needs.

    Raises
    ------
    ExportError
        If it is not so.
    """
    import onnxruntime
    from skl2onnx import convert_sklearn

    try:
        with quiet():
            proto = convert_sklearn(
                model,
                initial_types=[("X", _type(kind)([None, *rows.blocks[0].row[:-1], rows.width]))],
                target_opset={"": w.opset, "ai.onnx.ml": ML_OPSET},
                options=_options(model),
            )
        silent = onnxruntime.SessionOptions()
        silent.log_severity_level = 4
        onnxruntime.InferenceSession(
            proto.SerializeToString(), silent, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        found = f"{type(error).__name__}: {_first_line(error)}"
        raise w.refusal(
            model, found, rule="skl2onnx must convert it, and onnxruntime compute it"
        ) from error
    return proto


def _answers(w: Writer, model: Any, proto: Any, names: list[str]) -> Answers:
    kinds = [_KINDS.get(o.type.tensor_type.elem_type, "float") for o in proto.graph.output]
    widths = [_width(o) for o in proto.graph.output]
    if is_classifier(model):
        return _classified(model, names)
    if is_regressor(model):
        return w.predicted(_column(w, names[0], widths[0]), kinds[0], widths[0] or 1)
    if is_outlier_detector(model):
        return Answers(names[0], scores=_flat(w, names[1]), classes=np.array([-1, 1]))
    if is_clusterer(model):
        table = w.transformed(names[1], kinds[1], _clusters(model)).transformed
        has = hasattr(model, "transform")
        return Answers(names[0], transformed=table if has else None)
    if not hasattr(model, "transform"):
        return _mixture(names)
    width = widths[0] or len(model.get_feature_names_out())
    return w.transformed(names[0], kinds[0], width)


def _classified(model: Any, names: list[str]) -> Answers:
    """Name outputs: what skl2onnx calls probabilities are scores where the model has none."""
    classes = model.classes_
    second = names[1] if len(names) > 1 else None
    has = hasattr(model, "predict_proba")
    if isinstance(classes, list):
        return Answers(names[0], probabilities=second)
    return Answers(
        names[0],
        probabilities=second if has else None,
        scores=None if has else second,
        classes=np.asarray(classes),
    )


def _mixture(names: list[str]) -> Answers:
    return Answers(names[0], probabilities=names[1])


def _clusters(model: Any) -> int:
    return len(getattr(model, "cluster_centers_", ())) or 1


def _column(w: Writer, name: str, width: int | None) -> str:
    """Make numbers (n,) a column."""
    return w.g.op("Reshape", name, w.g.constant("shape", [-1, width or 1], np.int64))


def _flat(w: Writer, name: str) -> str:
    return w.g.op("Reshape", name, w.g.constant("shape", [-1], np.int64))


def _width(output: Any) -> int | None:
    dims = output.type.tensor_type.shape.dim
    return int(dims[1].dim_value) or None if len(dims) > 1 else None


def _type(kind: Kind) -> Any:
    from skl2onnx.common import data_types

    names = {
        "float": "FloatTensorType",
        "double": "DoubleTensorType",
        "string": "StringTensorType",
        "int64": "Int64TensorType",
    }
    return getattr(data_types, names[kind])


def _alias(kind: type) -> str | None:
    from skl2onnx._supported_operators import sklearn_operator_name_map

    alias: str | None = sklearn_operator_name_map.get(kind)
    return alias


def _options(model: Any) -> dict[int, dict[str, Any]] | None:
    from skl2onnx.common._registration import get_converter

    alias = _alias(type(model))
    allowed = get_converter(alias).get_allowed_options() if alias else None
    wanted = {"zipmap": False, "div": "div", "locale": "C"}
    words = WORDS.get(str(getattr(model, "token_pattern", "")))
    wanted |= {} if words is None else {"tokenexp": words}
    chosen = {k: v for k, v in wanted.items() if isinstance(allowed, dict) and k in allowed}
    return {id(model): chosen} if chosen else None


@contextmanager
def quiet() -> Iterator[None]:
    """Keep exporters from talking: what goes wrong is told by errors and by the proof."""
    logger = logging.getLogger("skl2onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0][:300]
