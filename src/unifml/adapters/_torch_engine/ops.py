"""`unifml.training.ops.Ops` on torch's tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional


class TorchOps:
    """See `unifml.training.ops.Ops`."""

    exp = staticmethod(torch.exp)
    expm1 = staticmethod(torch.expm1)
    log = staticmethod(torch.log)
    abs = staticmethod(torch.abs)
    where = staticmethod(torch.where)

    def softplus(self, x: Any) -> Any:
        return -functional.logsigmoid(-x)  # torch's softplus is a line from 20 on

    def log_softmax(self, x: Any) -> Any:
        return functional.log_softmax(x, dim=-1)

    def floor_at(self, x: Any, least: float) -> Any:
        return x.clamp_min(least)

    def mean(self, x: Any) -> Any:
        return x.mean(dim=1)

    def sum(self, x: Any) -> Any:
        return x.sum(dim=1)

    def pick(self, x: Any, codes: Any) -> Any:
        return x.gather(1, codes.reshape(-1, 1)).squeeze(1)

    def concat(self, x: Any, y: Any) -> Any:
        return torch.cat([x, y], dim=1)

    def is_whole(self, x: Any) -> bool:
        return not x.is_floating_point()

    def like(self, x: Any, other: Any) -> Any:
        return x.to(other.dtype)

    def shaped_like(self, x: Any, other: Any) -> Any:
        return x.reshape(other.shape)


OPS = TorchOps()
