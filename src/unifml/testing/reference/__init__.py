"""The oracle: what every layer computes, in plain NumPy, and slowly."""

from unifml.testing.reference.forward import run, valid, values

__all__ = ["run", "valid", "values"]
