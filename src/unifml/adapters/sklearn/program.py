"""Networks at work: scikit-learn's forward and backward pass, our steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.neural_network import MLPRegressor
from sklearn.neural_network._base import ACTIVATIONS

from unifml.adapters.sklearn.layers import Perceptron, read_network
from unifml.adapters.sklearn.losses import batch_losses, check_loss, gradient_scale, targets
from unifml.adapters.sklearn.tensors import require_cpu
from unifml.adapters.sklearn.weights import arrays, link
from unifml.core.adapter import Weights, cast_weights
from unifml.core.plan import Plan
from unifml.core.table import BatchOrder, FloatArray, Table
from unifml.errors import CapabilityError
from unifml.training import Scalars
from unifml.training.clipping import clipped

CHUNK = 2**22  # values of the widest layer that a forward pass holds at once


class NetworkProgram:
    """A perceptron that learns by scikit-learn's backpropagation and the shared optimizers.

    All weights are one flat buffer, kernels before biases, and scikit-learn's arrays are views of
    it: a step is a few operations on long vectors, whatever the number of layers.
    """

    def __init__(self, weights: Weights, plan: Plan, data: Table | None = None) -> None:
        if plan.network is None:
            raise CapabilityError("a program of a network", found="a plan without one")
        require_cpu(plan, "the perceptron")
        self._plan, self._data = plan, data
        self._dtype = np.dtype(plan.signature.dtype)
        self._perceptron = read_network(plan.graph)
        self._flat, self._kernels, self._views = _flatten(self._perceptron, weights, self._dtype)
        self._mlp = _engine(self._perceptron, plan, self._views)
        self._frozen = _absent_biases(self._perceptron, self._views)
        count = plan.settings.optimizer.slots
        self._slots = tuple(np.zeros_like(self._flat) for _ in range(count))
        self._average = self._flat.copy()
        self._step = 0
        if data is not None:
            check_loss(plan)
            self._scale = gradient_scale(plan)
            self.take(data)

    def take(self, data: Table) -> None:
        self._data, self._y = data, targets(self._plan, data.y)
        self._weight = None if data.weight is None else data.weight.astype(self._dtype)

    def row_losses(self, outputs: FloatArray, y: Any) -> FloatArray:
        raise CapabilityError("backend 'sklearn' with a loss of the user's own")

    def run_epoch(self, order: BatchOrder, rates: FloatArray, seed: int | None) -> FloatArray:
        settings, data = self._plan.settings, self._rows()
        scalars = settings.optimizer.scalars(rates, self._step, settings.weight_decay)
        steps: Any = zip(*(part.tolist() for part in scalars), strict=True)
        keeps = settings.ema_keeps(self._step, order.updates).tolist()
        logits = np.empty((len(order.rows), self._plan.task.width), self._dtype)
        bounds = order.bounds
        # What diverges is told by its loss; NumPy need not warn of it as well.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for i, step in enumerate(steps):
                places = bounds[i * order.accumulate : (i + 1) * order.accumulate]
                parts = [self._batch(data, order.rows, place, logits) for place in places]
                self._update(_joined(parts), Scalars(*step))
                if settings.ema is not None:
                    self._average = keeps[i] * self._average + (1.0 - keeps[i]) * self._flat
            self._step += order.updates
            return batch_losses(logits, self._plan, data, order)

    def forward(self, X: Any) -> FloatArray:
        if self._plan.settings.ema is None:
            return self._outputs(X)
        present = self._flat.copy()
        self._flat[...] = self._average
        try:
            return self._outputs(X)
        finally:
            self._flat[...] = present

    def _outputs(self, X: Any) -> FloatArray:
        widest = max(X.shape[-1], *(view.shape[-1] for view in self._views))
        size = max(1, CHUNK // widest)
        parts = [
            self._mlp._forward_pass_fast(X[i : i + size], check_input=False)
            for i in range(0, max(len(X), 1), size)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def result(self) -> dict[str, npt.NDArray[Any]]:
        kept = self._flat if self._plan.settings.ema is None else self._average
        return {name: np.array(view) for name, view in self._named(kept)}

    def state(self) -> dict[str, npt.NDArray[Any]]:
        state = {f"weights/{name}": np.array(view) for name, view in self._named(self._flat)}
        if self._plan.settings.ema is not None:
            state |= {f"average/{n}": np.array(view) for n, view in self._named(self._average)}
        for i, slot in enumerate(self._slots):
            state |= {f"slots/{i}/{name}": np.array(view) for name, view in self._named(slot)}
        return state | {"step": np.array(self._step)}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        for name, view in self._named(self._flat):
            view[...] = state[f"weights/{name}"]
        for name, view in self._named(self._average):
            view[...] = state.get(f"average/{name}", state[f"weights/{name}"])
        for i, slot in enumerate(self._slots):
            for name, view in self._named(slot):
                view[...] = state[f"slots/{i}/{name}"]
        self._step = int(state["step"])

    def loss_and_gradient(self, weights: Weights) -> tuple[float, dict[str, FloatArray]]:
        raise CapabilityError(
            "backend 'sklearn' with an exact solver of unifml",
            rule="it solves linear models by its own estimators",
        )

    def fit(self) -> None:
        raise CapabilityError("fit() of a network", rule="networks learn epoch by epoch")

    def _rows(self) -> Table:
        if self._data is None:
            raise CapabilityError("run_epoch()", found="a program without rows to learn from")
        return self._data

    def _batch(
        self, data: Table, order: Any, place: slice, logits: FloatArray
    ) -> tuple[FloatArray, float]:
        """Return the gradient of a batch, and what its rows weigh; keep its logits."""
        rows = order[place]
        gradient = self._gradient(data.X[rows], rows)
        logits[place] = self._mlp.logits
        weight = len(rows) if self._weight is None else self._weight[rows].sum(dtype=np.float64)
        return gradient, float(weight)

    def _gradient(self, X: Any, rows: Any) -> FloatArray:
        """Return the flat gradient of the mean loss of some rows; keeps their logits."""
        depth = len(self._perceptron.dense)
        weight = None if self._weight is None else self._weight[rows]
        lists: tuple[list[Any], ...] = ([None] * depth, [None] * depth, [None] * depth)
        activations = [X, *[None] * depth]
        _, kernels, biases = self._mlp._backprop(X, self._y[rows], weight, activations, *lists)
        gradient = np.concatenate([part.ravel() for part in (*kernels, *biases)])
        for place in self._frozen:
            gradient[place] = 0
        if self._scale != 1:
            gradient *= self._scale
        return gradient

    def _update(self, gradient: FloatArray, step: Scalars) -> None:
        settings, kernels = self._plan.settings, self._flat[: self._kernels]
        if settings.l2:
            gradient[: self._kernels] += settings.l2 * kernels
        if settings.l1:
            gradient[: self._kernels] += settings.l1 * np.sign(kernels)
        gradient = clipped(gradient, settings)
        delta, self._slots = settings.optimizer.update(gradient, self._slots, step, np)
        if settings.weight_decay:
            kernels *= step.decay
        self._flat -= delta

    def _named(self, flat: npt.NDArray[Any]) -> list[tuple[str, npt.NDArray[Any]]]:
        """Return views of a flat buffer by the canonical names of the weights."""
        views = _views(flat, [view.shape for view in self._views])
        dense = self._perceptron.dense
        named = [(f"{name}.kernel", views[i]) for i, (name, _) in enumerate(dense)]
        biases = zip(dense, views[len(dense) :], strict=True)
        return [*named, *((f"{name}.bias", view) for (name, layer), view in biases if layer.bias)]


def _joined(parts: list[tuple[FloatArray, float]]) -> FloatArray:
    """Return the gradient of all rows of some batches."""
    if len(parts) == 1:
        return parts[0][0]
    total = sum(weight for _, weight in parts)
    joined: FloatArray = sum(gradient * (weight / total) for gradient, weight in parts)  # type: ignore[assignment]
    return joined.astype(parts[0][0].dtype)


class _Engine(MLPRegressor):
    """scikit-learn's perceptron, which also keeps the outputs before their activation."""

    link: str
    logits: FloatArray

    def _forward_pass(self, activations: list[Any]) -> list[Any]:
        super()._forward_pass(activations)
        self.logits = activations[-1].copy()
        ACTIVATIONS[self.link](activations[-1])
        return activations


