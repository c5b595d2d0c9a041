"""From the vocabulary of networks to plain ``torch.nn`` modules with readable names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt
import torch
from torch import nn

from unifml.adapters.torch import primitives, sequences, windows
from unifml.adapters.torch import weights as room
from unifml.adapters.torch.weaving import Weaver
from unifml.layers import Graph

BUILDERS = primitives.BUILDERS | windows.BUILDERS | sequences.BUILDERS


def native(graph: Graph, weights: Mapping[str, npt.NDArray[Any]], dtype: str) -> nn.Module:
    """Build the plain module in inference mode, with the weights in it.

    Parameters
    ----------
    graph : Graph
        The network; its body alone for programs, whose rows are standardised already.
    weights : mapping of str to array
        Canonical weights.
    dtype : str
        Dtype of the module.
    """
    module = assemble(graph, dtype)
    room.write(module, graph, weights)
    return module.eval()


def assemble(graph: Graph, dtype: str) -> nn.Module:
    """Build the module; weights are to be written afterwards.

    A chain of modules is an ``nn.Sequential``, everything else a ``torch.fx.GraphModule``: its
    parts have the names of the layers, and its ``code`` is what it computes, to read.
    """
    return Weaver(graph).weave(BUILDERS).to(getattr(torch, dtype))
