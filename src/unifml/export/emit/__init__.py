"""Networks as ONNX nodes, written from their spec and weights."""

from unifml.export.emit.activations import ACTIVATIONS
from unifml.export.emit.core import emit, network_model
from unifml.export.emit.rules import RULES

__all__ = ["ACTIVATIONS", "RULES", "emit", "network_model"]
