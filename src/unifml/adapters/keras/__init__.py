"""Keras: networks and the user's own Keras models, an epoch at a time in one compiled call."""

from unifml.adapters.keras.adapter import KerasAdapter

__all__ = ["KerasAdapter", "adapter"]

adapter = KerasAdapter()
