"""A whole backend on NumPy, to read before writing one."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.core.adapter import Program, Weights, cast_weights
from unifml.core.capabilities import Capabilities, NativeTraits
from unifml.core.plan import Plan
from unifml.core.table import BatchOrder, FloatArray, Table
from unifml.errors import CapabilityError
from unifml.layers import ACTIVATIONS, Layer
from unifml.testing.toy_layers import forward
from unifml.testing.toy_losses import output_gradient
from unifml.training import LOSS_CLASSES, OPTIMIZERS, Scalars, loss_values, mean_loss


class ToyAdapter:
    """The smallest complete adapter; it has no dropout and no native models of its own.

    Examples
    --------
    >>> import unifml
    >>> from unifml.testing import ToyAdapter, check_adapter
    >>> unifml.register_adapter(ToyAdapter())
    >>> {check.status for check in check_adapter("toy")} == {"passed", "skipped"}
    True
    """

    name = "toy"
    capabilities = Capabilities(
        layers=frozenset({"standardize", "dense", "activation", "batch_norm", "layer_norm"}),
        activations=frozenset(ACTIVATIONS),
        losses=frozenset(LOSS_CLASSES),
        optimizers=frozenset(OPTIMIZERS),
        penalties=frozenset({"l1", "l2", "weight_decay"}),
        epochs=True,
        exact=True,
        partial_fit=True,
        techniques=frozenset({"soft_targets"}),
        multilabel=True,
        precisions=frozenset({"float32", "float64"}),
    )

    def owns(self, obj: object) -> bool:
        return isinstance(obj, ToyModel)

    def devices(self) -> tuple[str, ...]:
        return ("cpu",)

    def traits(self, native: Any) -> NativeTraits:
        raise _no_natives()

    @contextmanager
    def seeded(self, seed: int) -> Iterator[None]:
        python, numpy = random.getstate(), np.random.get_state()
        random.seed(seed)
        np.random.seed(seed % 2**32)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)

    def build(self, plan: Plan, weights: Weights | None = None) -> Any:
        if plan.network is None:
            raise _no_natives()
        model = ToyModel((node.name, node.layer) for node in plan.graph.nodes)
        self.set_weights(model, plan, weights or {})
        return model

    def program(self, model: Any, plan: Plan, data: Table | None = None) -> Program:
        return ToyProgram(model, plan, data)

    def stack(self, weights: Any, plans: Any, tables: Any) -> None:
        return None

    def release(self) -> None:
        """Nothing is kept between fits."""

    def callback(self, native: object) -> None:
        return None

    def get_weights(self, model: Any, plan: Plan) -> dict[str, npt.NDArray[Any]]:
        return {name: np.array(value) for name, value in model.weights.items()}

    def set_weights(self, model: Any, plan: Plan, weights: Weights) -> None:
        model.weights = {name: np.array(value) for name, value in weights.items()}

    def dump(self, model: Any, plan: Plan) -> Any:
        return model

    def load(self, dumped: Any, plan: Plan) -> Any:
        return dumped

    def to_onnx(self, model: Any, plan: Plan, opset: int) -> Any:
        raise _no_natives()

    def translate(self, plan: Plan) -> str:
        if plan.network is None:
            raise _no_natives()
        return "\n".join(f"{node.name} = {node.layer.describe()}" for node in plan.graph.nodes)


class ToyModel:
    """Layers and their weights."""

    def __init__(self, layers: Iterator[tuple[str, Layer]]) -> None:
        self.layers = list(layers)
        self.weights: dict[str, npt.NDArray[Any]] = {}


class ToyProgram:
    """Canonical weights and rows, and the steps from one to the next."""

    def __init__(self, weights: Weights, plan: Plan, data: Table | None = None) -> None:
        if plan.network is None:
            raise _no_natives()
        self.plan, self.rows = plan, data
        self.layers = [(node.name, node.layer) for node in plan.graph.body().chain()]
        self.weights = cast_weights(weights, plan.signature.dtype)
        specs = plan.graph.weight_specs()
        self.kernels = {name for name, spec in specs.items() if spec.role == "kernel"}
        slots = range(plan.settings.optimizer.slots)
        self.slots = {n: tuple(np.zeros_like(w) for _ in slots) for n, w in self.weights.items()}
        self.step = 0

    def take(self, data: Table) -> None:
        self.rows = data

    def row_losses(self, outputs: FloatArray, y: Any) -> FloatArray:
        plan = self.plan
        return loss_values(plan.settings.loss, outputs, y, plan.task, plan.output)

    def run_epoch(self, order: BatchOrder, rates: FloatArray, seed: int | None) -> FloatArray:
        settings, losses = self.plan.settings, []
        scalars = settings.optimizer.scalars(rates, self.step, settings.weight_decay)
        for i in range(order.steps):
            rows = order.rows[order.edges[i] : order.edges[i + 1]]
            loss, gradients = self._learn(self.weights, rows)
            losses.append(loss)
            # Python's floats leave the dtype of the weights as it is.
            self._move(gradients, Scalars(*(part[i].item() for part in scalars)))
        self.step += order.steps
        return np.array(losses)

    def forward(self, X: Any) -> FloatArray:
        for name, layer in self.layers:
            X, _ = forward(layer, X, self._of(name, self.weights), training=False)
        return np.asarray(X)

    def loss_and_gradient(self, weights: Weights) -> tuple[float, dict[str, FloatArray]]:
        return self._learn(cast_weights(weights, self.plan.signature.dtype), slice(None))

    def fit(self) -> None:
        raise _no_natives()

    def result(self) -> dict[str, npt.NDArray[Any]]:
        return {name: np.array(value) for name, value in self.weights.items()}

    def state(self) -> dict[str, npt.NDArray[Any]]:
        state = {f"weights/{name}": value for name, value in self.result().items()}
        for name, slots in self.slots.items():
            state |= {f"slots/{i}/{name}": np.array(slot) for i, slot in enumerate(slots)}
        return state | {"step": np.array(self.step)}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        self.weights = {name: np.array(state[f"weights/{name}"]) for name in self.weights}
        for name, slots in self.slots.items():
            self.slots[name] = tuple(
                np.array(state[f"slots/{i}/{name}"]) for i in range(len(slots))
            )
        self.step = int(state["step"])

    def _learn(self, weights: Weights, rows: Any) -> tuple[float, dict[str, FloatArray]]:
        """Return the mean loss of some rows and its gradient, without penalties."""
        plan, data = self.plan, self.rows
        if data is None:
            raise CapabilityError("learning", found="a program without rows to learn from")
        x, y, backs = data.X[rows], data.y[rows], []
        for name, layer in self.layers:
            x, back = forward(layer, x, self._of(name, weights), training=True)
            backs.append((name, back))
        weight = np.ones(len(x), x.dtype) if data.weight is None else data.weight[rows]
        gradient = output_gradient(plan.settings.loss, x, y, plan.task)
        gradient = (gradient * (weight / weight.sum())[:, None]).astype(x.dtype)
        gradients = {}
        for name, back in reversed(backs):
            gradient, own = back(gradient)
            gradients.update({f"{name}.{short}": value for short, value in own.items()})
        values = loss_values(plan.settings.loss, x, y, plan.task, plan.output)
        return mean_loss(values, weight), gradients

    def _move(self, gradients: Mapping[str, FloatArray], step: Scalars) -> None:
        settings = self.plan.settings
        for name, gradient in gradients.items():
            weight = self.weights[name]
            decay: Any = 1.0
            if name in self.kernels:
                gradient = gradient + settings.l2 * weight + settings.l1 * np.sign(weight)
                decay = step.decay
            delta, self.slots[name] = settings.optimizer.update(
                gradient, self.slots[name], step, np
            )
            self.weights[name] = weight * decay - delta

    @staticmethod
    def _of(layer: str, weights: Weights) -> dict[str, npt.NDArray[Any]]:
        """Return a layer's weights by their short names."""
        start = f"{layer}."
        return {k.removeprefix(start): v for k, v in weights.items() if k.startswith(start)}


def _no_natives() -> CapabilityError:
    return CapabilityError("backend 'toy' with a model that is not a network of layers")
