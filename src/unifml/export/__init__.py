"""Whole pipelines to one ONNX file, proven on real rows before it is put in place."""

from unifml.export.inspect import inspect_onnx
from unifml.export.inspection import Inspection
from unifml.export.report import OnnxExport
from unifml.export.verb import export_onnx

__all__ = ["Inspection", "OnnxExport", "export_onnx", "inspect_onnx"]
