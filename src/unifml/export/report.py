"""What an export gave."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.export.proof import Check, Proof
from unifml.export.shrink import Worth
from unifml.export.writer import Road


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
    agrees : bool
        Whether file and model agree; False only with ``allow_mismatch=True``.
    checks : tuple of Check
        What came of each kind of rows: those given, small batches, generated ones; with how many
        rows, the largest difference, and what the model refused.
    precision : str
        Of the networks in it.
    metric : str
        What a smaller file was judged by; "" for one in float32.
    score, score_onnx : float
        Of the model, and of the smaller file; NaN for one in float32.
    bytes_before : int
        Size of the file in float32.
    """

    path: str
    max_abs_diff: float
    rows: int
    label_flips: int
    exporter: str
    opset: int
    bytes: int
    agrees: bool = True
    checks: tuple[Check, ...] = ()
    precision: str = "float32"
    metric: str = ""
    score: float = math.nan
    score_onnx: float = math.nan
    bytes_before: int = 0
    _differences: npt.NDArray[Any] = field(
        repr=False, compare=False, default_factory=lambda: np.zeros(0)
    )

    @classmethod
    def of(
        cls,
        path: str,
        proof: Proof,
        roads: Sequence[Road],
        opset: int,
        size: int,
        precision: str,
        before: int,
        worth: Worth | None,
    ) -> OnnxExport:
        """Return the report of a file; a smaller one's differences are its own."""
        exporter = " + ".join(dict.fromkeys(road for _, road in roads))
        found = proof.given
        difference, flips, apart = found.max_abs_diff, found.label_flips, proof.differences
        judged: dict[str, Any] = {}
        if worth is not None:
            apart, flips = worth.differences, worth.flips
            difference = float(apart.max(initial=0.0))
            judged = {
                "metric": worth.metric,
                "score": worth.score,
                "score_onnx": worth.score_onnx,
            }
        return cls(
            path,
            difference,
            found.rows,
            flips,
            exporter,
            opset,
            size,
            proof.agrees,
            proof.checks,
            precision,
            bytes_before=before,
            _differences=apart,
            **judged,
        )

    def _fields(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if not key.startswith("_")}

    def __str__(self) -> str:
        if self.metric:
            return (
                f"{self.path}: {self.bytes / 1024:.1f} KiB in {self.precision} "
                f"({self.bytes / self.bytes_before:.0%} of float32), opset {self.opset}, by "
                f"{self.exporter}; {self.metric} {self.score_onnx:.4f}, of the model "
                f"{self.score:.4f}, largest difference {self.max_abs_diff:.1e}"
            )
        flips = f", {self.label_flips} ties decided differently" if self.label_flips else ""
        more = sum(check.rows for check in self.checks[1:])
        verdict = "proven" if self.agrees else "DIFFERS FROM THE MODEL"
        return (
            f"{self.path}: {self.bytes / 1024:.1f} KiB, opset {self.opset}, by {self.exporter}; "
            f"{verdict} on {self.rows} rows and {more} more, "
            f"largest difference {self.max_abs_diff:.1e}{flips}"
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
