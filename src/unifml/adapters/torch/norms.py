"""Batch norms that follow the biased variance of a batch; torch's follow the unbiased."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

_BatchNorm = nn.modules.batchnorm._BatchNorm
MOST = 256  # sizes of batches for which factors are kept


class BiasedVariances:
    """Corrects the running variances of a module's batch norms, all at once.

    They become views of one buffer.

    Parameters
    ----------
    module : nn.Module
        Its norms tell from now on how many values of each feature they saw.
    """

    def __init__(self, module: nn.Module) -> None:
        self.norms: list[Any] = [m for m in module.modules() if isinstance(m, _BatchNorm)]
        self.sizes = [norm.num_features for norm in self.norms]
        self.seen = [1] * len(self.norms)
        self.factors: dict[tuple[int, ...], tuple[Tensor, Tensor]] = {}
        if not self.norms:
            return
        self.variances = torch.cat([norm.running_var for norm in self.norms])
        self.before = self.variances.clone()
        parts = self.variances.split(self.sizes)
        for i, (norm, part) in enumerate(zip(self.norms, parts, strict=True)):
            norm.running_var = part.data  # for autograd a tensor of its own
            norm.register_forward_hook(self._count(i))

    def _count(self, i: int) -> Any:
        def count(norm: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            self.seen[i] = inputs[0].numel() // norm.num_features

        return count

    def remember(self) -> None:
        """Take note of the variances, before a batch goes through."""
        self.before.copy_(self.variances)

    def correct(self) -> None:
        """Make the variances what they should be; the way back must be over, for it needs them."""
        share, kept = self._factors(tuple(self.seen))
        self.variances.mul_(share).addcmul_(self.before, kept)

    def _factors(self, seen: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """Return what becomes of the present variances, and what comes of those before."""
        if len(self.factors) > MOST:
            self.factors.clear()
        if seen not in self.factors:
            biased = [(n - 1) / n for n in seen]
            kept = [
                (1.0 - norm.momentum) * (1.0 - share)
                for norm, share in zip(self.norms, biased, strict=True)
            ]
            self.factors[seen] = self._spread(biased), self._spread(kept)
        return self.factors[seen]

    def _spread(self, values: list[float]) -> Tensor:
        each = torch.tensor(values, dtype=self.variances.dtype)
        return each.repeat_interleave(torch.tensor(self.sizes)).to(self.variances.device)
