"""What the backend says of itself. Nothing here loads JAX before there is work to do."""

import random
from contextlib import contextmanager

import numpy as np

from unifml.core.capabilities import Capabilities
from unifml.errors import CapabilityError


class JaxAdapter:
    name = "jax"
    capabilities = Capabilities(
        packages=("jax",),
        extra="jax",
        layers=frozenset({"standardize", "dense", "activation"}),
        activations=frozenset({"identity", "relu", "tanh", "sigmoid"}),
        losses=frozenset({"cross_entropy", "mse"}),
        optimizers=frozenset({"sgd", "adam", "adamw", "rmsprop"}),
        penalties=frozenset({"l1", "l2", "weight_decay"}),
        epochs=True,
        partial_fit=True,
        precisions=frozenset({"float32"}),
        devices=frozenset({"cpu"}),
    )

    # What there is -----------------------------------------------------------

    def owns(self, obj):
        return False  # it takes no native models of users

    def devices(self):
        return ("cpu",)

    def traits(self, native):
        raise no_natives()

    @contextmanager
    def seeded(self, seed):
        python, numpy = random.getstate(), np.random.get_state()
        random.seed(seed)
        np.random.seed(seed % 2**32)
        try:
            yield  # JAX itself has no global generator
        finally:
            random.setstate(python)
            np.random.set_state(numpy)

    # Networks ----------------------------------------------------------------

    def build(self, plan, weights=None):
        from jax_backend.program import JaxModel

        if plan.network is None:
            raise no_natives()
        return JaxModel(plan.graph, dict(weights or {}))

    def program(self, model, plan, data=None):
        from jax_backend.program import JaxProgram

        return JaxProgram(model, plan, data)

    def get_weights(self, model, plan):
        return {name: np.array(value) for name, value in model.weights.items()}

    def set_weights(self, model, plan, weights):
        model.weights = {name: np.array(value) for name, value in weights.items()}

    def translate(self, plan):
        layers = [f"    {node.layer.describe()},  # {node.name}" for node in plan.graph.nodes]
        return "\n".join(["model = JaxModel(", *layers, ")"])

    # Native models of users: none --------------------------------------------

    def dump(self, model, plan):
        raise no_natives()

    def load(self, dumped, plan):
        raise no_natives()

    def to_onnx(self, model, plan, opset):
        raise no_natives()


def no_natives():
    return CapabilityError("backend 'jax' with a native model", rule="it trains networks of unifml")
