"""`export_onnx`."""

from __future__ import annotations

import os
from importlib.util import find_spec
from numbers import Real
from pathlib import Path
from typing import Any

from unifml.errors import MissingDependencyError, ParameterError, UnknownNameError
from unifml.export.describe import entrance, predictor
from unifml.export.inputs import in_order
from unifml.export.made import PACKAGES, Draft, Question, drafted, put
from unifml.export.proof import Proof, native_answers, prove
from unifml.export.report import OnnxExport
from unifml.export.shrink import PRECISIONS, Precision, Worth, judged, write_smaller
from unifml.export.writer import Writer
from unifml.runtime.metadata import PROOF

_OPSETS = (18, 21)


def export_onnx(
    model: Any,
    path: str | os.PathLike[str],
    X: Any,
    *,
    opset: int = 18,
    allow_mismatch: bool = False,
    precision: Precision = "float32",
    y: Any = None,
    metric: Any = None,
    max_loss: float = 0.01,
) -> OnnxExport:
    """Write a fitted model, or a whole pipeline, as one ONNX file that is proven on `X`.

    The file is loaded with onnxruntime and compared with the model before it is put in place: on
    the rows given, on batches of 1, 2, 7 and 64 of them, and on rows generated from them (columns
    recombined, numbers between and a little outside, missing values, unseen categories, shorter
    and longer sequences), as far as the model takes these. If they differ there is no file, and
    the error names the part of the model where the difference begins. Networks of unifml are
    written from their spec and weights, the same graph whichever backend trained them; native
    models by their framework's exporter; the rest of a pipeline by rules of unifml or by skl2onnx.

    Parameters
    ----------
    model : estimator
        A fitted `Classifier` or `Regressor`, a scikit-learn estimator or Pipeline, a search (its
        best estimator is exported), or what `unifml.tune` returns.
    path : str or path
        Where to write.
    X : table of shape (n, features), array of images, list of sequences, or dict of these
        Rows as the model takes them: real ones, with what there will be (missing values, rare
        categories). A data frame gives the file one input per column, text or float32; an array
        gives it one float32 tensor ``X``, sequences of unequal length a second one ``X_lengths``,
        and a dict one tensor by each key.
    opset : int, default=18
        Version of ONNX's operators, 18 to 21.
    allow_mismatch : bool, default=False
        Write the file even if it differs from the model; the file and the report say so.
    precision : {"float32", "fp16", "int8", "int8_static"}, default="float32"
        How networks are stored and computed; preprocessing, trees and linear models stay exact.
        ``fp16`` halves the file; ``int8`` makes a quarter to a third of it, is faster in batches
        for dense layers, LSTMs and transformers, and rounds rows that come together by one scale;
        ``int8_static`` takes its scales from `X`, which makes it the choice for convolutions. The
        file in float32 is proven first; the smaller one may lose `max_loss` of the metric.
    y : array-like or None
        What is true of `X`, for `metric`; None measures how far the smaller file agrees with the
        model: the share of equal labels, or R^2 with the model's predictions for the truth.
    metric : str, callable or None
        As in `unifml.evaluate`; None is accuracy or R^2. For smaller files alone.
    max_loss : float, default=0.01
        By how much the metric of the smaller file may be worse.

    Returns
    -------
    OnnxExport
        Outputs of the file are ``label`` and ``probabilities``, or ``prediction``.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        For a model that is not fitted.
    ExportError
        For what cannot be converted, or predicts at random.
    ExportMismatchError
        If file and model differ, with the worst rows.
    MissingDependencyError
        If onnx, onnxruntime or skl2onnx are not installed.

    See Also
    --------
    load_onnx

    Examples
    --------
    >>> import unifml
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = unifml.Classifier("linear").fit(X, y)
    >>> unifml.export_onnx(clf, "iris.onnx", X).max_abs_diff < 1e-5
    True
    """
    target = _checked(path, opset, precision, max_loss)
    model, task = predictor(model)
    said = native_answers(model, X, task)
    X = in_order(model, X)
    inputs, fields = entrance(model, X)
    asked = Question(model, task, X, said, inputs, fields, opset)
    proto, writer, ends = asked.written()
    asked.describe(proto, ends, writer.roads)
    with drafted(proto, target) as draft:
        proof = prove(draft.content, model, task, said, X, writer.stages, closed=writer.closed)
        if proof.mismatch is not None and not allow_mismatch:
            raise proof.mismatch
        if precision == "float32":
            put(proto, PROOF, proof.fields())
            return _report(draft, proof, writer, opset)
    put(proto, PROOF, proof.fields())
    before = proto.ByteSize()
    proto, writer, worth = _smaller(asked, precision, y, metric, max_loss)
    smaller = {"precision": precision, "bytes_before": before}
    put(proto, PROOF, proof.fields() | worth.fields() | smaller)
    return _report(Draft(proto, target), proof, writer, opset, precision, before, worth)


def _report(
    draft: Draft,
    proof: Proof,
    writer: Writer,
    opset: int,
    precision: str = "float32",
    before: int = 0,
    worth: Worth | None = None,
) -> OnnxExport:
    """Put a file in its place, and report it."""
    path, size = str(draft.target), draft.place()
    return OnnxExport.of(path, proof, writer.roads, opset, size, precision, before or size, worth)


def _smaller(
    asked: Question, precision: str, y: Any, metric: Any, max_loss: float
) -> tuple[Any, Writer, Worth]:
    """Return the same model with smaller networks, if it is as good."""
    proto, writer, ends = write_smaller(asked, precision)
    asked.describe(proto, ends, writer.roads)
    worth = judged(
        proto.SerializeToString(),
        asked.said,
        asked.model,
        asked.X,
        y,
        task=asked.task,
        metric=metric,
        max_loss=max_loss,
    )
    return proto, writer, worth


def _checked(path: str | os.PathLike[str], opset: int, precision: str, max_loss: float) -> Path:
    """Refuse what cannot work before any work."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise MissingDependencyError.of("export_onnx", missing, "onnx")
    low, high = _OPSETS
    if not isinstance(opset, int) or not low <= opset <= high:
        raise ParameterError(f"opset={opset!r}", rule=f"{low} <= opset <= {high}")
    if precision not in PRECISIONS:
        raise UnknownNameError.among("precision", precision, PRECISIONS)
    if not isinstance(max_loss, Real) or not max_loss >= 0:
        raise ParameterError(f"max_loss={max_loss!r}", rule="max_loss >= 0")
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(f"a folder, not a file: {str(path)!r}")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"no such folder: {str(target.parent)!r}")
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(f"nothing can be written into the folder {str(target.parent)!r}")
    return target
