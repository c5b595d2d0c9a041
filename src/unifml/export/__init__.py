"""Whole pipelines to one ONNX file, proven on real rows before it is put in place."""

from unifml.export.report import OnnxExport
from unifml.export.verb import export_onnx

__all__ = ["OnnxExport", "export_onnx"]
