"""What the Writer asks to make its networks smaller."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from unifml.errors import ExportError, UnknownNameError
from unifml.export.shrink.half import fp16
from unifml.export.shrink.integers import int8, int8_static
from unifml.export.shrink.reach import rows_reaching
from unifml.runtime.schema import Input

if TYPE_CHECKING:
    from unifml.export.writer import Writer

Precision = Literal["float32", "fp16", "int8", "int8_static"]
PRECISIONS: tuple[str, ...] = get_args(Precision)
_ROWS = 1024


@dataclass
class Shrinker:
    """Makes each network of a model smaller, and keeps account of it.

    Attributes
    ----------
    precision : {"fp16", "int8", "int8_static"}
        How.
    inputs : tuple of Input
        Inputs of the file.
    feed : callable
        Gives rows as the file takes them; asked for ``int8_static`` alone.
    sizes : list of (int, int)
        Of each network, bytes before and after; the same where nothing was to be gained.
    """

    precision: Precision
    inputs: tuple[Input, ...] = ()
    feed: Callable[[], Mapping[str, npt.NDArray[Any]]] = dict
    sizes: list[tuple[int, int]] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        precision: str,
        inputs: tuple[Input, ...],
        feed: Callable[[], Mapping[str, npt.NDArray[Any]]],
    ) -> Shrinker | None:
        """Return a shrinker, or None for ``"float32"``.

        Raises
        ------
        UnknownNameError
            For a precision that there is not.
        """
        if precision not in PRECISIONS:
            raise UnknownNameError.among("precision", precision, PRECISIONS)
        if precision == "float32":
            return None
        return cls(cast(Precision, precision), inputs, feed)

    def __call__(self, writer: Writer, proto: Any, names: Mapping[str, str]) -> tuple[Any, str]:
        """Return a smaller network, and what was done; the same network if that is no smaller.

        Parameters
        ----------
        writer : Writer
            Writes the graph that the network becomes a part of.
        proto : onnx.ModelProto
            The network.
        names : dict of str to str
            For each input of it, what it is called in the graph.
        """
        before = proto.ByteSize()
        smaller, how = self._shrunk(writer, _of_version(proto, writer.opset), names)
        after = smaller.ByteSize()
        if after >= before:
            self.sizes.append((before, before))
            return proto, f"float32: {self.precision} would not make it smaller"
        self.sizes.append((before, after))
        return smaller, how

    def check(self, what: str) -> None:
        """Refuse where nothing became smaller.

        Raises
        ------
        ExportError
            If there was no network, or none with anything to gain.
        """
        if any(after < before for before, after in self.sizes):
            return
        none = "no network in it" if not self.sizes else "no network that would become smaller"
        raise ExportError(
            f"exporting {what} with precision={self.precision!r}",
            found=none,
            rule="networks are made smaller; trees, linear models and preprocessing stay exact",
            fix='leave it in float32: precision="float32"',
        )

    def _shrunk(self, writer: Writer, proto: Any, names: Mapping[str, str]) -> tuple[Any, str]:
        if self.precision == "fp16":
            return fp16(proto)
        if self.precision == "int8":
            return int8(proto)
        feed = {name: _some(values) for name, values in self.feed().items()}
        found = rows_reaching(writer, self.inputs, feed, names.values())
        dtypes = _dtypes(proto)
        rows = {inner: found[name].astype(dtypes[inner]) for inner, name in names.items()}
        return int8_static(proto, rows)


def _dtypes(proto: Any) -> dict[str, Any]:
    """Return NumPy's types of a network's inputs."""
    from onnx import helper

    types = {i.name: i.type.tensor_type.elem_type for i in proto.graph.input}
    return {name: helper.tensor_dtype_to_np_dtype(kind) for name, kind in types.items()}


def _some(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return rows from the first to the last, not too many to calibrate with."""
    n = len(values)
    return values if n <= _ROWS else values[np.linspace(0, n - 1, _ROWS).astype(int)]


def _of_version(proto: Any, opset: int) -> Any:
    """Return a network in operators of a version: exporters of frameworks have theirs."""
    from onnx import inliner, version_converter

    flat = inliner.inline_local_functions(proto) if proto.functions else proto
    if all(e.version == opset for e in flat.opset_import if e.domain == ""):
        return flat
    return version_converter.convert_version(flat, opset)
