"""What a file says of itself: inputs, outputs, classes. It is stored in the file as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

SCHEMA = "unifml.schema"
LENGTHS = "_lengths"
"""Ends the key of the lengths that go with sequences of unequal length."""
ANY = -1
"""Stands in the shape of a row for a number of steps that differs from row to row."""
Kind = Literal["float", "double", "int64", "bool", "string", "date", "lengths"]
Task = Literal["classification", "regression", "transformation", "clustering", "outliers"]
LABEL, PROBABILITIES, PREDICTION = "label", "probabilities", "prediction"
TRANSFORMED, SCORES = "transformed", "scores"
OUTPUTS = (LABEL, PROBABILITIES, PREDICTION, TRANSFORMED, SCORES)
"""Names of outputs, in their order; a classifier of several outputs has ``probabilities_0``, ..."""


@dataclass(frozen=True)
class Input:
    """One input of the graph.

    Attributes
    ----------
    name : str
        Its name in the graph.
    kind : {"float", "double", "int64", "bool", "string", "date", "lengths"}
        What its tensor holds; ``date`` for microseconds since 1970 in int64, its least value for a
        missing date; ``lengths`` for the numbers of steps of sequences, in int64.
    row : tuple of int
        Shape of one row; -1 stands first for sequences of unequal length; empty for documents.
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
    task : {"classification", "regression", "transformation", "clustering", "outliers"}
        What it answers.
    inputs : tuple of Input
        One tensor of all features, one input per column, or the inputs of a network.
    outputs : tuple of str
        Of `OUTPUTS`, those that there are.
    by_column : bool
        Whether there is one input per column.
    feature_names : tuple of str or None
        Column names, if the model was fitted on named columns.
    classes : list or None
        Class labels in order; for several outputs, a list of such lists.
    classes_dtype : str or tuple of str
        Their NumPy dtype; of each output, where there are several.
    multilabel : bool
        Whether labels are a matrix of 0 and 1.
    allow_nan : bool
        Whether NaN in X is meant to be there.
    by_name : bool
        Whether X is a dict of arrays.
    cut : dict or None
        How a frame is cut into such a dict: for each input its columns, or the name of one column
        that holds an array in each row.
    dtypes : tuple of str or None
        What the columns of a frame were, as its library calls them.
    allow_infinity : bool
        Whether infinity in X is meant to be there.
    any_order : bool
        Whether columns of a frame are found by their names, among others too.
    widest : int
        Longest side of a constant in the graph: as wide may a tensor become that it computes.
    """

    task: Task
    inputs: tuple[Input, ...]
    outputs: tuple[str, ...]
    by_column: bool = False
    feature_names: tuple[str, ...] | None = None
    classes: list[Any] | None = None
    classes_dtype: str | tuple[str, ...] = "int64"
    multilabel: bool = False
    allow_nan: bool = False
    by_name: bool = False
    cut: dict[str, Any] | None = None
    dtypes: tuple[str, ...] | None = None
    allow_infinity: bool = False
    any_order: bool = False
    widest: int = 1

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

    @property
    def shares(self) -> tuple[str, ...]:
        """Names of the probabilities of each output, if there are those of all."""
        names: tuple[str, ...] = (PROBABILITIES,)
        if self.several:
            names = tuple(f"{PROBABILITIES}_{i}" for i in range(len(self.classes_dtype)))
        return names if {*names} <= {*self.outputs} else ()

    @property
    def of_documents(self) -> bool:
        """Whether X is a list of texts."""
        return self.inputs[0].kind == "string" and not self.inputs[0].row

    @property
    def several(self) -> bool:
        """Whether a classifier has several outputs, each with classes of its own."""
        return not isinstance(self.classes_dtype, str)

    def class_labels(self) -> list[npt.NDArray[Any]]:
        """Return the classes of each output, in the user's own type."""
        if isinstance(self.classes_dtype, str):
            return [_labels(self.classes or [], self.classes_dtype)]
        both = zip(self.classes or [], self.classes_dtype, strict=True)
        return [_labels(values, dtype) for values, dtype in both]

    def to_json(self) -> str:
        """Return the schema as text."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, metadata: Mapping[str, str], path: str) -> Schema:
        """Read the schema out of a file's metadata.

        Raises
        ------
        DataError
            For a file that unifml did not write, or whose description is damaged.
        """
        from unifml.runtime.metadata import fields_of

        return cls(**fields_of(metadata, path))


def _labels(values: list[Any], dtype: str) -> npt.NDArray[Any]:
    labels = np.empty(len(values), dtype=object)
    labels[:] = values
    variable = dtype.startswith("StringDType")  # is not understood by its own name
    return labels.astype(np.dtypes.StringDType() if variable else dtype)
