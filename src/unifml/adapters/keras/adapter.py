"""What the Keras backend says of itself; the work is in the other files, loaded when needed."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cache
from typing import Any

import numpy.typing as npt

from unifml.adapters.keras.engine import load as load_engine
from unifml.adapters.keras.engine import packages
from unifml.core.adapter import Program, Stack, Weights
from unifml.core.capabilities import TECHNIQUES, Capabilities, NativeTraits
from unifml.core.plan import Plan
from unifml.core.table import Table
from unifml.layers import ACTIVATIONS
from unifml.training import LOSS_CLASSES, OPTIMIZERS

LAYERS = frozenset(
    {"activation", "attention", "avg_pool", "batch_norm", "columns", "dense", "dropout"}
    | {"embedding", "feature_dense", "flatten", "global_avg_pool", "global_max_pool", "group_norm"}
    | {"gru", "join", "layer_norm", "learned_activation", "learned_positions", "lstm", "max_pool"}
    | {"periodic", "permute", "piecewise", "reshape", "rms_norm", "simple_rnn"}
    | {
        "sinusoidal_positions",
        "spatial_dropout",
        "standardize",
        "upsample",
        "depthwise_conv1d",
        "depthwise_conv2d",
    }
    | {f"{kind}{rank}d" for kind in ("conv", "conv_transpose") for rank in (1, 2, 3)}
)


CAPABILITIES = Capabilities(
    natives="keras.Model: instance, class or factory; compiled or not",
    layers=LAYERS,
    activations=frozenset(ACTIVATIONS),
    losses=frozenset(LOSS_CLASSES),
    optimizers=frozenset(OPTIMIZERS),
    penalties=frozenset({"l1", "l2", "weight_decay"}),
    epochs=True,
    exact=True,
    partial_fit=True,
    techniques=TECHNIQUES,
    multilabel=True,
    precisions=frozenset({"float32", "float64", "bf16", "fp16", "tf32"}),
    callables=True,
    onnx=True,
)
# The extra that installs Keras with an engine, the devices that the engine has, and whether it
# trains several networks at once.
ENGINES = {
    "tensorflow": ("keras", {"cpu", "cuda"}, False),
    "jax": ("keras-jax", {"cpu", "cuda"}, False),
    "torch": ("keras-torch", {"cpu", "cuda", "mps"}, True),
}


class KerasAdapter:
    """Keras 3, on TensorFlow, JAX or torch: on what Keras itself is set to run on.

    Networks are trained by a pure function over whole epochs, shared by all fits of the same
    network, and compiled but on torch, where chains of dense layers run as they do on the backend
    torch; ``keras.Model.fit`` is not used. A user's own model is trained through its own variables,
    optimizer and loss.

    Attributes
    ----------
    name : str
        ``"keras"``.
    """

    name = "keras"

    @property
    def capabilities(self) -> Capabilities:
        """What it can do, and needs, on the engine that this process is set to."""
        return _capabilities(packages())

    def owns(self, obj: object) -> bool:
        keras = sys.modules.get("keras")
        model = getattr(keras, "Model", None)
        if model is None:
            return False
        return isinstance(obj, model) or (isinstance(obj, type) and issubclass(obj, model))

    def devices(self) -> tuple[str, ...]:
        return load_engine().devices()

    def traits(self, native: Any) -> NativeTraits:
        return _room("traits").traits(native)  # type: ignore[no-any-return]

    def seeded(self, seed: int) -> AbstractContextManager[None]:
        return _room("rng").seeded(seed)  # type: ignore[no-any-return]

    def build(self, plan: Plan, weights: Weights | None = None) -> Any:
        if plan.network is None:
            return _room("natives").build(plan)
        with load_engine().precise(plan.signature.dtype):
            return _room("layers").build_compiled(plan, weights)

    def program(self, model: Any, plan: Plan, data: Table | None = None) -> Program:
        if plan.network is None:
            return _room("native_program").NativeProgram(model, plan, data)  # type: ignore[no-any-return]
        dense = load_engine().dense(plan)
        if dense is not None:
            return dense(model, plan, data)  # type: ignore[no-any-return]
        return _room("program").NetworkProgram(model, plan, data)  # type: ignore[no-any-return]

    def stack(
        self, weights: Sequence[Weights], plans: Sequence[Plan], tables: Sequence[Table]
    ) -> Stack | None:
        return load_engine().stack(weights, plans, tables)

    def release(self) -> None:
        _room("recipe").forget()
        load_engine().release()

    def one_thread(self, fresh: bool) -> AbstractContextManager[None]:
        """Compute on one thread inside a block, as far as the engine can.

        Parameters
        ----------
        fresh : bool
            Whether this process is a worker, whose threads may be set for good.
        """
        return load_engine().one_thread(fresh)

    def callback(self, native: object) -> object | None:
        if "keras" not in sys.modules:
            return None
        return _room("callbacks").wrapped(native)  # type: ignore[no-any-return]

    def get_weights(self, model: Any, plan: Plan) -> dict[str, npt.NDArray[Any]]:
        room = _room("weights")
        if plan.network is None:
            return room.read_native(model)  # type: ignore[no-any-return]
        return room.read(model, plan.graph)  # type: ignore[no-any-return]

    def set_weights(self, model: Any, plan: Plan, weights: Weights) -> None:
        room = _room("weights")
        with load_engine().precise(plan.signature.dtype):
            if plan.network is None:
                room.write_native(model, weights)
            else:
                room.write(model, plan.graph, weights)

    def dump(self, model: Any, plan: Plan) -> Mapping[str, Any]:
        return _room("natives").dump(model)  # type: ignore[no-any-return]

    def load(self, dumped: Any, plan: Plan) -> Any:
        return _room("natives").load(dumped, plan)

    def to_onnx(self, model: Any, plan: Plan, opset: int) -> Any:
        return _room("onnx").export(model, plan, opset)

    def translate(self, plan: Plan) -> str:
        return _room("translate").translate(plan)  # type: ignore[no-any-return]


@cache
def _capabilities(packages: tuple[str, ...]) -> Capabilities:
    extra, devices, stacks = ENGINES.get(packages[-1], ENGINES["tensorflow"])
    return replace(
        CAPABILITIES,
        packages=packages,
        extra=extra,
        devices=frozenset(devices),
        stacks=stacks,
    )


def _room(name: str) -> Any:
    """Return a module of this folder that imports Keras, after Keras was imported as it must be."""
    load_engine()
    return importlib.import_module(f"{__package__}.{name}")
