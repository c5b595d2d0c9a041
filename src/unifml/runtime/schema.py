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
LENGTHS = "_lengths"
"""Ends the key of the lengths that go with sequences of unequal length."""
ANY = -1
"""Stands in the shape of a row for a number of steps that differs from row to row."""
Kind = Literal["float", "double", "string", "lengths"]
LABEL, PROBABILITIES, PREDICTION = "label", "probabilities", "prediction"


@dataclass(frozen=True)
class Input:
    """One input of the graph.

    Attributes
    ----------
    name : str
        Its name in the graph.
    kind : {"float", "double", "string", "lengths"}
        What its tensor holds; ``double`` where trees come after steps that compute in float64,
        ``lengths`` for the numbers of steps of sequences, in int64.
    row : tuple of int
        Shape of one row; -1 stands first for sequences of unequal length.
    key : str
        Key of a dict that is X, by which it comes; its name, if that is not given.
    """

    name: str
    kind: Kind
    row: tuple[int, ...]
    key: str = ""

    @property
    def source(self) -> str:
        """Key of a dict that is X, by which it comes."""
        return self.key or self.name

    @property
    def ragged(self) -> bool:
        """Whether its rows are sequences of unequal length."""
        return bool(self.row) and self.row[0] == ANY


@dataclass(frozen=True)
class Schema:
    """What goes into a file, and what comes out.

    Attributes
    ----------
    task : {"classification", "regression"}
        Labels, or numbers.
    inputs : tuple of Input
        One tensor of all features, one input per column, or the inputs of a network.
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
    by_name : bool
        Whether X is a dict of arrays.
    cut : dict or None
        How a frame is cut into such a dict: for each input its columns, or the name of one column
        that holds an array in each row.
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
    by_name: bool = False
    cut: dict[str, Any] | None = None

    @property
    def feeds(self) -> tuple[Input, ...]:
        """The inputs, without lengths of sequences."""
        return tuple(spec for spec in self.inputs if spec.kind != "lengths")

    @property
    def of_tensors(self) -> bool:
        """Whether X is anything but one table: a dict, images, sequences."""
        return self.by_name or (not self.by_column and self.inputs[0].row[1:] != ()) or self.ragged

    @property
    def ragged(self) -> bool:
        """Whether some rows are sequences of unequal length."""
        return any(spec.ragged for spec in self.inputs)

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
                "inputs": tuple(Input(**i | {"row": tuple(i["row"])}) for i in fields["inputs"]),
                "outputs": tuple(fields["outputs"]),
                "feature_names": None if names is None else tuple(names),
            }
        )
