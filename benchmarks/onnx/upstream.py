"""What skl2onnx does by itself, with its defaults, for rows in float32."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from export.coverage_rows import Rows

from unifml.export.describe import predictor
from unifml.export.proof import Said, ask, compare
from unifml.runtime.schema import LABEL, PREDICTION, TRANSFORMED

WIDE = 120


@dataclass(frozen=True)
class Alone:
    """What became of it: ``yes``, ``wrong`` or ``fails``; how far it is off, or why."""

    verdict: str
    difference: float | None = None
    reason: str = ""


def alone(model: Any, rows: Rows) -> Alone:
    """Convert with defaults, run, and compare as the proof of unifml does."""
    inner, task = predictor(model)
    native = ask(inner, rows.new, task)
    try:
        outputs = _run(_proto(model, rows.new), rows.new)
    except Exception as error:
        return Alone("fails", reason=first_line(error))
    said, part = _said(outputs, task, native), ""
    if not said and hasattr(inner, "transform"):  # it writes what a selector hands on
        native, part = ask(inner, rows.new, "transformation"), "transform only"
        said = _said(outputs, "transformation", native)
    if not said:
        return Alone("wrong", reason="other outputs than the model's")
    verdict = compare(native, said)
    off = float(verdict.differences.max(initial=0.0))
    rows_off = int((verdict.over > 1).sum())
    reason = part if verdict.right else f"{verdict.output}: {rows_off} of {len(verdict.over)} rows"
    return Alone("yes" if verdict.right else "wrong", off if np.isfinite(off) else None, reason)


def first_line(error: BaseException) -> str:
    """Return what an error says, in a line without paths."""
    if type(error).__name__ == "MissingShapeCalculator":
        return "no converter"
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    return re.sub(r"/\S+ ", "", f"{type(error).__name__}: {(lines or [''])[0]}")[:WIDE]


def _proto(model: Any, new: Any) -> Any:
    from skl2onnx import convert_sklearn

    types = [("X", _type(new))]
    try:
        return convert_sklearn(model, initial_types=types, options={id(model): {"zipmap": False}})
    except NameError:  # it has no such option
        return convert_sklearn(model, initial_types=types)


def _type(new: Any) -> Any:
    from skl2onnx.common import data_types as types

    if isinstance(new, list):
        return types.DictionaryType(types.StringTensorType([1]), types.FloatTensorType([1]))
    if new.dtype.kind == "O":
        return types.StringTensorType([None, *(new.shape[1:] or (1,))])
    if new.dtype.kind == "i":
        return types.Int64TensorType([None])
    return types.FloatTensorType([None, *new.shape[1:]])


def _run(proto: Any, new: Any) -> list[Any]:
    import onnxruntime

    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    if isinstance(new, list):
        each = [session.run(None, {"X": row}) for row in new]
        return [np.concatenate(parts) for parts in zip(*each, strict=True)]
    if new.dtype.kind == "f":
        new = new.astype(np.float32)
    elif new.dtype.kind == "O" and new.ndim == 1:
        new = new.reshape(-1, 1)
    return list(session.run(None, {"X": new}))


def _said(outputs: list[Any], task: str, native: Said) -> Said:
    """Name outputs by their order, in the native shapes where they hold as many numbers."""
    if task in ("regression", "transformation"):
        name = PREDICTION if task == "regression" else TRANSFORMED
        return _fit({name: _array(outputs[0])}, native)
    found = {LABEL: _array(outputs[0])}
    wanted = [name for name in native if name not in (LABEL, "margin")]
    if len(wanted) > 1:
        found |= {name: _array(part) for name, part in zip(wanted, outputs[1], strict=False)}
    elif wanted and len(outputs) > 1:
        found[wanted[0]] = _array(outputs[1])
    return _fit(found, native)


def _array(output: Any) -> Any:
    if isinstance(output, list) and output and isinstance(output[0], dict):
        return np.array([list(row.values()) for row in output])
    return output.toarray() if hasattr(output, "toarray") else np.asarray(output)


def _fit(found: Said, native: Said) -> Said:
    if any(values.size != native[name].size for name, values in found.items()):
        return {}
    return {name: values.reshape(native[name].shape) for name, values in found.items()}


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what converts from talking."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    logging.getLogger("skl2onnx").setLevel(logging.ERROR)
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield
