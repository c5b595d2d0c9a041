"""What scikit-learn offers; it is loaded when something is to be done."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy.typing as npt

from unifml.adapters.sklearn.rng import seeded
from unifml.core.adapter import Program, Weights
from unifml.core.capabilities import Capabilities, NativeTraits
from unifml.core.plan import Plan
from unifml.core.table import Table
from unifml.training import OPTIMIZERS


class SklearnAdapter:
    """Trains networks with scikit-learn's backpropagation, and fits any compatible estimator."""

    name = "sklearn"
    capabilities = Capabilities(
        packages=("sklearn",),
        extra="sklearn",
        natives="scikit-learn compatible estimators and pipelines (XGBoost, LightGBM, ...)",
        layers=frozenset({"standardize", "dense", "activation"}),
        activations=frozenset({"identity", "relu", "tanh", "sigmoid"}),
        one_activation=True,
        losses=frozenset({"cross_entropy", "mse"}),
        optimizers=frozenset(OPTIMIZERS),
        penalties=frozenset({"l1", "l2", "weight_decay"}),
        dialects=frozenset({"sklearn"}),
        epochs=True,
        partial_fit=True,
        techniques=frozenset({"accumulate", "clip_norm", "clip_value", "ema", "soft_targets"}),
        multilabel=True,
        untouched=True,
        precisions=frozenset({"float32", "float64"}),
        devices=frozenset({"cpu", "cuda"}),
        callables=True,
        onnx=True,
    )

    def owns(self, obj: object) -> bool:
        cls = obj if isinstance(obj, type) else type(obj)
        return (
            callable(getattr(obj, "fit", None))
            and callable(getattr(obj, "get_params", None))
            and not any(_foreign(base) for base in cls.__mro__)
        )

    def devices(self) -> tuple[str, ...]:
        from unifml.adapters.sklearn.tensors import cards

        return ("cpu", *cards())

    def traits(self, native: Any) -> NativeTraits:
        from unifml.adapters.sklearn.natives import traits

        return traits(native)

    def seeded(self, seed: int) -> AbstractContextManager[None]:
        return seeded(seed)

    def build(self, plan: Plan, weights: Weights | None = None) -> Any:
        from unifml.adapters.sklearn import layers, natives

        model = layers.build(plan) if _is_network(plan) else natives.build(plan)
        return model if weights is None else _weights(plan).write(model, plan, weights)

    def program(self, model: Any, plan: Plan, data: Table | None = None) -> Program:
        if isinstance(model, Mapping):
            from unifml.adapters.sklearn.program import NetworkProgram

            return NetworkProgram(model, plan, data)
        from unifml.adapters.sklearn.natives import NativeProgram

        return NativeProgram(model, plan, data)

    def stack(self, weights: Any, plans: Any, tables: Any) -> None:
        return None

    def release(self) -> None:
        """Nothing is kept between fits."""

    def callback(self, native: object) -> None:
        return None

    def get_weights(self, model: Any, plan: Plan) -> dict[str, npt.NDArray[Any]]:
        return _weights(plan).read(model, plan)  # type: ignore[no-any-return]

    def set_weights(self, model: Any, plan: Plan, weights: Weights) -> None:
        _weights(plan).write(model, plan, weights)

    def dump(self, model: Any, plan: Plan) -> Any:
        return model

    def load(self, dumped: Any, plan: Plan) -> Any:
        return dumped

    def to_onnx(self, model: Any, plan: Plan, opset: int) -> Any:
        from unifml.adapters.sklearn.onnx import to_onnx

        return to_onnx(model, plan, opset)

    def translate(self, plan: Plan) -> str:
        from unifml.adapters.sklearn.translate import translate

        return translate(plan)


_NETWORKS = {"Module", "Layer"}  # the roots of all models of torch and Keras


def _foreign(base: type) -> bool:
    root = base.__module__.partition(".")[0]
    if root == "unifml":
        return True
    return root in ("torch", "keras", "tf_keras", "tensorflow") and base.__name__ in _NETWORKS


def _is_network(plan: Plan) -> bool:
    """Whether the plan's network is trained as such, and not by a library's estimator."""
    return plan.network is not None and plan.procedure != "native"


def _weights(plan: Plan) -> Any:
    """Return who reads and writes the weights of a plan's model."""
    from unifml.adapters.sklearn import linear, weights

    return weights if _is_network(plan) else linear
