"""Steps with fewer bits: autocast, and losses that are scaled up on the way back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from unifml.errors import CapabilityError

START, GOOD = 2.0**15, 2000
_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
_DEVICES = {"bf16": ("cpu", "cuda"), "fp16": ("cuda",), "tf32": ("cuda",)}


def check_precision(precision: str, device: torch.device) -> None:
    """Raise for a precision that a device has not.

    Raises
    ------
    CapabilityError
    """
    known = _DEVICES.get(precision, (device.type,))
    if device.type in known:
        return
    fits = [name for name, kinds in _DEVICES.items() if device.type in kinds]
    other = f'Training(precision="{fits[0]}")' if fits else 'Training(precision="float32")'
    raise CapabilityError(
        f"precision={precision!r} on device {str(device)!r}",
        rule=f"torch has it on {' and '.join(known)} only",
        fix=f'set {other}, or device="{known[-1]}"',
    )


def lowered(call: Callable[..., Any], precision: str, device: torch.device) -> Callable[..., Any]:
    """Return a function that computes in `precision`, where that is one of 16 bits."""
    dtype = _DTYPES.get(precision)
    if dtype is None:
        return call

    def lower(*args: Any, **named: Any) -> Any:
        with torch.autocast(device.type, dtype=dtype):
            return call(*args, **named)

    return lower


class LossScale:
    """Makes losses so large that gradients of 16 bits do not vanish, and follows what fits.

    It is halved where a gradient is not finite (that update is left out), and doubled after 2000
    good ones.

    References
    ----------
    Micikevicius et al., "Mixed precision training", ICLR 2018.
    """

    def __init__(self) -> None:
        self.scale, self.good = START, 0

    def undo(self, gradients: Sequence[Tensor]) -> bool:
        """Scale gradients back, in place; return whether all of them are finite."""
        torch._foreach_mul_(gradients, 1.0 / self.scale)
        largest = torch.stack([g.to(gradients[0].device) for g in _largest(gradients)])
        finite = bool(torch.isfinite(largest).all())
        self.good = self.good + 1 if finite else 0
        if not finite:
            self.scale /= 2.0
        elif self.good == GOOD:
            self.scale, self.good = self.scale * 2.0, 0
        return finite


def _largest(gradients: Sequence[Tensor]) -> Sequence[Tensor]:
    return torch._foreach_norm(gradients, float("inf"))  # type: ignore[no-any-return]
