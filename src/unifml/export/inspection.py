"""What `inspect_onnx` found."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any

_MOST = 12  # names and operators in one line


@dataclass(frozen=True)
class Tensor:
    """An input or output of a file.

    Attributes
    ----------
    name : str
        Its name.
    type : str
        What it holds: ``float32``, ``int64``, ``string``, ...
    shape : tuple of int and str, or None
        Sides; a name for one that differs from call to call.
    """

    name: str
    type: str
    shape: tuple[int | str, ...] | None

    def __str__(self) -> str:
        sides = "of any shape" if self.shape is None else f"({', '.join(map(str, self.shape))})"
        return f"{self.name}: {self.type} {sides}"


@dataclass(frozen=True)
class Inspection:
    """What is in an ONNX file.

    Attributes
    ----------
    path : str
        The file.
    bytes : int
        Its size.
    producer : str
        Who wrote it.
    inputs, outputs : tuple of Tensor
        Names, types and shapes.
    operators : dict of str to int
        How often each occurs, the most frequent first.
    opsets : dict of str to int
        Version of operators by domain.
    ir_version : int
        Version of the format.
    parameters, parameter_bytes : int
        How many numbers the constants hold, and in how many bytes.
    external : int
        Tensors whose values are in other files.
    task : str or None
        What the model answers; like all below, of files of unifml alone.
    classes : list or None
        Class labels in order.
    feature_names : tuple of str or None
        Names of columns.
    roads : list of dict
        Who wrote which part.
    version : str
        Of unifml.
    versions : dict of str to str
        Of the packages that took part.
    proof : dict
        What was compared with the native model, and how far it differed.
    """

    path: str
    bytes: int
    producer: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    operators: dict[str, int]
    opsets: dict[str, int]
    ir_version: int
    parameters: int
    parameter_bytes: int
    external: int = 0
    task: str | None = None
    classes: list[Any] | None = None
    feature_names: tuple[str, ...] | None = None
    roads: list[dict[str, str]] = field(default_factory=list)
    version: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    proof: dict[str, Any] = field(default_factory=dict)

    @property
    def warning(self) -> str:
        """What is to be known before the file is used; empty if nothing is."""
        if not self.proof.get("agrees", True):
            found = self.proof.get("found", "")
            return f"it differs from its model, and was written with allow_mismatch=True: {found}"
        if self.task is not None and not self.proof:
            return "the file holds no proof that it agrees with its model"
        return ""

    def _lines(self) -> list[tuple[str, str]]:
        """Return what there is to show: title and text."""
        task = self.task or "not written by unifml"
        lines = [("model", f"{task}, {_size(self.bytes)}, by {self.producer or 'unknown'}")]
        lines += [("input", str(tensor)) for tensor in self.inputs[:_MOST]]
        lines += _more("input", len(self.inputs))
        lines += [("output", str(tensor)) for tensor in self.outputs[:_MOST]]
        lines += _more("output", len(self.outputs))
        if self.classes is not None:
            lines.append(("classes", _listed(self.classes)))
        if self.feature_names is not None:
            lines.append(("features", _listed(self.feature_names)))
        counts = [f"{name} {count}" for name, count in self.operators.items()]
        lines.append(("operators", f"{sum(self.operators.values())}: {_listed(counts)}"))
        opsets = ", ".join(f"{domain} {number}" for domain, number in self.opsets.items())
        lines.append(("opsets", f"{opsets} (format {self.ir_version})"))
        lines.append(("parameters", f"{self.parameters:,} numbers, {_size(self.parameter_bytes)}"))
        if self.external:
            lines.append(("external", f"{self.external} tensors in other files"))
        lines += [("written", f"{r.get('part')}: {r.get('exporter')}") for r in self.roads]
        if self.versions:
            lines.append(("versions", ", ".join(f"{k} {v}" for k, v in self.versions.items())))
        if self.proof:
            lines.append(("proof", _proven(self.proof)))
        return lines + ([("WARNING", self.warning)] if self.warning else [])

    def __str__(self) -> str:
        shown, last = [self.path], ""
        for title, text in self._lines():
            shown.append(f"  {title if title != last else '':<11}{_plain(text)}")
            last = title
        return "\n".join(shown)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(title)}</th><td>{escape(text)}</td></tr>"
            for title, text in self._lines()
        )
        return f"<table>{rows}</table>"

    def to_json(self) -> str:
        """Return all fields as JSON."""
        return json.dumps(asdict(self) | {"warning": self.warning})

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with one line per input and output."""
        import pandas as pd

        both = [("input", t) for t in self.inputs] + [("output", t) for t in self.outputs]
        return pd.DataFrame([{"role": role} | asdict(tensor) for role, tensor in both])


def _proven(proof: dict[str, Any]) -> str:
    """Return the proof in words."""
    parts = [f"on {proof.get('rows', 'unknown')} rows"]
    apart, flips = proof.get("max_abs_diff"), proof.get("label_flips")
    if isinstance(apart, int | float):
        parts.append(f"largest difference {apart:.1e}")
    if flips:
        parts.append(f"{flips} labels decided differently")
    if "metric" in proof:
        scores = f"{proof.get('score_onnx')}, of the model {proof.get('score')}"
        parts.append(f"{proof.get('precision')}: {proof['metric']} {scores}")
    checks = proof.get("checks")
    if isinstance(checks, list):
        parts.append(f"{len(checks)} kinds of rows")
    return ", ".join(parts)


def _more(title: str, count: int) -> list[tuple[str, str]]:
    return [(title, f"... {count} in all")] if count > _MOST else []


def _listed(values: Any) -> str:
    shown = ", ".join(map(str, list(values)[:_MOST]))
    return f"{shown}, ... {len(values)} in all" if len(values) > _MOST else shown


def _size(count: int) -> str:
    return f"{count / 2**10:.1f} KiB" if count < 2**20 else f"{count / 2**20:.1f} MiB"


def _plain(text: str) -> str:
    """Return text without signs that steer a terminal: names in a file may hold any."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
