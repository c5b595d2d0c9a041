"""What every layer says of itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from unifml.core.spec import Spec

Shape = tuple[int, ...]
Role = Literal["kernel", "bias", "norm", "statistic"]


@dataclass(frozen=True)
class WeightSpec:
    """One canonical weight of a layer.

    Attributes
    ----------
    name : str
        Its name in the layer, such as ``kernel``.
    shape : tuple of int
        Its shape in the canonical layout; kernels are ``(in, out)``.
    initial : str
        Its initialiser (see `unifml.layers.initial`).
    role : {"kernel", "bias", "norm", "statistic"}
        Penalties and decay act on kernels only; statistics are not trained.
    """

    name: str
    shape: Shape
    initial: str
    role: Role

    @property
    def trainable(self) -> bool:
        """Whether an optimizer changes it."""
        return self.role != "statistic"


@dataclass(frozen=True, repr=False)
class Layer(Spec):
    """The base of all layers: a frozen description, without a framework.

    Parameters
    ----------
    name : str or None, keyword-only
        Its name in the network; by default its kind and place, such as ``dense_0``.
    """

    kind: ClassVar[str] = "layer"
    name: str | None = field(default=None, kw_only=True)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of one row of output for rows of `shape`."""
        return shape

    def weights(self, shape: Shape) -> tuple[WeightSpec, ...]:
        """Return the canonical weights for rows of `shape`."""
        return ()

    def describe(self) -> str:
        """Return the layer as one would write it."""
        params: dict[str, Any] = self.get_params(deep=False)
        params.pop("name")
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in params.items())})"
