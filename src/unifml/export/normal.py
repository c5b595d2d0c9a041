"""The normal distribution in float64: ONNX has its error function in float32 only."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.polynomial import chebyshev

from unifml.export.formulas import Real, clipped

_FAR = 5.5  # the share beyond is below 2e-8
_DEGREE = 24


def normal_share(x: Real) -> Real:
    """Write the share of a normal distribution below x, as ``scipy.stats.norm.cdf``.

    The share is 1/2 + x * p(x²) with a polynomial through Chebyshev's points, exact to 1e-14
    for x from -5.5 to 5.5; beyond, the share at these ends is given.
    """
    x = clipped(x, -_FAR, _FAR)
    u = x * x * (2 / _FAR**2) - 1.0
    first, *powers = _powers()
    value = u * first + powers[0]
    for power in powers[1:]:
        value = value * u + power
    return x * value + 0.5


def _powers() -> list[float]:
    """Return the coefficients of the polynomial, the highest power first."""
    fitted: Any = chebyshev.chebinterpolate
    return [float(c) for c in chebyshev.cheb2poly(fitted(_slope, _DEGREE))[::-1]]


def _slope(u: Any) -> Any:
    """Return (share - 1/2) / x, where u runs from -1 at x = 0 to 1 at the far end."""
    from scipy.special import ndtr

    x = np.maximum(_FAR * np.sqrt((u + 1) / 2), 1e-8)
    return (ndtr(x) - 0.5) / x
