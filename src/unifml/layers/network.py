"""A whole network: what a model says and an adapter builds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from unifml.core.signature import Feed, Feeds, Shape
from unifml.errors import ParameterError, UnifmlError
from unifml.layers.base import WeightSpec
from unifml.layers.combinators import Sequential
from unifml.layers.graph import Graph, Trace
from unifml.layers.initial import draw
from unifml.layers.summary import table


@dataclass(frozen=True, repr=False)
class Network(Sequential):
    """A whole network.

    Parameters
    ----------
    layers : tuple of Layer
        The layers, first to last. A network of several inputs begins with a `Parallel` of branches
        that each begin with `Input`. `Standardize` may stand right behind an input only.
    outputs : tuple of str, default=()
        Full names of the layers whose values are returned, by name, as ``{name: value}``; an
        estimator learns the first, and layers that none of them needs are left out. By default the
        last layer's value alone.

    Raises
    ------
    ParameterError
        When its graph is asked for, for layers that do not fit their inputs.

    Examples
    --------
    >>> from unifml.layers import Activation, Dense, Network, Standardize
    >>> net = Network((Standardize(), Dense(8), Activation("relu"), Dense(1, name="output")))
    >>> print(net.summary((4,)))
    standardize_0  Standardize()       (4,)     8
    dense_0        Dense(units=8)      (8,)    40
    activation_0   Activation('relu')  (8,)     0
    output         Dense(units=1)      (1,)     9
    57 weights, 49 of them trained
    """

    kind: ClassVar[str] = "network"
    outputs: tuple[str, ...] = ()

    def graph(self, inputs: Shape | Feeds) -> Graph:
        """Return the network written out for inputs of given shapes.

        Parameters
        ----------
        inputs : tuple of int, or tuple of Feed
            Shape of one row of the only input, or all inputs (`Signature.feeds`).
        """
        feeds = tuple(f if isinstance(f, Feed) else None for f in inputs)
        named = tuple(feed for feed in feeds if feed is not None)
        shape = tuple(side for side in inputs if not isinstance(side, Feed))
        # By its text as well: 7.0 and True are equal to 7 and 1, and not the same.
        try:
            return _graph(self, named or (Feed("X", shape),), repr(self))
        except TypeError as error:
            if isinstance(error, UnifmlError):
                raise
            raise ParameterError(
                "the layers of a network",
                found=str(error),
                rule="settings are numbers, text, tuples",
            ) from error

    def weight_specs(self, inputs: Shape | Feeds) -> dict[str, WeightSpec]:
        """Return all canonical weights by ``layer.weight``."""
        return self.graph(inputs).weight_specs()

    def summary(self, inputs: Shape | Feeds) -> str:
        """Return a table of layers, output shapes and counts of weights."""
        return table(self.graph(inputs))


@lru_cache(maxsize=256)
def _graph(network: Network, feeds: Feeds, text: str) -> Graph:
    trace = Trace(feeds)
    end = network.trace(trace, "", None)
    flat = [path.replace(".", "_") for path in trace.nodes]
    twice = sorted({name for name in flat if flat.count(name) > 1})
    if twice:
        raise ParameterError(
            f"layer names {twice}", rule='names must be unique, also with "_" for "."'
        )
    if not network.outputs:
        return trace.finish([("outputs", end)])
    chosen = [(name, trace.value(name)) for name in network.outputs]
    return trace.finish(chosen, chosen=True)


def initial_weights(
    network: Network, inputs: Shape | Feeds, rng: np.random.Generator, dtype: str
) -> dict[str, npt.NDArray[Any]]:
    """Draw the canonical weights of a network.

    Parameters
    ----------
    network : Network
        The network.
    inputs : tuple of int, or tuple of Feed
        Shape of one row of the only input, or all inputs.
    rng : numpy.random.Generator
        Where the numbers come from; drawn in float64, in the order of the layers.
    dtype : str
        Dtype of the weights returned.

    Returns
    -------
    dict of str to array
        By ``layer.weight``, in the canonical layout.
    """
    specs = network.weight_specs(inputs)
    return {name: draw(spec, rng).astype(dtype) for name, spec in specs.items()}
