"""Parameters as views of flat buffers, so that an optimizer step is one fused call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn


class FlatGroup:
    """One buffer for the values of some parameters and one for their gradients.

    The parameters become views of it: changing either changes both.
    """

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        members = list(parameters)
        values = [parameter.detach().reshape(-1) for parameter in members]
        self.values = nn.Parameter(torch.cat(values) if values else torch.empty(0))
        self.values.grad = torch.zeros_like(self.values)
        start = 0
        for parameter in members:
            place = slice(start, start + parameter.numel())
            parameter.data = self.values.data[place].view(parameter.shape)
            parameter.grad = self.values.grad[place].view(parameter.shape)
            start = place.stop

    @property
    def gradient(self) -> Tensor:
        """The flat gradient."""
        assert self.values.grad is not None
        return self.values.grad


def joined(parts: Sequence[Tensor]) -> Tensor:
    """Return tensors as one flat tensor."""
    return torch.cat([part.reshape(-1) for part in parts])


def parted(flat: Tensor, shapes: Sequence[torch.Size]) -> list[Tensor]:
    """Return the tensors of these shapes that `joined` put into a flat one."""
    sizes = [shape.numel() for shape in shapes]
    return [part.view(shape) for part, shape in zip(flat.split(sizes), shapes, strict=True)]
