"""For authors of adapters: the conformance kit, and a whole backend to read."""

from unifml.testing.kit import Check, ConformanceError, check_adapter
from unifml.testing.toy import ToyAdapter

__all__ = ["Check", "ConformanceError", "ToyAdapter", "check_adapter"]
