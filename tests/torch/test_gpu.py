"""What only a GPU can show."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from training.by_hand import NOISY, SERIES, order, plan, same_bits, table

from unifml.training import SGD
from unifml.training.start import start_weights

pytestmark = [pytest.mark.torch, pytest.mark.gpu]
RATES = np.array([0.03, 0.02, 0.04, 0.01])


@pytest.fixture(autouse=True)
def _needs_a_card():
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no GPU here")


def program(body, data, **training):
    from dataclasses import replace

    from unifml.adapters.torch.program import NetworkProgram

    made = replace(plan(body, data, dtype="float32", **training), device="cuda")
    return NetworkProgram(start_weights(made, {}), made, data)


@pytest.mark.parametrize("precision", ["bf16", "fp16", "tf32"])
def test_fewer_bits_learn_about_the_same(precision):
    import torch

    flags = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    data = table(dtype="float32")
    lower, plain = program(NOISY[:-1], data, precision=precision), program(NOISY[:-1], data)
    found, wanted = (p.run_epoch(order(), RATES, 0) for p in (lower, plain))
    np.testing.assert_allclose(found, wanted, rtol=0.05)
    assert {v.dtype for v in lower.result().values()} == {np.dtype("float32")}
    assert (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32) == flags


@pytest.mark.parametrize("body", [NOISY, SERIES], ids=["images", "series"])
def test_an_epoch_in_parts_is_the_epoch_in_one(body):
    import torch

    data = table((7, 2) if body is SERIES else (6, 6, 2), dtype="float32")
    whole, parts = (program(body, data, optimizer=SGD(momentum=0.9), ema=0.8) for _ in range(2))
    before = torch.cuda.get_rng_state().numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of weights that are not in one piece
        wanted = whole.run_epoch(order(), RATES, 7)
    found = [
        parts.run_epoch(order().part(i, i + 1), RATES[i : i + 1], None if i else 7)
        for i in range(4)
    ]
    np.testing.assert_array_equal(np.concatenate(found), wanted)
    same_bits(parts.state(), whole.state())
    np.testing.assert_array_equal(torch.cuda.get_rng_state().numpy(), before)


def test_memory_that_runs_out_is_told_and_given_back():
    import torch

    import unifml
    from unifml.errors import DeviceMemoryError
    from unifml.layers import Dense

    data = table((8,), dtype="float32", rows=4096)
    wide = program((Dense(2**20),), data)
    share = 2**31 / torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(share)
    try:
        with pytest.raises(DeviceMemoryError, match="batch_size=2048"):
            wide.run_epoch(order(4096, rows=4096), RATES[:1], 0)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        unifml.get_adapter("torch").release()
