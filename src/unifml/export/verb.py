"""`export_onnx`."""

from __future__ import annotations

import json
import os
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.utils.validation import check_is_fitted

from unifml._version import __version__
from unifml.core.files import write_whole
from unifml.core.signature import Feeds
from unifml.errors import (
    CapabilityError,
    DataTypeError,
    ExportError,
    MissingDependencyError,
    ParameterError,
)
from unifml.export.convert import to_model
from unifml.export.direct import alone, direct_model, tensor_feeds
from unifml.export.head import label_values
from unifml.export.inputs import allows_nan, inputs_of, inputs_of_network, known_names
from unifml.export.mends import has_late_trees, unwrapped
from unifml.export.proof import Answers, Proof, native_answers, prove
from unifml.export.report import OnnxExport
from unifml.runtime.schema import LABEL, PREDICTION, PROBABILITIES, SCHEMA, Schema

_PACKAGES = ("onnx", "onnxruntime", "skl2onnx")
_OPSETS = (18, 21)
_LARGEST = 2**31 - 1


def export_onnx(model: Any, path: str | os.PathLike[str], X: Any, *, opset: int = 18) -> OnnxExport:
    """Write a fitted model, or a whole pipeline, as one ONNX file that is proven on `X`.

    The file is loaded with onnxruntime and compared with the model on the rows given before it is
    put in place; if they differ there is no file. Networks of unifml are written from their spec
    and weights, the same graph whichever backend trained them; native models by their framework's
    exporter; the rest of a pipeline by skl2onnx.

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
    target = _checked(path, opset)
    model, classifier = _predictor(model)
    native = native_answers(model, X, classifier=classifier)
    model = alone(model) if tensor_feeds(alone(model)) else model
    feeds = tensor_feeds(model)
    schema = _schema(model, X, native, classifier, feeds)
    columns = native.predicted.shape[1] if native.predicted.ndim > 1 else 0
    if feeds is None:
        proto, roads = to_model(model, schema, opset, columns=columns)
    else:
        proto, roads = direct_model(model, feeds, schema, opset, columns=columns)
    _describe(proto, schema, roads, opset)
    proof = prove(_serialised(proto), native, X)
    _put(proto, "unifml.proof", _proof_fields(proof))
    content = _serialised(proto)
    write_whole(target, lambda file: file.write(content))
    exporter = " + ".join(dict.fromkeys(road for _, road in roads))
    return OnnxExport(
        str(path),
        proof.max_abs_diff,
        proof.rows,
        proof.label_flips,
        exporter,
        opset,
        len(content),
        proof.differences,
    )


def _checked(path: str | os.PathLike[str], opset: int) -> Path:
    """Refuse what cannot work before any work."""
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise MissingDependencyError.of("export_onnx", missing, "onnx")
    low, high = _OPSETS
    if not isinstance(opset, int) or not low <= opset <= high:
        raise ParameterError(f"opset={opset!r}", rule=f"{low} <= opset <= {high}")
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"no such folder: {str(target.parent)!r}")
    return target


def _predictor(model: Any) -> tuple[Any, bool]:
    """Return what really predicts, and whether it is a classifier."""
    if isinstance(model, type) or not hasattr(model, "predict"):
        raise DataTypeError(
            f"export_onnx({model!r})", rule="a fitted estimator with a method predict"
        )
    check_is_fitted(model)
    inner = unwrapped(model)
    check_is_fitted(inner)
    if not is_classifier(inner) and not is_regressor(inner):
        raise CapabilityError(
            f"exporting {type(inner).__name__} to ONNX",
            rule="classifiers and regressors can be exported",
        )
    return inner, bool(is_classifier(inner))


def _schema(model: Any, X: Any, native: Answers, classifier: bool, feeds: Feeds | None) -> Schema:
    outputs = (LABEL, PROBABILITIES) if classifier else (PREDICTION,)
    common: dict[str, Any] = _starts(model, X, outputs, feeds)
    if not classifier:
        return Schema("regression", outputs=outputs, **common)
    classes = _classes(model)
    return Schema(
        "classification",
        outputs=outputs[: 1 if native.probabilities is None else 2],
        classes=[_plain(label) for label in classes],
        classes_dtype="object"
        if label_values(classes)[1] is object and classes.dtype.kind != "U"
        else str(classes.dtype),
        multilabel=native.predicted.ndim == 2,
        **common,
    )


def _starts(model: Any, X: Any, outputs: tuple[str, ...], feeds: Feeds | None) -> dict[str, Any]:
    if feeds is not None:
        named = bool(model._fitted.plan.signature.named)
        cut = None if model.inputs is None else {k: _listed(v) for k, v in model.inputs.items()}
        return {"inputs": inputs_of_network(feeds, outputs), "by_name": named, "cut": cut}
    inputs, by_column = inputs_of(X, outputs, has_late_trees(model))
    return {
        "inputs": inputs,
        "by_column": by_column,
        "feature_names": known_names(model),
        "allow_nan": allows_nan(model, X),
    }


def _listed(columns: Any) -> Any:
    return columns if isinstance(columns, str) else list(columns)


def _classes(model: Any) -> Any:
    classes = getattr(model, "classes_", None)
    if classes is None or isinstance(classes, list):
        raise ExportError(
            f"exporting {type(model).__name__} to ONNX",
            found="several outputs, each with classes of its own" if classes else "no classes_",
            rule="a classifier has one list of classes",
        )
    return np.asarray(classes)


def _plain(label: Any) -> Any:
    return label.item() if isinstance(label, np.generic) else label


def _describe(proto: Any, schema: Schema, roads: list[tuple[str, str]], opset: int) -> None:
    _put(proto, "unifml.version", __version__)
    _put(proto, SCHEMA, schema.to_json())
    _put(proto, "unifml.exporters", [{"part": part, "exporter": road} for part, road in roads])
    _put(proto, "unifml.opset", str(opset))
    _put(proto, "unifml.versions", {name: version(name) for name in (*_PACKAGES, "scikit-learn")})
    proto.producer_version = __version__


def _proof_fields(proof: Proof) -> dict[str, Any]:
    return {
        "max_abs_diff": proof.max_abs_diff,
        "rows": proof.rows,
        "label_flips": proof.label_flips,
    }


def _put(proto: Any, key: str, value: Any) -> None:
    entry = proto.metadata_props.add()
    entry.key, entry.value = key, value if isinstance(value, str) else json.dumps(value)


def _serialised(proto: Any) -> bytes:
    if proto.ByteSize() > _LARGEST:
        raise ExportError(
            "writing one ONNX file",
            found=f"{proto.ByteSize() / 2**30:.1f} GiB",
            rule="one file holds at most 2 GiB",
        )
    return bytes(proto.SerializeToString())
