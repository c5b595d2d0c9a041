"""The conformance kit: the backends pass it, and it catches each fault that is put into one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from unifml.core import registry
from unifml.core.capabilities import Capabilities
from unifml.errors import UnifmlError
from unifml.layers import PRIMITIVES
from unifml.testing import ConformanceError, ToyAdapter, check_adapter
from unifml.testing.checks_layers import EXAMPLES
from unifml.testing.toy import ToyModel, ToyProgram


def test_a_backend_conforms(backend):
    assert check_adapter(backend)


def test_the_toy_conforms(register):
    checks = check_adapter(register(ToyAdapter()))
    assert {check.name for check in checks if check.status == "skipped"} == {"import_is_light"}


def test_a_check_is_skipped_only_where_nothing_is_claimed(register):
    class Natives(ToyAdapter):
        capabilities = Capabilities()

    checks = check_adapter(register(Natives()))
    skipped = {check.name: check.reason for check in checks if check.status == "skipped"}
    assert skipped["outputs_are_right"] == "capabilities.epochs is False"
    assert skipped["import_is_light"] == "capabilities.packages is ()"
    assert "protocol_is_complete" not in skipped


def test_every_layer_of_the_vocabulary_is_checked():
    assert set(EXAMPLES) == PRIMITIVES


def test_failures_are_listed_in_one_error(register):
    name = register(_with_program(_IgnoresRates))
    with pytest.raises(ConformanceError) as caught:
        check_adapter(name)
    assert isinstance(caught.value, AssertionError)
    assert isinstance(caught.value, UnifmlError)
    assert "rates_are_obeyed: weights after an epoch at learning rate 0" in str(caught.value)


def test_an_unexpected_exception_is_a_failure_with_its_words(register):
    class Breaks(ToyProgram):
        def forward(self, X):
            raise ZeroDivisionError("no device")

    checks = check_adapter(register(_with_program(Breaks)), on_fail=None)
    (found,) = [check for check in checks if check.name == "outputs_are_right"]
    assert str(found) == "failed  outputs_are_right: ZeroDivisionError: no device"


@pytest.fixture
def register(monkeypatch) -> Callable[[Any], str]:
    """Make an adapter known until the test ends."""

    def add(adapter: Any) -> str:
        monkeypatch.setitem(registry._registered, adapter.name, adapter)
        return adapter.name

    return add


def _name(case: Any) -> str:
    return getattr(case, "__name__", case)


# Programs with one fault each --------------------------------------------------------------------


class _IgnoresRates(ToyProgram):
    def run_epoch(self, order, rates, seed):
        return super().run_epoch(order, np.full_like(rates, 1e-3), seed)


class _RateOfTheFirstStep(ToyProgram):
    def run_epoch(self, order, rates, seed):
        return super().run_epoch(order, np.full_like(rates, rates[0]), seed)


class _IgnoresOrder(ToyProgram):
    def run_epoch(self, order, rates, seed):
        return super().run_epoch(replace(order, rows=np.sort(order.rows)), rates, seed)


class _IgnoresEdges(ToyProgram):
    def run_epoch(self, order, rates, seed):
        edges = np.linspace(0, len(order.rows), order.steps + 1).astype(np.int64)
        return super().run_epoch(replace(order, edges=edges), rates, seed)


class _IgnoresWeights(ToyProgram):
    def __init__(self, weights, plan, data=None):
        super().__init__(weights, plan, data and replace(data, weight=None))


class _ReportsOneLossAnEpoch(ToyProgram):
    def run_epoch(self, order, rates, seed):
        losses = super().run_epoch(order, rates, seed)
        return np.full_like(losses, losses.mean())


class _LossAfterTheStep(ToyProgram):
    def run_epoch(self, order, rates, seed):
        super().run_epoch(order, rates, seed)
        batches = zip(order.edges[:-1], order.edges[1:], strict=True)
        return np.array([self._learn(self.weights, order.rows[a:b])[0] for a, b in batches])


class _DrawsFromTheGlobals(ToyProgram):
    def run_epoch(self, order, rates, seed):
        noise = 1 + 1e-12 * np.random.random(len(rates))
        return super().run_epoch(order, rates * noise, seed)


class _NoiseOfItsOwn(ToyProgram):
    def run_epoch(self, order, rates, seed):
        noise = 1 + 1e-12 * np.random.default_rng().random(len(rates))
        return super().run_epoch(order, rates * noise, seed)


class _SharesResult(ToyProgram):
    def result(self):
        return self.weights


class _WritesToWhatItWasGiven(ToyProgram):
    def __init__(self, weights, plan, data=None):
        super().__init__(weights, plan, data)
        self.given = weights

    def run_epoch(self, order, rates, seed):
        losses = super().run_epoch(order, rates, seed)
        for name, value in self.weights.items():
            self.given[name][...] = value
        return losses


class _ForgetsSlots(ToyProgram):
    def state(self):
        state = super().state()
        return {k: np.zeros_like(v) if k.startswith("slots") else v for k, v in state.items()}


class _ForgetsTheStep(ToyProgram):
    def restore(self, state):
        super().restore(state)
        self.step = 0


class _PenalisesBiases(ToyProgram):
    def __init__(self, weights, plan, data=None):
        super().__init__(weights, plan, data)
        self.kernels = set(self.weights)


class _RoundsToSingle(ToyProgram):
    def forward(self, X):
        return super().forward(X).astype(np.float32)


class _NormalisesInInference(ToyProgram):
    def forward(self, X):
        outputs = super().forward(X)
        return outputs - outputs.mean(axis=0)


class _WrongGradient(ToyProgram):
    def loss_and_gradient(self, weights):
        loss, gradient = super().loss_and_gradient(weights)
        return loss, {name: 1.001 * value for name, value in gradient.items()}


class _TrainsOnNothing(ToyProgram):
    def run_epoch(self, order, rates, seed):
        return super().run_epoch(order, rates, seed) if self.rows else np.zeros(order.steps)


PROGRAMS = {
    _IgnoresRates: "rates_are_obeyed",
    _RateOfTheFirstStep: "trains_optimizer[sgd]",
    _IgnoresOrder: "rows_are_taken_in_order",
    _IgnoresEdges: "rows_are_taken_in_order",
    _IgnoresWeights: "weights_of_rows_count",
    _ReportsOneLossAnEpoch: "trains_loss[cross_entropy]",
    _LossAfterTheStep: "trains_loss[mse]",
    _DrawsFromTheGlobals: "training_leaves_globals_alone",
    _NoiseOfItsOwn: "the_same_seed_gives_the_same_fit",
    _SharesResult: "results_are_copies",
    _WritesToWhatItWasGiven: "results_are_copies",
    _ForgetsSlots: "states_go_on_to_the_last_bit",
    _ForgetsTheStep: "states_go_on_to_the_last_bit",
    _PenalisesBiases: "applies_penalty[l2]",
    _RoundsToSingle: "outputs_are_right",
    _NormalisesInInference: "outputs_do_not_depend_on_batching",
    _WrongGradient: "gradients_are_right",
    _TrainsOnNothing: "programs_without_rows_say_so",
}


def _with_program(program: type[ToyProgram]) -> ToyAdapter:
    adapter = ToyAdapter()
    adapter.program = program
    return adapter


@pytest.mark.parametrize(("program", "check"), PROGRAMS.items(), ids=_name)
def test_a_faulty_program_is_caught(register, program, check):
    assert check in _failed(register(_with_program(program)))


# Adapters with one fault each --------------------------------------------------------------------


class _ForgetsWeights(ToyAdapter):
    def build(self, plan, weights=None):
        return super().build(plan, {k: np.zeros_like(v) for k, v in (weights or {}).items()})


class _TransposesKernels(ToyAdapter):
    def get_weights(self, model, plan):
        return {name: value.T for name, value in super().get_weights(model, plan).items()}


class _WrongActivation(ToyAdapter):
    def program(self, model, plan, data=None):
        program = super().program(model, plan, data)
        program.layers = [(name, _tanh_for_sigmoid(layer)) for name, layer in program.layers]
        return program


class _ComputesInDouble(ToyAdapter):
    def program(self, model, plan, data=None):
        return super().program(
            model, replace(plan, signature=replace(plan.signature, dtype="float64")), data
        )


class _LeavesGlobalsSeeded(ToyAdapter):
    def seeded(self, seed):
        np.random.seed(seed)
        return super().seeded(seed)


class _ClaimsTooMuch(ToyAdapter):
    capabilities = replace(
        ToyAdapter.capabilities, layers=ToyAdapter.capabilities.layers | {"dropout"}
    )


class _ClaimsAnUnknownLayer(ToyAdapter):
    capabilities = replace(
        ToyAdapter.capabilities, layers=ToyAdapter.capabilities.layers | {"rotate"}
    )


class _ClaimsAListOfLayers(ToyAdapter):
    capabilities = replace(ToyAdapter.capabilities, layers=sorted(ToyAdapter.capabilities.layers))


class _NeedsWhatIsNotThere(ToyAdapter):
    capabilities = replace(ToyAdapter.capabilities, packages=("no_such_package",))


class _HasAnOddDevice(ToyAdapter):
    def devices(self):
        return ("cpu", "abacus:0")


class _OwnsEverything(ToyAdapter):
    def owns(self, obj):
        return True


class _SaysNothing(ToyAdapter):
    def translate(self, plan):
        return ""


class _LosesModels(ToyAdapter):
    def build(self, plan, weights=None):
        return ToyModel(iter(()))


ADAPTERS = {
    _ForgetsWeights: "built_models_give_weights_back",
    _TransposesKernels: "built_models_give_weights_back",
    _WrongActivation: "trains_activation[sigmoid]",
    _ComputesInDouble: "trains_in_precision[float32]",
    _LeavesGlobalsSeeded: "seeded_blocks_repeat_and_restore",
    _ClaimsTooMuch: "dropout_drops",
    _ClaimsAnUnknownLayer: "claims_are_known_names",
    _ClaimsAListOfLayers: "capabilities_have_their_types",
    _HasAnOddDevice: "devices_are_claimed_kinds",
    _OwnsEverything: "owns_nothing_foreign",
    _SaysNothing: "programs_are_complete",
    _LosesModels: "fitted_models_take_weights_back",
}


@pytest.mark.parametrize(("adapter", "check"), ADAPTERS.items(), ids=_name)
def test_a_faulty_adapter_is_caught(register, adapter, check):
    assert check in _failed(register(adapter()))


def test_an_adapter_without_its_packages_is_not_tried(register):
    with pytest.raises(ImportError, match="no_such_package"):
        check_adapter(register(_NeedsWhatIsNotThere()))


def test_an_import_that_loads_the_framework_is_caught(register):
    class Heavy(ToyAdapter):
        # unifml.testing loads scikit-learn for its own comparisons.
        capabilities = replace(ToyAdapter.capabilities, packages=("sklearn",))

    Heavy.__module__ = ToyAdapter.__module__
    assert "import_is_light" in _failed(register(Heavy()))


def _tanh_for_sigmoid(layer):
    wrong = getattr(layer, "function", None) == "sigmoid"
    return replace(layer, function="tanh") if wrong else layer


def _failed(name: str) -> set[str]:
    return {check.name for check in check_adapter(name, on_fail=None) if check.status == "failed"}
