"""Modules to ONNX, by one of torch's two exporters: each takes what the other cannot.

The tracing one (TorchScript) is faster by an order of magnitude and takes every recurrent layer;
the other (dynamo) takes attention over sequences of any length. What either makes is held against
the module before it is taken.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import BytesIO, StringIO
from typing import Any

import torch
from torch import Tensor, nn

from unifml.adapters._torch_engine.onnx_check import Arrays, Draw, as_tensors, baked, check
from unifml.core.exported import OUTPUTS, Port, Road, dressed

TORCHSCRIPT, DYNAMO = "torch.onnx torchscript", "torch.onnx dynamo"
FIX = (
    "let forward compute on tensors alone: X.shape[0] in place of len(X), torch.where in place of "
    "an if on values, a gather of the last valid step in place of packed sequences"
)
_LAST = 20  # opset of the tracing exporter; the other goes further
_LOGGERS = (
    "torch.onnx",
    "torch.onnx._internal.exporter._registration",
    "torch.export",
    "torch._dynamo",
    "torch.fx",
    "onnxscript",
    "onnx_ir",
)


class Called(nn.Module):
    """A model as a function of its inputs one after the other, with one output (batch, width).

    Parameters
    ----------
    module : nn.Module
        The model; it is put into inference mode.
    call : callable
        What the model makes of one tensor, or of tensors by name.
    ports : sequence of Port
        The inputs.
    named : bool
        Whether the model gets them by name.
    """

    def __init__(
        self, module: nn.Module, call: Callable[[Any], Any], ports: Sequence[Port], named: bool
    ) -> None:
        super().__init__()
        self.module, self.call, self.ports, self.named = module, call, tuple(ports), named
        self.eval()

    def forward(self, *tensors: Tensor) -> Any:
        by_name = {port.name: each for port, each in zip(self.ports, tensors, strict=True)}
        outputs = self.call(by_name if self.named else tensors[0])
        return outputs.unsqueeze(-1) if outputs.ndim == 1 else outputs

    def predict(self, arrays: Arrays) -> Any:
        """Return outputs of arrays by name."""
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the user has seen them in predictions
            return self(*self.tensors(arrays)).numpy()

    def tensors(self, arrays: Arrays) -> tuple[Tensor, ...]:
        """Return arrays by name as this module takes them."""
        cast = {port.name: arrays[port.name].astype(port.dtype) for port in self.ports}
        return tuple(as_tensors(cast).values())


def roads(called: Called, draw: Draw, opset: int, note: str = "") -> list[Road]:
    """Return the exporters to try, the one that is faster or known to be right first.

    Parameters
    ----------
    called : Called
        What is exported, on the CPU.
    draw : Draw
        Draws the rows to trace.
    opset : int
        The version of the operators.
    note : str
        Is added to the names of the roads.
    """
    example = called.tensors(draw())
    found = [
        Road(f"{TORCHSCRIPT}{note}", lambda: _by_tracing(called, example, opset)),
        Road(f"{DYNAMO}{note}", lambda: _by_dynamo(called, example, opset)),
    ]
    return found[::-1] if _attends_to_any_length(called) else found


def checker(called: Called, draw: Draw) -> Callable[[Any], str]:
    """Return a function that says what is wrong with a graph of a module; see `check`."""

    def wrong(proto: Any) -> str:
        return check(proto, called.ports, called.predict, draw)

    return wrong


def _by_tracing(called: Called, example: tuple[Tensor, ...], opset: int) -> Any:
    import onnx

    names = [port.name for port in called.ports]
    axes = {port.name: port.dynamic for port in called.ports}
    buffer = BytesIO()
    with _quiet():
        torch.onnx.export(
            called,
            example,
            buffer,
            dynamo=False,
            opset_version=min(opset, _LAST),
            input_names=names,
            output_names=[OUTPUTS],
            dynamic_axes={**axes, OUTPUTS: {0: "batch"}},
            verbose=False,
        )
    return _finished(onnx.load_model_from_string(buffer.getvalue()), called.ports, opset)


def _by_dynamo(called: Called, example: tuple[Tensor, ...], opset: int) -> Any:
    dims = {name: torch.export.Dim(f"d{i}") for i, name in enumerate(_axes(called.ports))}
    shapes = tuple({a: dims[name] for a, name in p.dynamic.items()} for p in called.ports)
    with _quiet():
        program: Any = torch.onnx.export(
            called,
            example,
            None,
            dynamo=True,
            opset_version=opset,
            input_names=[port.name for port in called.ports],
            output_names=[OUTPUTS],
            dynamic_shapes=(shapes,),
            verbose=False,
        )
    return _finished(program.model_proto, called.ports, opset)


def _axes(ports: Sequence[Port]) -> list[str]:
    return list(dict.fromkeys(name for port in ports for name in port.dynamic.values()))


def _finished(proto: Any, ports: Sequence[Port], opset: int) -> Any:
    """Return a graph of the version asked for, which keeps nothing of the machine it was made on.

    Raises
    ------
    ValueError
        An exporter has made a number of an axis of any size, which it does without a word.
    """
    from onnx import version_converter

    found = baked(proto, ports)
    if found:
        raise ValueError(found)
    if any(entry.domain == "" and entry.version != opset for entry in proto.opset_import):
        proto = version_converter.convert_version(proto, opset)
    for part in (proto, proto.graph, *proto.functions):
        part.doc_string = ""
        del part.metadata_props[:]
    for node in (*proto.graph.node, *(n for f in proto.functions for n in f.node)):
        node.doc_string = ""
        del node.metadata_props[:]  # lines of the files that the model was written in
    return dressed(proto, ports)


def _attends_to_any_length(called: Called) -> bool:
    """Say whether attention is over a number of steps that differs, which tracing bakes in."""
    ragged = any(port.ragged for port in called.ports)
    return ragged and any(isinstance(m, nn.MultiheadAttention) for m in called.modules())


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence both exporters in a block: warnings, logs, and the graph of what fails."""
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)
    log = getattr(torch._C, "_jit_onnx_log", None)
    try:
        if log is not None:
            torch._C._jit_onnx_log = _nothing
        with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            # Of the exporter's age, and of what it takes for a constant; the graph is checked.
            warnings.simplefilter("ignore")
            yield
    finally:
        if log is not None:
            torch._C._jit_onnx_log = log
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def _nothing(*args: Any) -> None:
    """Log nothing."""


def first_of(outputs: Any) -> Any:
    """Return the first of outputs by name, or the one that there is."""
    return next(iter(outputs.values())) if isinstance(outputs, dict) else outputs


def in_float32(ports: Sequence[Port]) -> tuple[Port, ...]:
    """Return inputs whose floats are float32."""
    return tuple(
        Port(port.name, port.shape, "float32") if "float" in port.dtype else port for port in ports
    )
