"""Every layer on every backend: shapes, counts, outputs and gradients of the NumPy reference."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import unifml
import unifml.layers
from layers.plans import ROWS, Bench, Case
from layers.strategies import BUILDS, cases
from layers.tricky import CASES
from unifml.core.signature import Feed
from unifml.core.table import BatchOrder
from unifml.layers import Activation, BatchNorm, Dense, Layer
from unifml.testing import reference
from unifml.testing.lab import near, same_bits

FORWARD = {"float32": 1e-5, "float64": 1e-9}
GRADIENT = {"float32": 1e-4, "float64": 1e-7}
EXAMPLES = int(os.environ.get("UNIFML_TEST_EXAMPLES", "3"))  # more of them search deeper
DRAWN = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    phases=(Phase.generate, Phase.shrink) if EXAMPLES > 3 else (Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
# What is drawn besides kinds: combinators, and layers behind padded ids.
MADE = {"combined", "padded"}


def call_torch(model: Any, X: Any) -> Any:
    import torch

    tensors = {name: torch.from_numpy(v) for name, v in X.items()} if isinstance(X, dict) else X
    with torch.no_grad():
        found = model(**tensors) if isinstance(X, dict) else model(torch.from_numpy(X))
    return {k: v.numpy() for k, v in found.items()} if isinstance(found, dict) else found.numpy()


def call_keras(model: Any, X: Any) -> Any:
    from keras import ops

    found = model(X)
    if isinstance(found, dict):
        return {name: ops.convert_to_numpy(value) for name, value in found.items()}
    return ops.convert_to_numpy(found)


def trained_torch(model: Any) -> int:
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def trained_keras(model: Any) -> int:
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


NATIVES = {"torch": (call_torch, trained_torch), "keras": (call_keras, trained_keras)}


@pytest.fixture
def adapter(backend: str) -> Any:
    """An adapter that builds any layer; those of one hidden activation build MLPs only."""
    found = unifml.get_adapter(backend)
    if found.capabilities.one_activation or backend not in NATIVES:
        pytest.skip("builds multilayer perceptrons only, tried elsewhere")
    return found


def native_matches(adapter: Any, case: Case) -> None:
    """Hold the plain native model against the oracle."""
    bench = Bench(adapter, case, "float32")
    call, trained = NATIVES[adapter.name]
    model = adapter.build(bench.plan, bench.weights)
    specs = bench.graph.weight_specs().values()
    assert trained(model) == sum(spec.size for spec in specs if spec.trainable)
    found, wanted = call(model, bench.X), bench.outputs
    found = found if isinstance(found, dict) else {"outputs": found}
    assert set(found) == set(wanted)
    for name, value in wanted.items():
        valid = bench.valid(name)
        assert found[name].shape == value.shape, name
        ours, oracle = (v if valid is None else v[valid] for v in (found[name], value))
        near(ours, oracle, FORWARD["float32"], f"{name} of the native model")
    same_bits(adapter.get_weights(model, bench.plan), bench.weights, "weights")


def program_matches(adapter: Any, case: Case, dtype: str) -> None:
    """Hold a program's outputs and gradient against the oracle."""
    bench = Bench(adapter, case, dtype, headed=True)
    program = adapter.program(bench.body_weights, bench.plan, bench.table)
    near(program.forward(bench.body_rows), bench.forward, FORWARD[dtype], "outputs of the program")
    if not adapter.capabilities.exact:
        return
    loss, gradient = program.loss_and_gradient(bench.body_weights)
    near(loss, bench.loss(bench.body_weights), FORWARD[dtype], "loss")
    trained = {n for n, spec in bench.graph.weight_specs().items() if spec.trainable}
    assert set(gradient) == trained
    for name, slope, wanted in bench.slopes(gradient):
        assert gradient[name].shape == bench.body_weights[name].shape
        near(slope, wanted, GRADIENT[dtype], f"gradient of {name}")


def precisions(adapter: Any) -> list[str]:
    """Return what it computes in, the finest last."""
    return sorted(adapter.capabilities.precisions & set(FORWARD))


@pytest.mark.parametrize("kind", sorted(BUILDS))
def test_drawn_native_models(adapter: Any, kind: str) -> None:
    @DRAWN
    @given(case=cases(kind))
    def holds(case: Case) -> None:
        native_matches(adapter, case)

    holds()


@pytest.mark.parametrize("kind", sorted(BUILDS))
def test_drawn_programs(adapter: Any, kind: str) -> None:
    @DRAWN
    @given(case=cases(kind), dtype=st.sampled_from(precisions(adapter)))
    def holds(case: Case, dtype: str) -> None:
        program_matches(adapter, case, dtype)

    holds()


@pytest.mark.parametrize("name", CASES)
def test_tricky_native_models(adapter: Any, name: str) -> None:
    native_matches(adapter, CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_tricky_programs(adapter: Any, name: str) -> None:
    program_matches(adapter, CASES[name], precisions(adapter)[-1])


@pytest.mark.parametrize("shape", [(3,), (5, 2), (3, 4, 2)], ids=str)
def test_batch_norm_learns_from_the_batch(adapter: Any, shape: tuple[int, ...]) -> None:
    """One step of size 1 is the gradient in training mode, and moves the running statistics."""
    layers = (Dense(3, name="first"), BatchNorm(name="norm"), Activation("tanh"))
    dtype = precisions(adapter)[-1]
    bench = Bench(adapter, Case(layers, (Feed("X", shape),)), dtype, headed=True)
    program = adapter.program(bench.body_weights, bench.plan, bench.table)
    whole = BatchOrder(np.arange(ROWS), np.array([0, ROWS]))
    program.run_epoch(whole, np.array([1.0]), seed=1)
    start, after = bench.body_weights, program.result()
    trained = [name for name, spec in bench.graph.weight_specs().items() if spec.trainable]
    gradient = {name: start[name].astype(float) - after[name] for name in trained}
    for name, slope, wanted in bench.slopes(gradient, training=True):
        near(slope, wanted, GRADIENT[dtype], f"gradient of {name}")
    known = reference.values(bench.graph, start, bench.X)["first"].reshape(-1, 3)
    for name, now in {"mean": known.mean(0), "variance": known.var(0)}.items():
        kept = 0.9 * start[f"norm.{name}"].astype(float) + 0.1 * now
        near(after[f"norm.{name}"], kept, FORWARD[dtype], f"running {name}")


def kinds() -> set[str]:
    """Return the kinds of all public layers."""
    found = (getattr(unifml.layers, name) for name in unifml.layers.__all__)
    return {x.kind for x in found if isinstance(x, type) and issubclass(x, Layer)} - {"layer"}


def test_every_kind_is_drawn() -> None:
    combinators = {"sequential", "residual", "parallel", "repeat", "skip", "input", "network"}
    assert set(BUILDS) - MADE == kinds() - combinators - {"join"}


def test_every_primitive_is_built(adapter: Any) -> None:
    assert adapter.capabilities.layers >= unifml.layers.PRIMITIVES
    assert set(unifml.layers.ACTIVATIONS) <= adapter.capabilities.activations
