"""What holds for the whole process while a program runs, and what torch refuses."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from training.by_hand import IMAGES, NOISY, native, network, order, table

from unifml.core.memory import guarded
from unifml.errors import CapabilityError, DeviceMemoryError

pytestmark = pytest.mark.torch
RATES = np.array([0.03, 0.02, 0.04, 0.01])


def _hungry(most, error):
    import torch

    class Hungry(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.body = torch.nn.Linear(4, 3)

        def forward(self, X):
            if len(X) > most:
                raise error
            return self.body(X)

    return Hungry()


@pytest.mark.parametrize("how", ["type", "words"])
def test_too_little_memory_names_the_next_size_to_try(how):
    import torch

    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
    if how == "words":
        text = "[enforce fail at alloc_cpu.cpp:1] DefaultCPUAllocator: not enough memory: you tried"
        error = RuntimeError(text)
    data = table((4,), dtype="float32")
    program = native(_hungry(4, error), data, dtype="float32")
    with pytest.raises(DeviceMemoryError, match=r"8 rows.*set Training\(batch_size=4\)") as found:
        program.run_epoch(order(8), RATES, 0)
    assert found.value.__cause__ is error
    assert isinstance(found.value, MemoryError)
    with pytest.raises(DeviceMemoryError, match=r"predicting 26 rows.*at most 13 rows at once"):
        program.forward(data.X)
    assert np.isfinite(program.run_epoch(order(4), RATES.repeat(2)[:7], 0)).all()
    with pytest.raises(RuntimeError, match="something else"):
        native(_hungry(0, RuntimeError("something else")), data, dtype="float32").forward(data.X)


def test_a_batch_of_one_row_cannot_be_halved():
    with pytest.raises(DeviceMemoryError, match="use a smaller model"), guarded(1):
        raise MemoryError
    with pytest.raises(DeviceMemoryError, match="batch_size=2"), guarded(8), guarded(4):
        raise MemoryError
    with pytest.raises(KeyboardInterrupt), guarded(4, words=("",)):
        raise KeyboardInterrupt


def test_deterministic_holds_inside_an_epoch_alone():
    import torch

    class Scatters(torch.nn.Module):
        def __init__(self, bad):
            super().__init__()
            self.body, self.bad, self.seen = torch.nn.Linear(4, 3), bad, []

        def forward(self, X):
            self.seen.append(torch.are_deterministic_algorithms_enabled())
            if self.bad:
                X.clone().put_(torch.tensor([0, 0]), torch.ones(2))
            return self.body(X)

    data = table((4,), dtype="float32")
    strict, plain = ({"deterministic": d, "dtype": "float32"} for d in (True, False))
    program = native(Scatters(False), data, **strict)
    program.run_epoch(order(), RATES, 0)
    program.forward(data.X)
    assert program.module.seen == [True] * 4 + [False]
    with pytest.raises(CapabilityError, match=r"deterministic=True.*put_"):
        native(Scatters(True), data, **strict).run_epoch(order(), RATES, 0)
    native(Scatters(True), data, **plain).run_epoch(order(), RATES, 0)
    assert not torch.are_deterministic_algorithms_enabled()


def test_switches_wait_for_each_other_and_come_back():
    import torch

    from unifml.adapters._torch_engine.modes import TF32

    flags = torch.backends.cudnn, torch.backends.cuda.matmul

    def now():
        return [flag.allow_tf32 for flag in flags]

    before, log, go_on = now(), [], threading.Event()

    def other():
        with TF32.at(False):
            log.append(now())

    with TF32.at(True), TF32.at(True):
        assert now() == [True, True]
        thread = threading.Thread(target=other)
        thread.start()
        go_on.wait(0.2)
        assert log == []
    thread.join()
    assert log == [[False, False]]
    assert now() == before


def test_compiled_steps_are_the_same_steps(monkeypatch):
    import torch

    data, asked, compiler = table(), [], torch.compile

    def eager(call, **kwargs):
        asked.append(call)
        return compiler(call, backend="eager")

    monkeypatch.setattr(torch, "compile", eager)
    plain, _ = network(NOISY[:-1], data, optimizer="adam")
    assert asked == []
    program, _ = network(NOISY[:-1], data, optimizer="adam", compile=True)
    assert asked == [program.module]
    for e in range(2):
        np.testing.assert_allclose(
            program.run_epoch(order(seed=e), RATES, e),
            plain.run_epoch(order(seed=e), RATES, e),
            rtol=1e-9,
        )
    for name, value in plain.result().items():  # running variances among them
        np.testing.assert_allclose(program.result()[name], value, rtol=1e-9, atol=1e-12)

    def refuses(*args, **kwargs):
        raise torch._dynamo.exc.TorchDynamoException("it cannot be traced")

    monkeypatch.setattr(torch, "compile", lambda call: refuses)
    program, _ = network(IMAGES, data, compile=True)
    with pytest.raises(CapabilityError, match=r"compile=True.*it cannot be traced"):
        program.run_epoch(order(), RATES, 0)
