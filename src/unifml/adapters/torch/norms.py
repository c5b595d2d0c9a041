"""Batch norms that follow the biased variance of a batch; torch's follow the unbiased."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

_BatchNorm = nn.modules.batchnorm._BatchNorm


class BiasedVariances:
    """Corrects the running variances of a module's batch norms, all at once.

    Parameters
    ----------
    module : nn.Module
        Its norms tell from now on how many values of each feature they saw.
    """

    def __init__(self, module: nn.Module) -> None:
        self.norms: list[Any] = [m for m in module.modules() if isinstance(m, _BatchNorm)]
        self.before = [norm.running_var.clone() for norm in self.norms]
        self.seen = [1] * len(self.norms)
        for i, norm in enumerate(self.norms):
            norm.register_forward_hook(self._count(i))

    def _count(self, i: int) -> Any:
        def count(norm: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            self.seen[i] = inputs[0].numel() // norm.num_features

        return count

    @torch.no_grad()
    def remember(self) -> None:
        """Take note of the variances, before a batch goes through."""
        torch._foreach_copy_(self.before, [norm.running_var for norm in self.norms])

    @torch.no_grad()
    def correct(self) -> None:
        """Make the variances what they should be; the way back must be over, for it needs them."""
        shares = [(seen - 1) / seen for seen in self.seen]
        pairs = zip(self.norms, shares, strict=True)
        kept = [(1.0 - norm.momentum) * (1.0 - share) for norm, share in pairs]
        variances = [norm.running_var for norm in self.norms]
        torch._foreach_mul_(self.before, kept)
        torch._foreach_mul_(variances, shares)
        torch._foreach_add_(variances, self.before)
