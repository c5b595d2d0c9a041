"""Where each weight of a network stands in one flat buffer."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from unifml.layers import Graph

Lead = tuple[int, ...]
"""The axes before those of one network: none, or the number of networks."""


class Layout:
    """Kernels first, then what else is trained, then statistics; in canonical shapes.

    The buffer of K networks holds the first weight of all, then the second of all, and so on:
    each weight is one tensor ``(K, *shape)`` without gaps.

    Parameters
    ----------
    graph : Graph
        The network.

    Attributes
    ----------
    shapes : dict of str to tuple
        Shapes by name, in order.
    kernels, trained, size : int
        How many numbers are in kernels, are trained, and are there.
    """

    def __init__(self, graph: Graph) -> None:
        specs = graph.weight_specs()
        ranks = {name: _rank(spec.role) for name, spec in specs.items()}
        order = sorted(specs, key=lambda name: ranks[name])  # stable: as the graph has them
        self.shapes = {name: specs[name].shape for name in order}
        self.places: dict[str, slice] = {}
        end = 0
        for name, shape in self.shapes.items():
            self.places[name] = slice(end, end + prod(shape))
            end += prod(shape)
        self.kernels = sum(specs[name].size for name in order if ranks[name] == 0)
        self.trained = sum(specs[name].size for name in order if ranks[name] < 2)
        self.size = end

    def blocks(self, flat: Tensor, lead: Lead = ()) -> dict[str, Tensor]:
        """Return the weights in a flat buffer (or its first ones), as views (*lead, size)."""
        k = prod(lead)
        return {
            name: flat[k * place.start : k * place.stop].view(*lead, -1)
            for name, place in self.places.items()
            if k * place.stop <= flat.numel()
        }

    def views(self, flat: Tensor, lead: Lead = ()) -> dict[str, Tensor]:
        """Return the weights in a flat buffer (or its first ones), as views (*lead, *shape)."""
        return {
            name: block.view(*lead, *self.shapes[name])
            for name, block in self.blocks(flat, lead).items()
        }

    def write(self, flat: Tensor, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        """Write one network's weights into its flat buffer."""
        for name, view in self.views(flat).items():
            if name in weights:
                view.copy_(torch.from_numpy(np.array(weights[name])))

    def read(self, flat: Tensor) -> dict[str, npt.NDArray[Any]]:
        """Return copies of one network's weights."""
        views = self.views(flat).items()
        return {name: view.detach().cpu().numpy().copy() for name, view in views}


def _rank(role: str) -> int:
    return {"kernel": 0, "statistic": 2}.get(role, 1)
