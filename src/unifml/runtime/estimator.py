"""A loaded ONNX file that behaves as a scikit-learn estimator."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.runtime import scores
from unifml.runtime.asking import Ask, asker
from unifml.runtime.feeding import Feeder
from unifml.runtime.file import OnnxFile
from unifml.runtime.metadata import differs
from unifml.runtime.opening import Limits
from unifml.runtime.schema import LABEL, PREDICTION, SCORES, TRANSFORMED

Array = npt.NDArray[Any]


def load_onnx(
    path: str | os.PathLike[str],
    device: str | None = None,
    *,
    threads: int | None = None,
    allow_external_data: bool = False,
    max_bytes: int | None = None,
) -> OnnxEstimator:
    """Load a file that `unifml.export_onnx` wrote.

    The file may come from anywhere: before onnxruntime opens it, its size, its operators and what
    it wants to read beside itself are looked at, and nothing in it is run as code.

    Parameters
    ----------
    path : str or path
        The file.
    device : str or None
        ``"cpu"`` (the default), ``"cuda"``, ``"cuda:1"``, or ``"auto"`` for the best there is.
    threads : int or None
        Threads that compute one call; None leaves it to onnxruntime. 1 is best where many calls
        run side by side.
    allow_external_data : bool
        Whether weights may be in other files of the same folder, as those of models above 2 GiB.
    max_bytes : int or None
        Largest size, external data included; None: 2 GiB, or 64 GiB with external data.

    Returns
    -------
    OnnxEstimator
        It needs onnxruntime and NumPy, nothing else.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DataError
        If it is no ONNX file of unifml, too large, or has operators or other files that it may not.
    DeviceError
        If onnxruntime has no such device here.

    Warns
    -----
    UserWarning
        If the file says that it does not agree with the model it was made of.

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
    estimator = OnnxEstimator(os.fsdecode(path), device, threads)
    estimator._limits = Limits(allow_external_data, max_bytes)
    if differs(estimator.metadata):
        warnings.warn(f"{path}: written although it differs from its model", stacklevel=2)
    return estimator


class _Only:
    """A method that exists only where the file can answer it."""

    def __init__(self, method: Callable[..., Any]) -> None:
        self.method, self.__doc__ = method, method.__doc__
        self.__name__ = method.__name__

    def __get__(self, owner: OnnxEstimator | None, kind: type) -> Any:
        if owner is None:
            return self.method
        if self.__name__ not in owner._methods:
            raise AttributeError(f"a file for {owner.schema.task} has no method {self.__name__!r}")
        return self.method.__get__(owner, kind)


