"""The narrow seam between shared code and a framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from unifml.core.capabilities import Capabilities, NativeTraits
from unifml.core.plan import Plan
from unifml.core.table import BatchOrder, FloatArray, Table

Weights = Mapping[str, npt.NDArray[Any]]
"""Canonical weights of a network: NumPy arrays by the names that its spec gives."""

PROTOCOL_VERSION = 2


class Stretch(NamedTuple):
    """What a program is to run: the arguments of `Program.run_epoch`."""

    order: BatchOrder
    rates: FloatArray
    seed: int | None


@runtime_checkable
class Program(Protocol):
    """One model at work on one set of rows: the only thing that computes.

    A program holds its data where they are computed on and walks whole epochs in one call. It
    never decides: order, rates and seeds are handed in, and losses are handed back.
    """

    def run_epoch(self, order: BatchOrder, rates: FloatArray, seed: int | None) -> FloatArray:
        """Train for one epoch, or for a part of one.

        Parameters
        ----------
        order : BatchOrder
            Which rows each batch holds, and how many batches make one optimizer step.
        rates : array of shape (order.updates,)
            Learning rate of each optimizer step.
        seed : int or None
            Seeds whatever is random inside the network (dropout) for this epoch. None goes on
            where the last call stopped: an epoch in parts equals the epoch in one call.

        Returns
        -------
        array of shape (order.steps,)
            Loss of each batch before its step, ``sum(w * loss) / sum(w)``, without penalties.
        """
        ...

    def take(self, data: Table) -> None:
        """Learn from these rows from now on; weights and the optimizer's memory stay."""
        ...

    def row_losses(self, outputs: FloatArray, y: Any) -> FloatArray:
        """Return the loss of each row, for a loss that only the framework can compute."""
        ...

    def forward(self, X: Any) -> FloatArray:
        """Return the raw outputs (n, width) in inference mode, in batches of bounded memory.

        With ``settings.ema`` it computes with the averaged weights, and `result` returns those.
        """
        ...

    def loss_and_gradient(self, weights: Weights) -> tuple[float, dict[str, FloatArray]]:
        """Return loss over all rows and its gradient at `weights`, in inference mode."""
        ...

    def fit(self) -> None:
        """Fit a native estimator by its own method (the procedure ``native``)."""
        ...

    def result(self) -> Any:
        """Return what was learned: canonical weights of a network (copies), or the native model."""
        ...

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return all that is needed to go on later, bitwise.

        Weights, the optimizer's memory, counts of steps, averages; dropout begins anew with each
        epoch's seed.
        """
        ...

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go back to a `state`."""
        ...


class Stack(Protocol):
    """Several networks of one architecture that are trained at once, each on its own rows.

    Attributes
    ----------
    members : sequence of Program
        The networks one by one, to predict, and to read or set their state.
    """

    members: Sequence[Program]

    def run_epoch(self, parts: Mapping[int, Stretch]) -> dict[int, FloatArray]:
        """Train the members named for a stretch each; the others stay as they are."""
        ...


@runtime_checkable
class Adapter(Protocol):
    """What a backend must offer. The package of an adapter imports no framework by itself.

    Everything random must come from the plan's seeds, and every global generator that native code
    made us set must be as it was afterwards. Errors of unifml are raised for what cannot be done;
    nothing asked for is dropped in silence.

    Attributes
    ----------
    name : str
        The backend's name: also its folder, extra, entry point and test marker.
    capabilities : Capabilities
        What it can do, readable without the framework.

    Examples
    --------
    >>> import unifml
    >>> isinstance(unifml.get_adapter("torch"), unifml.Adapter)
    True
    """

    name: str
    capabilities: Capabilities

    def owns(self, obj: object) -> bool:
        """Say whether `obj` is a native model of this backend (instance or class).

        It looks at `sys.modules` and imports nothing.
        """
        ...

    def devices(self) -> tuple[str, ...]:
        """Return the devices on this machine, best first, such as ``("cuda:0", "cpu")``."""
        ...

    def traits(self, native: Any) -> NativeTraits:
        """Describe a native model of a user."""
        ...

    def seeded(self, seed: int) -> AbstractContextManager[None]:
        """Seed the framework's global generators inside a block, and restore them after it."""
        ...

    def build(self, plan: Plan, weights: Weights | None = None) -> Any:
        """Build the plain native model that the plan describes.

        A network gets the canonical `weights`. A native model of the user is copied if it is an
        instance and built under the plan's seed if it is a class or a function.
        """
        ...

    def program(self, model: Any, plan: Plan, data: Table | None = None) -> Program:
        """Put a model to work.

        Parameters
        ----------
        model : mapping or native model
            Canonical weights for a network (the program builds what it needs), else what `build`
            returned, which the program may change.
        plan : Plan
            What is being done.
        data : Table or None
            The rows to learn from; None for a program that only predicts.
        """
        ...

    def stack(
        self, weights: Sequence[Weights], plans: Sequence[Plan], tables: Sequence[Table]
    ) -> Stack | None:
        """Put several networks to work at once; None where that is not faster or cannot be.

        Asked only where ``capabilities.stacks``.
        """
        ...

    def release(self) -> None:
        """Free what is kept between fits: compiled programs, cached memory of devices."""
        ...

    def callback(self, native: object) -> object | None:
        """Return a framework's own callback as one of unifml, or None if it is not one."""
        ...

    def get_weights(self, model: Any, plan: Plan) -> dict[str, npt.NDArray[Any]]:
        """Read the canonical weights out of a native model that `build` made."""
        ...

    def set_weights(self, model: Any, plan: Plan, weights: Weights) -> None:
        """Write canonical weights into a native model that `build` made."""
        ...

    def dump(self, model: Any, plan: Plan) -> Any:
        """Turn a fitted native model of the user into something that pickles."""
        ...

    def load(self, dumped: Any, plan: Plan) -> Any:
        """Turn what `dump` made back into the native model."""
        ...

    def to_onnx(self, model: Any, plan: Plan, opset: int) -> Any:
        """Export a native model of the user by its framework's exporter.

        The graph has the inputs that the model is called with, in this order: for each feed of
        ``plan.signature`` one tensor of its name (``X`` for a single array) and, where rows are
        sequences of unequal length, an integer tensor (batch,) of that name and ``_lengths``
        behind it. Their types are those that the model gets, floats may be float32 instead. Any
        number of rows goes in, and any number of steps where a shape says -1. The one output
        ``outputs`` (batch, width) is what the program's ``forward`` returns; a backend whose
        natives are ``untouched`` may have its own.

        Returns
        -------
        onnx.ModelProto
            Its metadata tell which exporter made it, and what else was tried: see
            `unifml.core.exported.road_of`.

        Raises
        ------
        ExportError, MissingDependencyError, CapabilityError
            For what cannot be exported, with the exporters' own words.
        """
        ...

    def translate(self, plan: Plan) -> str:
        """Return the native construction and training call as source code to read."""
        ...


@runtime_checkable
class Pinnable(Protocol):
    """What an adapter may offer besides: threads that can be counted on."""

    def one_thread(self, fresh: bool) -> AbstractContextManager[None]:
        """Compute on one thread inside a block, so that a result is the same in any process.

        Parameters
        ----------
        fresh : bool
            Whether this process is a worker, whose threads may be set for good.
        """
        ...


def cast_weights(weights: Weights, dtype: str) -> dict[str, npt.NDArray[Any]]:
    """Return copies of `weights` in `dtype`."""
    return {name: np.array(value, dtype=dtype) for name, value in weights.items()}
