"""Estimators as files: `save` and `load`."""

from unifml.tasks.persist.load import load
from unifml.tasks.persist.save import save

__all__ = ["load", "save"]
