"""Initial weights, drawn in NumPy so that every backend starts from the same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.errors import UnknownNameError
from unifml.layers.base import Shape
from unifml.layers.network import Network


def initial_weights(
    network: Network, shape: Shape, rng: np.random.Generator, dtype: str
) -> dict[str, npt.NDArray[Any]]:
    """Draw the canonical weights of a network.

    Parameters
    ----------
    network : Network
        The network.
    shape : tuple of int
        Shape of one input row.
    rng : numpy.random.Generator
        Where the numbers come from; drawn in float64, in the order of the layers.
    dtype : str
        Dtype of the weights returned.

    Returns
    -------
    dict of str to array
        By ``layer.weight``, in the canonical layout.
    """
    specs = network.weight_specs(shape)
    return {name: draw(s.initial, s.shape, rng).astype(dtype) for name, s in specs.items()}


def draw(initial: str, shape: Shape, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Draw one array by the name of its initialiser."""
    fan_in, fan_out = _fans(shape)
    if initial == "glorot_uniform":
        limit = np.sqrt(6.0 / (fan_in + fan_out))
        return rng.uniform(-limit, limit, shape)
    if initial == "he_normal":
        return rng.normal(0.0, np.sqrt(2.0 / fan_in), shape)
    if initial in ("zeros", "ones"):
        return np.full(shape, float(initial == "ones"))
    raise UnknownNameError.among("initialiser", initial, _INITIALISERS)


_INITIALISERS = ("glorot_uniform", "he_normal", "ones", "zeros")


def _fans(shape: Shape) -> tuple[int, int]:
    field = int(np.prod(shape[:-2])) if len(shape) > 2 else 1
    return (shape[-2] * field, shape[-1] * field) if len(shape) > 1 else (1, 1)
