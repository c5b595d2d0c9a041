"""The ONNX file as an estimator, with numpy and onnxruntime only."""

from unifml.runtime.estimator import OnnxEstimator, load_onnx

__all__ = ["OnnxEstimator", "load_onnx"]