class OnnxEstimator(OnnxFile):
    """An ONNX file as a fitted estimator: onnxruntime computes, NumPy does the rest.

    It has the methods that its file can answer: ``predict``, ``predict_proba``,
    ``decision_function``, ``transform``, ``score``. Several threads may ask it at once.

    Parameters
    ----------
    path : str
        The file.
    device : str or None
        ``"cpu"`` (the default), ``"cuda"``, ``"cuda:1"`` or ``"auto"``.
    threads : int or None
        Threads that compute one call; None leaves it to onnxruntime.

    Attributes
    ----------
    classes_ : array, or list of arrays
        Class labels in the user's own type (classifiers only), of each output if there are several.
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

    @cached_property
    def _methods(self) -> frozenset[str]:
        schema = self.schema
        each = {
            "predict": LABEL in schema.outputs or PREDICTION in schema.outputs,
            "predict_proba": bool(schema.shares),
            "decision_function": SCORES in schema.outputs,
            "transform": TRANSFORMED in schema.outputs,
            "get_feature_names_out": TRANSFORMED in schema.outputs,
            "score": schema.task in ("classification", "regression"),
        }
        return frozenset(name for name, there in each.items() if there)

    @cached_property
    def _feed(self) -> Feeder:
        return Feeder(self.schema)

    @cached_property
    def _ask_numbers(self) -> Ask:
        return asker(self.session, self._feed, [PREDICTION])

    @cached_property
    def _ask_labels(self) -> Ask:
        """Ask for labels, and for the numbers that show whether they can be trusted."""
        scores = [SCORES] if SCORES in self.schema.outputs else []
        return asker(self.session, self._feed, [LABEL, *self.schema.shares, *scores])

    @cached_property
    def _ask_shares(self) -> Ask:
        return asker(self.session, self._feed, list(self.schema.shares))

    @cached_property
    def _ask_scores(self) -> Ask:
        return asker(self.session, self._feed, [SCORES])

    @cached_property
    def _ask_columns(self) -> Ask:
        return asker(self.session, self._feed, [TRANSFORMED], finite=False)

    @cached_property
    def _several(self) -> bool:
        return self.schema.several

    @cached_property
    def _class_labels(self) -> list[Array]:
        return self.schema.class_labels()

    # Predictions --------------------------------------------------------------------------------

    @_Only
    def predict(self, X: Any) -> Array:
        """Return labels in the user's own type, or numbers.

        Parameters
        ----------
        X : table of shape (n, features), array of images, list of sequences, or dict of these
            As the model took it. A table is an array, a list, or a frame of pandas, polars or
            Arrow: its columns as in fit, or in any order where the model finds them by name, as a
            ColumnTransformer does. A list of texts where the model takes documents.

        Returns
        -------
        array of shape (n,) or (n, outputs)

        Raises
        ------
        DataError
            For a table of another shape, other names, or values that the model cannot take.
        """
        if self.schema.task == "regression":
            return self._ask_numbers(X)[0]
        return self._labels(self._ask_labels(X)[0])

    @_Only
    def predict_proba(self, X: Any) -> Any:
        """Return probabilities of shape (n, classes), in float32; a list of them, one an output.

        Parameters
        ----------
        X : table of shape (n, features)
            As in `predict`.
        """
        found = self._ask_shares(X)
        return found if self._several else found[0]

    @_Only
    def decision_function(self, X: Any) -> Array:
        """Return scores of shape (n,): below 0 for outliers.

        Parameters
        ----------
        X : table of shape (n, features)
            As in `predict`.
        """
        return self._ask_scores(X)[0]

    @_Only
    def transform(self, X: Any) -> Array:
        """Return the columns that a transformer makes, of shape (n, columns).

        Parameters
        ----------
        X : table of shape (n, features)
            As in `predict`.
        """
        return self._ask_columns(X)[0]

    @_Only
    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Return names of the columns that `transform` makes: transformed0, transformed1, ..."""
        ends = {node.name: node.shape for node in self.session.get_outputs()}
        width = ends[TRANSFORMED][-1]
        if not isinstance(width, int):
            raise AttributeError("the file does not say how many columns it makes")
        return np.array([f"{TRANSFORMED}{i}" for i in range(width)], dtype=object)

    @_Only
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

    def _labels(self, label: Array) -> Array:
        """Return labels in the user's own type; those of several outputs side by side."""
        if self.schema.classes is None:
            return label
        if not self.schema.several:
            return label.astype(self._class_labels[0].dtype, copy=False)
        each = zip(label.T, self._class_labels, strict=True)
        return np.stack([column.astype(known.dtype) for column, known in each], axis=1)

    # As scikit-learn knows an estimator ---------------------------------------------------------

    @property
    def classes_(self) -> Any:
        """Class labels, in the user's own type."""
        if self.schema.task != "classification":
            raise AttributeError(f"a file for {self.schema.task} has no classes_")
        return self._class_labels if self.schema.several else self._class_labels[0]

    @property
    def n_features_in_(self) -> int:
        """Number of columns of X; of features, for images and sequences of them."""
        if self.schema.by_name or self.schema.ragged or self.schema.of_documents:
            raise AttributeError("this model takes no table")
        return self.schema.n_features

    @property
    def feature_names_in_(self) -> Array:
        """Names of the columns of X."""
        if self.schema.feature_names is None:
            raise AttributeError("the model was fitted without feature names")
        return np.array(self.schema.feature_names, dtype=object)