def _engine(perceptron: Perceptron, plan: Plan, views: list[npt.NDArray[Any]]) -> _Engine:
    """Return a perceptron over these arrays.

    The gradient of its loss at the outputs is activation minus target for any link, and losses
    are taken from the logits, so one class serves every task.
    """
    mlp = _Engine(activation=perceptron.activation, alpha=0.0)
    depth = len(perceptron.dense)
    mlp.coefs_, mlp.intercepts_ = views[:depth], views[depth:]
    mlp.n_layers_, mlp.n_outputs_ = depth + 1, plan.task.width
    mlp.out_activation_, mlp.link = "identity", link(plan)
    return mlp


def _flatten(
    perceptron: Perceptron, weights: Weights, dtype: Any
) -> tuple[npt.NDArray[Any], int, list[npt.NDArray[Any]]]:
    """Return one buffer of all weights, how much of it are kernels, and views of its parts."""
    kernels, biases = arrays(perceptron, cast_weights(weights, dtype))
    parts = [*kernels, *biases]
    flat = np.concatenate([part.ravel() for part in parts])
    return flat, sum(kernel.size for kernel in kernels), _views(flat, [p.shape for p in parts])


def _views(flat: npt.NDArray[Any], shapes: list[Any]) -> list[npt.NDArray[Any]]:
    edges = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])
    places = zip(edges[:-1], edges[1:], shapes, strict=True)
    return [flat[a:b].reshape(shape) for a, b, shape in places]


def _absent_biases(perceptron: Perceptron, views: list[npt.NDArray[Any]]) -> list[slice]:
    """Return the places in the buffer of biases that the network does not have."""
    edges = np.cumsum([0, *(view.size for view in views)])
    depth = len(perceptron.dense)
    absent = [depth + i for i, (_, layer) in enumerate(perceptron.dense) if not layer.bias]
    return [slice(int(edges[i]), int(edges[i + 1])) for i in absent]
