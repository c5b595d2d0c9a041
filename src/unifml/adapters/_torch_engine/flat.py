"""What is trained: tensors and their gradients, in one buffer where that can be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Present(NamedTuple):
    """What has a gradient now. Kernels, which are penalised and decay, come first.

    Attributes
    ----------
    places : list of int
        Which of the trained tensors they are.
    weights, gradients : list of Tensor
        All of them.
    kernels, slopes : list of Tensor
        The kernels, and their gradients.
    """

    places: list[int]
    weights: list[Tensor]
    gradients: list[Tensor]
    kernels: list[Tensor]
    slopes: list[Tensor]


class Flat:
    """Parameters as views of one buffer, and their gradients of another: a step is few calls.

    Changing either changes both.

    Parameters
    ----------
    kernels, others : sequence of nn.Parameter
        Both of one dtype.
    """

    def __init__(self, kernels: Sequence[nn.Parameter], others: Sequence[nn.Parameter]) -> None:
        members = [*kernels, *others]
        parts = [parameter.detach().reshape(-1) for parameter in members]
        self.values = torch.cat(parts) if parts else torch.empty(0)
        self.gradient = torch.zeros_like(self.values)
        start = 0
        for parameter in members:
            place = slice(start, start + parameter.numel())
            parameter.data = self.values[place].view(parameter.shape)
            parameter.grad = self.gradient[place].view(parameter.shape)
            start = place.stop
        end = sum(kernel.numel() for kernel in kernels)
        self.tensors = [self.values]
        own = ([self.values[:end]], [self.gradient[:end]]) if end else ([], [])
        whole = ([0], self.tensors, [self.gradient]) if start else ([], [], [])
        self._present = Present(*whole, *own)

    def zero(self) -> None:
        """Forget the gradients."""
        self.gradient.zero_()

    def present(self) -> Present:
        """Return what has a gradient: all."""
        return self._present


class Loose:
    """Tensors one by one: those of a module of the user, or for an optimizer of the user.

    Parameters
    ----------
    kernels, others : sequence of Tensor
        Leaves of the graph.
    """

    def __init__(self, kernels: Sequence[Tensor], others: Sequence[Tensor]) -> None:
        self.tensors, self._kernels = [*kernels, *others], len(kernels)

    def zero(self) -> None:
        """Forget the gradients."""
        for tensor in self.tensors:
            tensor.grad = None

    def present(self) -> Present:
        """Return what has a gradient: what the loss depended on."""
        places, gradients = [], []
        for place, tensor in enumerate(self.tensors):
            if tensor.grad is not None:
                places.append(place)
                gradients.append(tensor.grad)
        weights = [self.tensors[place] for place in places]
        end = sum(place < self._kernels for place in places)
        return Present(places, weights, gradients, weights[:end], gradients[:end])


Trained = Flat | Loose


def joined(parts: Sequence[Tensor]) -> Tensor:
    """Return tensors as one flat tensor."""
    return torch.cat([part.reshape(-1) for part in parts])


def parted(flat: Tensor, shapes: Sequence[torch.Size]) -> list[Tensor]:
    """Return the tensors of these shapes that `joined` put into a flat one."""
    sizes = [shape.numel() for shape in shapes]
    return [part.view(shape) for part, shape in zip(flat.split(sizes), shapes, strict=True)]
