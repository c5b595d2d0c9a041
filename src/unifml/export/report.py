"""What an export gave."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class OnnxExport:
    """A file that was written and proven.

    Attributes
    ----------
    path : str
        The file.
    max_abs_diff : float
        Largest difference between file and model, of a probability or a predicted number.
    rows : int
        Rows that were compared.
    label_flips : int
        Rows where rounding decided a tie of classes differently.
    exporter : str
        Who wrote the parts: ``unifml`` from the spec of a network, ``skl2onnx``, or the exporter
        of a framework.
    opset : int
        Version of ONNX's operators.
    bytes : int
        Size of the file.
    """

    path: str
    max_abs_diff: float
    rows: int
    label_flips: int
    exporter: str
    opset: int
    bytes: int
    _differences: npt.NDArray[Any] = field(
        repr=False, compare=False, default_factory=lambda: np.zeros(0)
    )

    def _fields(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if not key.startswith("_")}

    def __str__(self) -> str:
        flips = f", {self.label_flips} ties decided differently" if self.label_flips else ""
        return (
            f"{self.path}: {self.bytes / 1024:.1f} KiB, opset {self.opset}, by {self.exporter}; "
            f"proven on {self.rows} rows, largest difference {self.max_abs_diff:.1e}{flips}"
        )

    def _repr_html_(self) -> str:
        cells = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th><td>{escape(str(value))}</td></tr>"
            for name, value in self._fields().items()
        )
        return f"<table>{cells}</table>"

    def to_json(self) -> str:
        """Return the fields as JSON."""
        return json.dumps(self._fields())

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with one row."""
        import pandas as pd

        return pd.DataFrame([self._fields()])

    def plot(self, ax: Any = None) -> Any:
        """Draw how many rows differ by how much, on a logarithmic scale.

        Parameters
        ----------
        ax : matplotlib Axes or None
            Where to draw; a new figure if None.

        Returns
        -------
        matplotlib Axes
        """
        import matplotlib.pyplot as plt

        ax = plt.subplots()[1] if ax is None else ax
        ax.hist(np.log10(np.maximum(self._differences, 1e-12)), bins=30)
        ax.set_xlabel("log10 of the largest difference in a row (at least 1e-12)")
        ax.set_ylabel("rows")
        ax.set_title(self.path)
        return ax
