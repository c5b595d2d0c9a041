"""int8: a quarter of the bytes, by onnxruntime's quantiser."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.export.shrink.order import floats
from unifml.export.shrink.simplify import by_upstream, simplified
from unifml.export.shrink.stored import STORED, stored

Arrays = Mapping[str, npt.NDArray[Any]]
_DYNAMIC = ("MatMul", "Gemm", "LSTM")
_STATIC = ("Conv", "MatMul", "Gemm")
_BATCH = 64
# Seven bits: where a CPU has no VNNI, sums of products of eight bits overflow without a word, so
# that a file proven on one machine would be wrong on another.
_WEIGHTS = {"per_channel": True, "reduce_range": True}


def int8(proto: Any) -> tuple[Any, str]:
    """Return a network with weights in int8, whose inputs are rounded batch by batch as they come.

    Dense layers and LSTMs compute in int8. Of convolutions, GRUs, simple recurrent layers and
    embeddings the weights are stored in int8 and used in float32, since onnxruntime has no integer
    kernel for them, or (for convolutions) only a slow one.

    Parameters
    ----------
    proto : onnx.ModelProto
        The network.

    Returns
    -------
    onnx.ModelProto
        The smaller network.
    str
        What was done.

    Raises
    ------
    ExportError
        For what onnxruntime cannot quantise.
    """
    asked = 'a network in int8: precision="int8"'
    made = by_upstream(
        asked, lambda folder: stored(_dynamic(simplified(proto), folder), STORED | {"Conv"})
    )
    return made, _told(made, "int8, dynamic")


def int8_static(proto: Any, rows: Arrays) -> tuple[Any, str]:
    """Return a network with weights in int8, whose inputs are rounded by ranges found beforehand.

    Convolutions and dense layers compute in int8; weights of recurrent layers and embeddings are
    stored in int8.

    Parameters
    ----------
    proto : onnx.ModelProto
        The network.
    rows : dict of str to array
        By its inputs, what reaches the network: the ranges of all layers are taken from it.

    Raises
    ------
    ExportError
        For what onnxruntime cannot quantise.
    """
    asked = 'a network in int8: precision="int8_static"'
    kinds = STORED | {"LSTM"}
    made = by_upstream(
        asked, lambda folder: stored(_static(simplified(proto), rows, folder), kinds)
    )
    return made, _told(made, "int8, static")


def _dynamic(proto: Any, folder: Path) -> Any:
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    path = folder / "int8.onnx"
    quantize_dynamic(
        _prepared(proto),
        path,
        list(_DYNAMIC),
        weight_type=QuantType.QInt8,
        nodes_to_exclude=_stacks(proto),
        **_WEIGHTS,
    )
    return onnx.load(path)


def _static(proto: Any, rows: Arrays, folder: Path) -> Any:
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    path = folder / "int8.onnx"
    quantize_static(
        _prepared(proto),
        path,
        _Reader(rows),
        QuantFormat.QDQ,
        list(_STATIC),
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=_stacks(proto),
        # Sums stay float32: rounding them too costs accuracy, and onnxruntime gains nothing.
        extra_options={
            "OpTypesToExcludeOutputQuantization": list(_STATIC),
            "MatMulConstBOnly": True,
        },
        **_WEIGHTS,
    )
    return onnx.load(path)


class _Reader:
    """Rows in batches, as onnxruntime's calibration takes them."""

    def __init__(self, rows: Arrays) -> None:
        self._batches = self._each(rows)

    def _each(self, rows: Arrays) -> Iterator[dict[str, npt.NDArray[Any]]]:
        n = len(next(iter(rows.values())))
        for start in range(0, n, _BATCH):
            yield {
                name: np.ascontiguousarray(values[start : start + _BATCH])
                for name, values in rows.items()
            }

    def get_next(self) -> dict[str, npt.NDArray[Any]] | None:
        """Return the next batch, None behind the last."""
        return next(self._batches, None)

    def set_range(self, start_index: int, end_index: int) -> None:
        """Do nothing: all batches are read."""


def _prepared(proto: Any) -> Any:
    """Say that the network is simplified already, so that the quantiser does not ask for it."""
    from onnxruntime.quantization.quant_utils import add_pre_process_metadata

    add_pre_process_metadata(proto)
    return proto


def _stacks(proto: Any) -> list[str]:
    """Return names of nodes that multiply by a stack of matrices, of which kernels know nothing."""
    deep = {name for name, tensor in floats(proto).items() if len(tensor.dims) > 2}
    return [n.name for n in proto.graph.node if n.op_type == "MatMul" and deep & {*n.input}]


def _told(proto: Any, how: str) -> str:
    """Return what was done, with the operators of onnxruntime's own that came in."""
    own = sorted({node.op_type for node in proto.graph.node if node.domain == "com.microsoft"})
    return f"{how} ({', '.join(own)} of onnxruntime)" if own else how
