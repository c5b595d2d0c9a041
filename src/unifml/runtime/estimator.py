"""A loaded ONNX file that behaves as a scikit-learn estimator."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from unifml.errors import DataError, UnknownNameError
from unifml.runtime import scores
from unifml.runtime.feeding import Feed, Feeder
from unifml.runtime.schema import LABEL, PREDICTION, PROBABILITIES, Schema
from unifml.runtime.session import open_session

Array = npt.NDArray[Any]
_CHUNK, _VALUES = 1 << 16, 1 << 24  # rows and values computed at once, so that memory is bounded


def load_onnx(path: str | os.PathLike[str], device: str | None = None) -> OnnxEstimator:
    """Load a file that `unifml.export_onnx` wrote.

    Parameters
    ----------
    path : str or path
        The file.
    device : str or None
        ``"cpu"`` (the default), ``"cuda"``, ``"cuda:1"``, or ``"auto"`` for the best there is.

    Returns
    -------
    OnnxEstimator
        It needs onnxruntime and NumPy, nothing else.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DataError
        If it is not an ONNX file written by unifml.
    DeviceError
        If onnxruntime has no such device here.

    Examples
    --------
    >>> import unifml
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = unifml.Classifier("linear").fit(X, y)
    >>> path = unifml.export_onnx(clf, "iris.onnx", X).path
    >>> unifml.load_onnx(path).predict(X[:3]).tolist()
    [0, 0, 0]
    """
    estimator = OnnxEstimator(os.fspath(path), device)
    _ = estimator.session
    return estimator


class _Only:
    """A method that exists only where the file has the output that it needs."""

    def __init__(self, output: str) -> None:
        self.output = output

    def __call__(self, method: Callable[..., Any]) -> Self:
        self.method, self.__doc__ = method, method.__doc__
        return self

    def __get__(self, owner: OnnxEstimator | None, kind: type) -> Any:
        if owner is None:
            return self.method
        if self.output not in owner.schema.outputs:
            raise AttributeError(f"this file has no output {self.output!r}")
        return self.method.__get__(owner, kind)


class OnnxEstimator:
    """An ONNX file as a fitted estimator: onnxruntime computes, NumPy does the rest.

    Parameters
    ----------
    path : str
        The file.
    device : str or None
        ``"cpu"`` (the default), ``"cuda"``, ``"cuda:1"`` or ``"auto"``.

    Attributes
    ----------
    classes_ : array
        Class labels in the user's own type (classifiers only).
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : array of str
        Column names, if the model was fitted on named columns.

    Examples
    --------
    >>> import unifml
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = unifml.Classifier("linear").fit(X, y)
    >>> path = unifml.export_onnx(clf, "iris.onnx", X).path
    >>> unifml.load_onnx(path).predict_proba(X).shape
    (150, 3)
    """

    def __init__(self, path: str, device: str | None = None) -> None:
        self.path = path
        self.device = device

    # The file -----------------------------------------------------------------------------------

    @cached_property
    def session(self) -> Any:
        """The ``onnxruntime.InferenceSession``."""
        return open_session(self.path, self.device, self.path)

    @cached_property
    def metadata(self) -> dict[str, str]:
        """What the file says of itself: versions, schema, proof."""
        return dict(self.session.get_modelmeta().custom_metadata_map)

    @cached_property
    def schema(self) -> Schema:
        """Inputs, outputs and classes."""
        return Schema.of(self.metadata, self.path)

    @cached_property
    def _feed(self) -> Feeder:
        return Feeder(self.schema)

    @cached_property
    def _class_labels(self) -> Array:
        return self.schema.class_labels()

    @classmethod
    def from_bytes(cls, content: bytes, device: str | None = None) -> OnnxEstimator:
        """Open the contents of a file without a file."""
        estimator = cls("<bytes>", device)
        estimator.session = open_session(content, device, "the model")
        return estimator

    # Predictions --------------------------------------------------------------------------------

    def predict(self, X: Any) -> Array:
        """Return labels in the user's own type, or numbers.

        Parameters
        ----------
        X : table of shape (n, features), array of images, list of sequences, or dict of these
            As the model took it. A table is an array, a list, or a frame of pandas, polars or
            Arrow; columns with names must stand as they did in fit.

        Returns
        -------
        array of shape (n,) or (n, outputs)

        Raises
        ------
        DataError
            For a table of another shape, other names, or values that the model cannot take.
        """
        if self.schema.task == "regression":
            return _finite(self._run([PREDICTION], X)[0])
        if PROBABILITIES not in self.schema.outputs:
            return self._labels(self._run([LABEL], X)[0])
        label, probabilities = self._run([LABEL, PROBABILITIES], X)
        _finite(probabilities)
        return self._labels(label)

    @_Only(PROBABILITIES)
    def predict_proba(self, X: Any) -> Array:
        """Return probabilities of shape (n, classes), in float32.

        Parameters
        ----------
        X : table of shape (n, features)
            As in `predict`.
        """
        return _finite(self._run([PROBABILITIES], X)[0])

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy of a classifier, R^2 of a regressor.

        Parameters
        ----------
        X : table of shape (n, features)
            As in `predict`.
        y : array-like of shape (n,) or (n, outputs)
            The truth.
        sample_weight : array-like of shape (n,) or None
            Weights of rows.
        """
        measure = scores.r2 if self.schema.task == "regression" else scores.accuracy
        return measure(np.asarray(y), self.predict(X), sample_weight)

    def _run(self, outputs: list[str], X: Any) -> list[Array]:
        feed = self._feed(X)
        n = len(feed[self._feed.first])
        size = min(_CHUNK, max(1, _VALUES * n // sum(values.size for values in feed.values())))
        if n <= size:
            return self._compute(outputs, feed)
        chunks = (_rows(feed, slice(i, i + size)) for i in range(0, n, size))
        parts = [self._compute(outputs, chunk) for chunk in chunks]
        return [np.concatenate(part) for part in zip(*parts, strict=True)]

    def _compute(self, outputs: list[str], feed: Feed) -> list[Array]:
        try:
            return self.session.run(outputs, feed)  # type: ignore[no-any-return]
        except Exception as error:
            raise DataError(
                "rows that the model cannot compute", found=f"onnxruntime: {str(error)[:300]}"
            ) from error

    def _labels(self, label: Array) -> Array:
        return label.astype(self._class_labels.dtype, copy=False)

    # As scikit-learn knows an estimator ---------------------------------------------------------

    @property
    def classes_(self) -> Array:
        """Class labels, in the user's own type."""
        if self.schema.classes is None:
            raise AttributeError("a regressor has no classes_")
        return self._class_labels

    @property
    def n_features_in_(self) -> int:
        """Number of columns of X; of features, for images and sequences of them."""
        if self.schema.by_name or self.schema.ragged:
            raise AttributeError("this model takes no table")
        return self.schema.n_features

    @property
    def feature_names_in_(self) -> Array:
        """Names of the columns of X."""
        if self.schema.feature_names is None:
            raise AttributeError("the model was fitted without feature names")
        return np.array(self.schema.feature_names, dtype=object)

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Return the estimator as it is: a file is fitted already."""
        return self

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return ``path`` and ``device``."""
        return {"path": self.path, "device": self.device}

    def set_params(self, **params: Any) -> Self:
        """Change ``path`` or ``device``; the file is opened anew when it is next asked."""
        for name in params:
            if name not in self.get_params():
                raise UnknownNameError.among("parameter of OnnxEstimator", name, self.get_params())
        self.__dict__ = {**self.get_params(), **params}
        return self

    def __getstate__(self) -> dict[str, Any]:
        return self.get_params()

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_clone__(self) -> Self:
        return self

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags

        classes = self.schema.task == "classification"
        return Tags(
            estimator_type="classifier" if classes else "regressor",
            target_tags=TargetTags(required=False),
            classifier_tags=ClassifierTags() if classes else None,
            regressor_tags=None if classes else RegressorTags(),
            input_tags=InputTags(
                two_d_array=not self.schema.of_tensors,
                three_d_array=self.schema.of_tensors,
                allow_nan=self.schema.allow_nan,
                string=self.schema.by_column,
            ),
        )

    def __repr__(self) -> str:
        device = "" if self.device is None else f", device={self.device!r}"
        return f"OnnxEstimator({self.path!r}{device})"


def _rows(feed: Feed, rows: slice) -> Feed:
    return {name: values[rows] for name, values in feed.items()}


def _finite(values: Array) -> Array:
    if not np.isfinite(values).all():
        raise DataError(
            "predictions are NaN or infinite",
            found="X holds values (NaN, or too large for float32) that the model cannot take",
        )
    return values
