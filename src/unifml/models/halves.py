"""A network that encodes and decodes, cut in two."""

from __future__ import annotations

from dataclasses import replace

from unifml.core.signature import Shape
from unifml.errors import ParameterError
from unifml.layers import Network

ENCODER, DECODER = "encoder", "decoder"


def halves(network: Network) -> tuple[Network, Network]:
    """Return what gives the codes of rows, and what gives rows from codes.

    The names of their weights are those in the whole network.

    Raises
    ------
    ParameterError
        For a network without layers ``encoder`` and ``decoder``, in this order.
    """
    names = [layer.name for layer in network.layers]
    if {ENCODER, DECODER} - set(names) or names.index(ENCODER) > names.index(DECODER):
        raise ParameterError(
            "a network for transformation",
            found=f"layers {', '.join(str(name) for name in names)}",
            rule=f"it has layers named {ENCODER!r} and {DECODER!r}, in this order",
            fix='name them: Sequential((...), name="encoder")',
        )
    end = names.index(ENCODER) + 1
    first, second = network.layers[:end], network.layers[end:]
    return replace(network, layers=first), replace(network, layers=second)


def code_shape(network: Network, shape: Shape) -> Shape:
    """Return the shape of the code of one row.

    Raises
    ------
    ParameterError
        For codes that are no row of numbers.
    """
    found = halves(network)[0].graph(shape).result.shape
    if len(found) != 1:
        raise ParameterError(
            "the encoder of a network for transformation",
            found=f"codes of shape {found}",
            rule="a code is a row of numbers",
            fix="let the encoder end in Flatten(), and the decoder begin with Reshape(...)",
        )
    return found
