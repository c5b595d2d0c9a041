"""What a file says of itself: inputs, outputs, classes. It is stored in the file as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from unifml.errors import DataError

SCHEMA = "unifml.schema"
Kind = Literal["float", "double", "string"]
LABEL, PROBABILITIES, PREDICTION = "label", "probabilities", "prediction"


@dataclass(frozen=True)
class Input:
    """One input of the graph.

    Attributes
    ----------
    name : str
        Its name in the graph.
    kind : {"float", "double", "string"}
        What its tensor holds; ``double`` where trees come after steps that compute in float64.
    row : tuple of int
        Shape of one row.
    """

    name: str
    kind: Kind
    row: tuple[int, ...]


@dataclass(frozen=True)
class Schema:
    """What goes into a file, and what comes out.

    Attributes
    ----------
    task : {"classification", "regression"}
        Labels, or numbers.
    inputs : tuple of Input
        One tensor of all features, or one input per column.
    outputs : tuple of str
        Of ``label``, ``probabilities`` and ``prediction``, those that there are.
    by_column : bool
        Whether there is one input per column.
    feature_names : tuple of str or None
        Column names, if the model was fitted on named columns.
    classes : list or None
        Class labels in order.
    classes_dtype : str
        Their NumPy dtype.
    multilabel : bool
        Whether labels are a matrix of 0 and 1.
    allow_nan : bool
        Whether NaN in X is meant to be there.
    """

    task: Literal["classification", "regression"]
    inputs: tuple[Input, ...]
    outputs: tuple[str, ...]
    by_column: bool = False
    feature_names: tuple[str, ...] | None = None
    classes: list[Any] | None = None
    classes_dtype: str = "int64"
    multilabel: bool = False
    allow_nan: bool = False

    @property
    def n_features(self) -> int:
        """Number of columns of X."""
        return len(self.inputs) if self.by_column else self.inputs[0].row[-1]

    def class_labels(self) -> npt.NDArray[Any]:
        """Return the classes in the user's own type."""
        labels = np.empty(len(self.classes or []), dtype=object)
        labels[:] = self.classes
        return labels.astype(self.classes_dtype)

    def to_json(self) -> str:
        """Return the schema as text."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, metadata: Mapping[str, str], path: str) -> Schema:
        """Read the schema out of a file's metadata.

        Raises
        ------
        DataError
            For a file that unifml did not write.
        """
        if SCHEMA not in metadata:
            raise DataError(
                f"loading {path}",
                found="an ONNX file without unifml's description of inputs and classes",
                rule="files written by unifml.export_onnx can be loaded",
                fix="use onnxruntime.InferenceSession for files of other tools",
            )
        fields = json.loads(metadata[SCHEMA])
        names = fields["feature_names"]
        return cls(
            **fields
            | {
                "inputs": tuple(
                    Input(i["name"], i["kind"], tuple(i["row"])) for i in fields["inputs"]
                ),
                "outputs": tuple(fields["outputs"]),
                "feature_names": None if names is None else tuple(names),
            }
        )
