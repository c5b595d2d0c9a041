"""Masks of dropout from generators of the program's own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_LEAST = -(2**63)
_PIECES = 4  # numbers of 16 bits in one draw of 64


class Noise:
    """Random bits for one network, or for K: each draws from its own generator.

    Attributes
    ----------
    generators : list of torch.Generator
        One for each network.
    rows : list of int or None
        Rows that each network has in the present batch, where some have fewer than the others:
        each draws for its own rows, as it would alone.
    """

    def __init__(self, generators: Sequence[torch.Generator]) -> None:
        self.generators = list(generators)
        self.rows: list[int] | None = None


class Mask:
    """Draws which of (*lead, n, units) values stay.

    A value stays where 16 random bits are below a bound: the share is right to 1 / 65536.
    """

    def __init__(self, like: Tensor, rate: float, noise: Noise) -> None:
        self.noise, self.units, self.rate = noise, like.shape[-1], rate
        networks, rows = len(noise.generators), like.shape[-2]
        words = _words(rows * self.units)
        device = like.device
        self.bits = torch.empty((networks, words), dtype=torch.int64, device=device)
        pieces = self.bits.view(torch.int16)[:, : rows * self.units]
        self.pieces = pieces.unflatten(1, (rows, self.units)).view(like.shape)
        self.bound = min(round((1.0 - rate) * 65536), 65535) - 32768
        self.values = torch.empty_like(like)
        self.whole = list(self.bits)

    def draw(self) -> Tensor:
        """Return 1 / (1 - rate) where a value stays, else 0."""
        for generator, bits in zip(self.noise.generators, self._parts(), strict=True):
            bits.random_(_LEAST, None, generator=generator)
        torch.lt(self.pieces, self.bound, out=self.values)
        return self.values.mul_(1.0 / (1.0 - self.rate))

    def _parts(self) -> list[Tensor]:
        rows = self.noise.rows
        if rows is None:
            return self.whole
        return [b[: _words(n * self.units)] for b, n in zip(self.whole, rows, strict=True)]


def _words(values: int) -> int:
    return -(-values // _PIECES)
