"""Each technique against the loop that one would write by hand in torch."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
from training.by_hand import (
    CLASSES,
    IMAGES,
    by_hand,
    close,
    cross_entropy,
    kernels,
    native,
    network,
    order,
    plan,
    sgd,
    table,
    weights_of,
)

from unifml.errors import CapabilityError
from unifml.training import SGD, AdamW, Training

pytestmark = pytest.mark.torch
RATES = np.array([0.3, 0.2, 0.4, 0.1])


@pytest.mark.parametrize(
    "asked",
    [
        {"clip_norm": 0.05},
        {"clip_value": 0.01},
        {"clip_value": 0.02, "clip_norm": 0.05, "l2": 0.5, "l1": 0.1},
        {"clip_norm": 1e6},
    ],
    ids=repr,
)
@pytest.mark.parametrize("loose", [False, True], ids=["flat", "loose"])
def test_gradients_are_clipped_with_their_penalties(asked, loose):
    import torch

    data = table()
    if loose:
        asked = {**asked, "optimizer": lambda p: torch.optim.SGD(p, lr=1.0), "learning_rate": 1.0}
    program, module = network(IMAGES, data, **asked)

    def change(module):
        for kernel in kernels(module):
            kernel.grad += asked.get("l2", 0.0) * kernel.detach()
            kernel.grad += asked.get("l1", 0.0) * kernel.detach().sign()
        if "clip_value" in asked:
            torch.nn.utils.clip_grad_value_(module.parameters(), asked["clip_value"])
        if "clip_norm" in asked:
            torch.nn.utils.clip_grad_norm_(module.parameters(), asked["clip_norm"])

    by_hand(module, sgd(module), data, order(), RATES, cross_entropy, change)
    program.run_epoch(order(), RATES, 0)
    close((program, data.X), module, 1e-4 if "clip_norm" in asked else 1e-12)  # torch adds 1e-6


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", ["network", "native"])
def test_batches_that_accumulate_are_one_batch(kind, weighted):
    data = table(weighted=weighted)

    def program(**training):
        made, module = network(IMAGES, data, optimizer=SGD(momentum=0.9), **training)
        if kind == "network":
            return made
        return native(module, data, optimizer=SGD(momentum=0.9), **training)

    small, large = program(accumulate=3), program()
    rates = RATES[:2]
    losses = small.run_epoch(order(6, 3), rates, 0)
    large.run_epoch(order(18), rates, 0)
    assert losses.shape == (5,)
    for name, value in weights_of(large).items():
        np.testing.assert_allclose(weights_of(small)[name], value, rtol=1e-12, atol=1e-14)
    weight = np.ones(26) if data.weight is None else data.weight
    sums = [weight[order(6).rows[place]].sum() for place in order(6).bounds]
    first = np.average(losses[:3], weights=sums[:3])
    np.testing.assert_allclose(first, program().run_epoch(order(18), rates, 0)[0])


@pytest.mark.parametrize("kind", ["network", "native", "custom"])
def test_the_average_of_the_weights_predicts(kind):
    import torch

    data = table()
    training = {"ema": 0.6}
    if kind == "custom":
        training |= {"optimizer": lambda p: torch.optim.SGD(p, lr=1.0), "learning_rate": 1.0}
    program, module = network(IMAGES, data, **training)
    if kind == "native":
        program = native(module, data, **training)
    average, counted = [p.detach().clone() for p in module.parameters()], []

    def follow(optimizer, args, kwargs):
        t = len(counted)
        keep = min(0.6, (1 + t) / (10 + t))
        counted.append(t)
        with torch.no_grad():
            for mean, p in zip(average, module.parameters(), strict=True):
                mean.mul_(keep).add_(p, alpha=1 - keep)

    optimizer = sgd(module)
    optimizer.register_step_post_hook(follow)
    for epoch in range(3):
        by_hand(module, optimizer, data, order(seed=epoch), RATES, cross_entropy)
        program.run_epoch(order(seed=epoch), RATES, epoch)
    raw = {k: v for k, v in program.state().items() if k.startswith("weights/")}
    averaged = deepcopy(module)
    with torch.no_grad():
        for p, mean in zip(averaged.parameters(), average, strict=True):
            p.copy_(mean)
    close((program, data.X), averaged)
    for k, v in program.state().items():  # predicting has changed nothing
        if k in raw:
            np.testing.assert_array_equal(v, raw[k])
        if k.startswith("average/") and kind != "native":
            np.testing.assert_array_equal(v, weights_of(program)[k.removeprefix("average/")])
    found = sorted(float(v.sum()) for v in raw.values())
    wanted = sorted(p.sum().item() for p in module.parameters())
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


def test_sixteen_bits_are_autocast():
    import torch

    data = table(dtype="float32")
    program, module = network(IMAGES, data, dtype="float32", precision="bf16")
    plain, _ = network(IMAGES, data, dtype="float32")
    lower = torch.autocast("cpu", dtype=torch.bfloat16)

    def loss(outputs, y):
        assert outputs.dtype == torch.bfloat16
        return cross_entropy(outputs.float(), y)

    by_hand(lambda_module(module, lower), sgd(module), data, order(), RATES, loss)
    losses = program.run_epoch(order(), RATES, 0)
    close((program, data.X), module, 1e-6)
    assert {v.dtype for v in program.result().values()} == {np.dtype("float32")}
    whole = plain.run_epoch(order(), RATES, 0)
    np.testing.assert_allclose(losses, whole, rtol=0.05)
    assert np.abs(losses - whole).max() > 1e-5  # fewer bits were used


def lambda_module(module, context):
    def call(X):
        with context:
            return module(X)

    return call


@pytest.mark.parametrize("precision", ["fp16", "tf32"])
def test_a_precision_that_a_device_has_not_is_refused(precision):
    with pytest.raises(CapabilityError, match=f"{precision}.*cuda only.*bf16"):
        network(IMAGES, table(dtype="float32"), dtype="float32", precision=precision)


def test_losses_are_scaled_down_where_gradients_overflow(monkeypatch):
    import torch

    from unifml.adapters._torch_engine import precision as bits
    from unifml.adapters._torch_engine.descent import Descent
    from unifml.adapters._torch_engine.flat import Flat

    weight = torch.nn.Parameter(torch.tensor([2.0, -1.0]))
    settings = plan(IMAGES, table(), optimizer=AdamW(), precision="fp16", ema=0.5).settings
    descent = Descent(Flat([weight], []), settings)
    plain = torch.nn.Parameter(torch.tensor([2.0, -1.0]))
    adam = torch.optim.Adam([plain], lr=0.1)

    def step(slope):
        descent.begin(np.array([0.1]))
        descent.zero()
        descent.back((weight * slope).sum())
        descent.step(0)

    step(1e30)  # times 2**15 fits, times 2**15 twice does not
    assert descent.scale.scale == 2.0**15
    step(1e38)
    assert (descent.scale.scale, descent.scale.good, descent.done) == (2.0**14, 0, 2)
    for slope in (1e30, 0.0):  # the step that was left out counts
        adam.zero_grad()
        (plain * slope).sum().backward()
        adam.step() if slope else adam.state[plain]["step"].add_(1)
    torch.testing.assert_close(weight, plain)
    monkeypatch.setattr(bits, "GOOD", 2)
    step(1.0)
    step(1.0)
    assert (descent.scale.scale, descent.scale.good) == (2.0**15, 0)
    other = Descent(Flat([torch.nn.Parameter(torch.zeros(2))], []), settings)
    step(1.0)
    other.restore(descent.state())
    assert (other.scale.scale, other.scale.good, other.done) == (2.0**15, 1, 5)


def test_what_has_no_gradient_does_not_move():
    import torch

    class Parted(torch.nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.used, self.idle, self.frozen = (torch.nn.Linear(4, 3).double() for _ in range(3))
            self.frozen.requires_grad_(False)
            self.calls = 0

        def forward(self, X):
            self.calls += self.training
            late = self.idle(X) if self.calls > 4 else 0.0
            return self.used(X) + self.frozen(X) + late

    module, data = Parted(), table((4,))
    adam = {"optimizer": AdamW(), "weight_decay": 0.1, "l2": 0.1, "ema": 0.5}
    program = native(module, data, **adam, clip_norm=9.0)
    program.run_epoch(order(), RATES, 0)
    for name, value in module.state_dict().items():
        moved = not np.array_equal(value.numpy(), program.module.state_dict()[name].numpy())
        assert moved == name.startswith("used")
    # Counts are each tensor's own: a first step late is as long as a first step early.
    program.run_epoch(order(), np.full(4, 1e-3), 0)
    found = program.state()
    assert (found["clock/0"], found["clock/1"], found["updates"]) == (8, 4, 8)


def test_soft_targets_are_shares():
    import torch

    data = table()
    shares = np.random.default_rng(1).dirichlet(np.ones(3), 26)
    program, module = network(IMAGES, data, mixup=0.2)
    program.take(type(data)(data.X, shares))
    mixed = type(data)(data.X, shares)
    by_hand(module, sgd(module), mixed, order(), RATES, cross_entropy)
    program.run_epoch(order(), RATES, 0)
    close((program, data.X), module)
    assert torch.is_tensor(program.rows.y)


def test_all_that_training_may_ask_for_is_known():
    import unifml

    known = unifml.get_adapter("torch").capabilities.techniques
    asked = Training(
        clip_norm=1.0,
        clip_value=1.0,
        accumulate=2,
        ema=0.9,
        mixup=0.1,
        deterministic=True,
        compile=True,
        loss=lambda outputs, y: outputs,
        optimizer=lambda parameters: parameters,
    )
    assert asked.resolve({}, CLASSES, 9).techniques == known


def test_a_translation_holds_every_technique():
    import ast

    from unifml.adapters.torch.translate import translate

    asked = {"clip_norm": 0.5, "clip_value": 0.25, "accumulate": 3, "ema": 0.9, "compile": True}
    data = table()
    text = translate(plan(IMAGES, data, **asked, deterministic=True, precision="bf16"))
    ast.parse(text)
    for word in (
        "clip_grad_norm_(model.parameters(), 0.5)",
        "clip_grad_value_(model.parameters(), 0.25)",
        "of 3 batches",
        "min(0.9, (1 + t) / (10 + t))",
        "torch.compile(model)",
        "use_deterministic_algorithms(True)",
        'torch.autocast("cpu", dtype=torch.bfloat16)',
    ):
        assert word in text
    plain = translate(plan(IMAGES, data))
    assert not any(word in plain for word in ("clip", "average", "compile", "autocast", "batches"))


@pytest.mark.parametrize("kind", ["network", "native"])
def test_only_kernels_decay_and_are_penalised(kind):
    import torch

    data, asked = table(), {"optimizer": AdamW(), "weight_decay": 0.5, "l2": 0.1}
    program, module = network(IMAGES, data, **asked)
    if kind == "native":
        program = native(module, data, **asked)
    groups = [
        {"params": kernels(module), "weight_decay": 0.5},
        {"params": [p for p in module.parameters() if p.ndim == 1], "weight_decay": 0.0},
    ]

    def change(module):
        for kernel in kernels(module):
            kernel.grad += 0.1 * kernel.detach()

    adamw = torch.optim.AdamW(groups)
    by_hand(module, adamw, data, order(), RATES / 10, cross_entropy, change)
    program.run_epoch(order(), RATES / 10, 0)
    close((program, data.X), module, 1e-9)
