"""What every layer says of itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from numbers import Integral
from typing import TYPE_CHECKING, ClassVar, Literal

from unifml.core.signature import Shape as Shape
from unifml.core.spec import Spec
from unifml.errors import ParameterError

if TYPE_CHECKING:
    from unifml.layers.graph import Trace, Value

Role = Literal["kernel", "bias", "norm", "table", "statistic"]
Masks = Literal["keep", "use", "end", "refuse"]


@dataclass(frozen=True)
class WeightSpec:
    """One canonical weight of a layer.

    Attributes
    ----------
    name : str
        Its name in the layer, such as ``kernel``.
    shape : tuple of int
        Its shape in the canonical layout; kernels are ``(in, out)``, of convolutions
        ``(*window, in, out)``.
    initial : str
        Its initialiser (see `unifml.layers.initial`).
    role : {"kernel", "bias", "norm", "table", "statistic"}
        Penalties and decay act on kernels only; statistics are not trained.
    fans : tuple of int or None
        Inputs and outputs that one number meets, where its shape does not tell.
    """

    name: str
    shape: Shape
    initial: str
    role: Role
    fans: tuple[int, int] | None = None

    @property
    def trainable(self) -> bool:
        """Whether an optimizer changes it."""
        return self.role != "statistic"

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        size = 1
        for side in self.shape:
            size *= side
        return size


@dataclass(frozen=True, repr=False)
class Layer(Spec):
    """The base of all layers: a frozen description, without a framework.

    A layer is either a *primitive*, which every backend builds by itself and which says here what
    its shapes and weights are; or it is made of others, and says so in `expand`. To write one of
    your own, subclass and return other layers from `expand`: it runs wherever those run.

    Parameters
    ----------
    name : str or None, keyword-only
        Its name in the network; by default its kind and place, such as ``dense_0``.

    Attributes
    ----------
    kind : str
        What adapters know it by.
    masks : {"keep", "use", "end", "refuse"}
        What it does with sequences of unequal length: step by step, so that padding stays padding;
        looks at the lengths, and returns sequences or (``end``) none; or cannot take them.
    """

    kind: ClassVar[str] = "layer"
    masks: ClassVar[Masks] = "refuse"
    name: str | None = field(default=None, kw_only=True)

    def expand(self, shape: Shape) -> Layer | None:
        """Return the layers that this one is short for, or None for a primitive.

        Parameters
        ----------
        shape : tuple of int
            Shape of one row of its input.
        """
        return None

    def output_shape(self, *shapes: Shape) -> Shape:
        """Return the shape of one row of output for rows of `shapes`, one for each input.

        Raises
        ------
        ParameterError
            For an input or a setting that it cannot have.
        """
        inner = self.expand(shapes[0])
        return inner.output_shape(*shapes) if inner else shapes[0]

    def weights(self, *shapes: Shape) -> tuple[WeightSpec, ...]:
        """Return the canonical weights for rows of `shapes`; a primitive's own."""
        return ()

    def trace(self, trace: Trace, path: str, x: Value | None) -> Value:
        """Add the primitives that this layer means to a graph.

        Parameters
        ----------
        trace : Trace
            The graph under construction.
        path : str
            Full name of the layer.
        x : Value or None
            Its input; None stands for the only input of the network.
        """
        x = trace.feed() if x is None else x
        with trace.at(path, self, x):
            inner = self.expand(x.shape)
        if inner is None:
            return trace.add(path, self, x)
        return inner.trace(trace, path, x)

    def mask_policy(self) -> Masks:
        """Return what it does with sequences of unequal length, where its settings decide."""
        return self.masks

    def need(self, holds: object, rule: str, *, fix: str = "") -> None:
        """Raise unless a rule holds; whoever knows the input and the name adds them.

        Raises
        ------
        ParameterError
        """
        if not holds:
            raise ParameterError(repr(self), rule=rule, fix=fix)

    def need_counts(self, **counts: object) -> None:
        """Raise unless each setting is a whole number >= 1.

        Raises
        ------
        ParameterError
        """
        for name, value in counts.items():
            whole = isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 1
            self.need(whole, f"{name} >= 1, a whole number")

    def describe(self) -> str:
        """Return the layer as one would write it, without its name."""
        return repr(self if self.name is None else self.with_params(name=None))
