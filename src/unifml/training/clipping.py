"""Gradients held within bounds."""

from __future__ import annotations

import numpy as np

from unifml.core.table import FloatArray
from unifml.training.settings import Settings


def clipped(gradient: FloatArray, settings: Settings) -> FloatArray:
    """Return a flat gradient of all weights with its entries, then its norm, held within bounds.

    Parameters
    ----------
    gradient : array of shape (weights,)
        Penalties included.
    settings : Settings
        ``clip_value`` and ``clip_norm``; where they are None nothing is done.

    References
    ----------
    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks",
    ICML 2013.
    """
    if settings.clip_value is not None:
        gradient = np.clip(gradient, -settings.clip_value, settings.clip_value)
    if settings.clip_norm is not None:
        norm = float(np.linalg.norm(gradient))
        if norm > settings.clip_norm:
            gradient = gradient * gradient.dtype.type(settings.clip_norm / norm)
    return gradient
