"""What a network in training remembers: weights, the optimizer's slots, the running average."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from unifml.adapters._torch_engine.dense.layout import Layout, Lead
from unifml.errors import CapabilityError

Array = npt.NDArray[Any]


class Memory:
    """Flat buffers of one network, or of K.

    Parameters
    ----------
    layout : Layout
        Where each weight stands.
    lead : tuple of int
        Empty, or the number of networks.
    buffers : dict of str to Tensor
        ``weights``, ``slots/0`` and so on, ``average``: see `widths`.

    Attributes
    ----------
    counts : list of int
        Steps that each network has taken.
    """

    def __init__(self, layout: Layout, lead: Lead, buffers: dict[str, Tensor]) -> None:
        self.layout, self.lead, self.buffers = layout, lead, buffers
        self.counts = [0] * prod(lead)
        self.weights = buffers["weights"]
        self.average = buffers.get("average")
        self.slots = [buffers[name] for name in sorted(buffers) if name.startswith("slots/")]

    @property
    def shown(self) -> Tensor:
        """The weights to predict with: the average where there is one."""
        return self.weights if self.average is None else self.average

    def write(self, weights: Mapping[str, Array]) -> None:
        """Start from these weights of one network."""
        self.layout.write(self.weights, weights)
        if self.average is not None:
            self.average.copy_(self.weights)

    def state(self) -> dict[str, Array]:
        """Return all of one network as arrays."""
        found = {f"weights/{k}": v for k, v in self.layout.read(self.weights).items()}
        if self.average is not None:
            found |= {f"average/{k}": v for k, v in self.layout.read(self.average).items()}
        if self.slots:
            found |= {f"slots/{i}": v.cpu().numpy().copy() for i, v in enumerate(self.slots)}
            found["updates"] = np.array(self.counts[0], np.int64)
        return found

    def restore(self, state: Mapping[str, Array]) -> None:
        """Go back to a `state`; of weights alone, the optimizer begins anew.

        Raises
        ------
        CapabilityError
            For the slots of another program.
        """
        wanted = {f"slots/{i}" for i in range(len(self.slots))}
        found = {name for name in state if name.startswith("slots/")}
        if wanted and found and wanted != found:
            raise CapabilityError(
                "going on from a state",
                found=f"an optimizer's memory of {sorted(found)}",
                rule=f"{sorted(wanted)} are needed: it is of another program",
            )
        self.write(_under("weights/", state))
        if self.average is not None:
            self.layout.write(self.average, _under("average/", state))
        for i, slot in enumerate(self.slots):
            name = f"slots/{i}"
            slot.copy_(torch.from_numpy(np.array(state[name]))) if name in state else slot.zero_()
        self.counts[0] = int(state.get("updates", 0))


def widths(layout: Layout, slots: int, averages: bool) -> dict[str, int]:
    """Return how many numbers of one network each buffer holds."""
    found = {"weights": layout.size} | {f"slots/{i}": layout.trained for i in range(slots)}
    return found | ({"average": layout.size} if averages else {})


def zeros(sizes: Mapping[str, int], lead: Lead, like: Tensor) -> dict[str, Tensor]:
    """Return buffers of zeros: flat ones, or with networks as rows."""
    return {name: like.new_zeros((*lead, size)) for name, size in sizes.items()}


def gather(wide: Memory, rows: Mapping[str, Tensor], members: Sequence[int]) -> None:
    """Copy networks out of buffers (K, size) into the memory of some at once."""
    for name, flat in wide.buffers.items():
        for block, place in _pairs(wide, flat):
            torch.index_select(rows[name][:, place], 0, _index(members, flat), out=block)


def scatter(wide: Memory, rows: Mapping[str, Tensor], members: Sequence[int]) -> None:
    """Copy networks back."""
    for name, flat in wide.buffers.items():
        for block, place in _pairs(wide, flat):
            rows[name][:, place].index_copy_(0, _index(members, flat), block)


def _pairs(wide: Memory, flat: Tensor) -> list[tuple[Tensor, slice]]:
    blocks = wide.layout.blocks(flat, wide.lead)
    return [(block, wide.layout.places[name]) for name, block in blocks.items()]


def _index(members: Sequence[int], like: Tensor) -> Tensor:
    return torch.tensor(list(members), dtype=torch.int64, device=like.device)


def _under(prefix: str, state: Mapping[str, Array]) -> dict[str, Array]:
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
