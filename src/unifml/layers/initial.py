"""Initial weights, drawn in NumPy so that every backend starts from the same numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from unifml.errors import UnknownNameError
from unifml.layers.base import Shape, WeightSpec


def draw(spec: WeightSpec, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Draw one weight by the name of its initialiser."""
    kind, _, number = spec.initial.partition(":")
    fan_in, fan_out = spec.fans or _fans(spec.shape)
    match kind:
        case "glorot_uniform":
            limit = np.sqrt(6.0 / (fan_in + fan_out))
            return rng.uniform(-limit, limit, spec.shape)
        case "he_normal":
            return rng.normal(0.0, np.sqrt(2.0 / fan_in), spec.shape)
        case "normal":
            return rng.normal(0.0, float(number or 0.02), spec.shape)
        case "orthogonal":
            return _orthogonal(spec.shape, rng)
        case "zeros" | "ones":
            return np.full(spec.shape, float(kind == "ones"))
        case "forget_ones":
            gates = np.zeros((4, spec.shape[0] // 4))
            gates[1] = 1.0
            return gates.ravel()
    raise UnknownNameError.among("initialiser", spec.initial, INITIALISERS)


def check_initial(name: str) -> None:
    """Raise unless an initialiser exists.

    Raises
    ------
    UnknownNameError
    """
    known = {known.partition(":")[0] for known in INITIALISERS}
    if name.partition(":")[0] not in known:
        raise UnknownNameError.among("initialiser", name, INITIALISERS)


INITIALISERS = (
    *("forget_ones", "glorot_uniform", "he_normal", "normal:SIGMA", "ones", "orthogonal", "zeros"),
)


def _orthogonal(shape: Shape, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Draw a matrix of orthonormal rows or columns, evenly among all of them.

    References
    ----------
    Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks", ICLR 2014.
    """
    tall = (max(shape), min(shape))
    q, r = np.linalg.qr(rng.normal(size=tall))
    q = q * np.sign(np.diag(r))
    return np.ascontiguousarray(q if shape[0] >= shape[1] else q.T)


def _fans(shape: Shape) -> tuple[int, int]:
    field = int(np.prod(shape[:-2])) if len(shape) > 2 else 1
    return (shape[-2] * field, shape[-1] * field) if len(shape) > 1 else (1, 1)
