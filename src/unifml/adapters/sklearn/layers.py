"""Networks in scikit-learn's words: a multilayer perceptron, after a scaler if need be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from unifml.core.plan import Plan
from unifml.errors import CapabilityError
from unifml.layers import Activation, Dense, Graph
from unifml.training import SGD, Adam

ACTIVATION_NAMES = {"identity": "identity", "relu": "relu", "tanh": "tanh", "sigmoid": "logistic"}


@dataclass(frozen=True)
class Perceptron:
    """A network as scikit-learn's perceptron has it.

    Attributes
    ----------
    dense : tuple of (str, Dense)
        The dense layers by name; the last one gives the outputs.
    activation : str
        The activation after each of the others, in scikit-learn's words.
    """

    dense: tuple[tuple[str, Dense], ...]
    activation: str

    @property
    def hidden(self) -> tuple[int, ...]:
        """Units of the hidden layers."""
        return tuple(layer.units for _, layer in self.dense[:-1])


def read_network(graph: Graph) -> Perceptron:
    """Read a network as a perceptron.

    Raises
    ------
    CapabilityError
        Where it is not dense layers with one and the same activation between them.
    """
    dense: list[tuple[str, Dense]] = []
    after: list[str] = []
    if len(graph.feeds[0].shape) != 1:
        raise _not_a_perceptron(f"rows of shape {graph.feeds[0].shape}")
    for node in graph.body().chain():
        name, layer = node.name, node.layer
        if isinstance(layer, Dense):
            dense.append((name, layer))
            after.append("identity")
        elif isinstance(layer, Activation) and dense and after[-1] == "identity":
            after[-1] = layer.function
        else:
            raise _not_a_perceptron(f"layer {name!r}, {layer!r}")
    functions = set(after[:-1]) or {"identity"}
    if not dense or after[-1] != "identity" or len(functions) > 1:
        raise _not_a_perceptron(f"activations {after}")
    (function,) = functions
    if function not in ACTIVATION_NAMES:
        raise _not_a_perceptron(f"activation {function!r}")
    return Perceptron(tuple(dense), ACTIVATION_NAMES[function])


def build(plan: Plan) -> Any:
    """Return the estimator of a plan's network, not fitted."""
    perceptron = estimator_class(plan)(**mlp_params(plan))
    if plan.network is None or not plan.graph.standardized:
        return perceptron
    return Pipeline([("standardize", StandardScaler()), ("mlp", perceptron)])


def estimator_class(plan: Plan) -> type[Any]:
    """Return the class of the perceptron: for classes or for numbers."""
    kind: type[Any] = MLPClassifier if plan.task.kind == "classification" else MLPRegressor
    return kind


def mlp_params(plan: Plan) -> dict[str, Any]:
    """Return the perceptron's parameters, as near as its words come to the plan's settings."""
    if plan.network is None:
        raise CapabilityError("scikit-learn's perceptron", found="a plan without a network")
    settings, perceptron = plan.settings, read_network(plan.graph)
    return {
        "hidden_layer_sizes": perceptron.hidden,
        "activation": perceptron.activation,
        **_solver(settings.optimizer),
        "learning_rate_init": settings.learning_rate,
        "alpha": settings.l2 * settings.batch_size,
        "batch_size": settings.batch_size,
        "max_iter": settings.epochs,
        "n_iter_no_change": settings.epochs,
        "random_state": plan.seeds.integer("native"),
    }


def _solver(optimizer: Any) -> dict[str, Any]:
    if isinstance(optimizer, Adam):
        names = ("beta_1", "beta_2", "epsilon")
        return {"solver": "adam", **{name: getattr(optimizer, name) for name in names}}
    if isinstance(optimizer, SGD):
        return {
            "solver": "sgd",
            "momentum": optimizer.momentum,
            "nesterovs_momentum": optimizer.nesterov,
        }
    return {"solver": "adam"}  # it has no others; that matters to a fit by hand only


def _not_a_perceptron(found: str) -> CapabilityError:
    return CapabilityError(
        "backend 'sklearn' cannot build this network",
        found=found,
        rule="its MLP is dense layers with one activation between them, of "
        + ", ".join(ACTIVATION_NAMES),
        fix='use backend="torch" or backend="keras"',
    )
