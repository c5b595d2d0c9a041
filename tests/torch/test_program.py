"""Programs of torch: they go on where they stopped, share a process, and say what is wrong."""

from __future__ import annotations

import random
import threading

import numpy as np
import pytest
from training.by_hand import (
    IMAGES,
    NOISY,
    SERIES,
    native,
    network,
    order,
    plan,
    same_bits,
    table,
    weights_of,
)

from unifml.errors import CapabilityError
from unifml.training import SGD, AdamW, Lion
from unifml.training.start import start_weights

pytestmark = pytest.mark.torch
RATES = np.array([0.03, 0.02, 0.04, 0.01])
ALL = {"ema": 0.8, "clip_norm": 0.5, "l2": 0.01, "accumulate": 2}
ONE_OF_MINE = {"optimizer": lambda p: __import__("torch").optim.RAdam(p), "learning_rate": 0.1}


def noisy_module():
    """Return a module of a user that draws from every global generator."""
    import torch

    class Noisy(torch.nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(1)
            self.rnn = torch.nn.LSTM(2, 4, batch_first=True)
            self.drop, self.out = torch.nn.Dropout(0.5), torch.nn.Linear(4, 3)

        def forward(self, X):
            hidden = self.drop(self.rnn(X)[0][:, -1])
            if self.training:
                hidden = hidden * random.random() + float(np.random.normal())
            return self.out(hidden)

    return Noisy()


PROGRAMS = {
    "network": lambda **t: network(NOISY, table(), optimizer=SGD(momentum=0.9), **t)[0],
    "adamw": lambda **t: network(NOISY, table(), optimizer=AdamW(), weight_decay=0.1, **t)[0],
    "lion": lambda **t: network(NOISY, table(), optimizer=Lion(), **t)[0],
    "series": lambda **t: network(SERIES, table((7, 2)), optimizer="rmsprop", **t)[0],
    "custom": lambda **t: network(NOISY, table(), **ONE_OF_MINE, **t)[0],
    "native": lambda **t: native(
        noisy_module(), table((7, 2), dtype="float32"), dtype="float32", optimizer="adam", **t
    ),
    "native_custom": lambda **t: native(
        noisy_module(), table((7, 2), dtype="float32"), dtype="float32", **ONE_OF_MINE, **t
    ),
}
_programs = pytest.mark.parametrize("kind", PROGRAMS)


def epochs(program, first, last):
    return np.concatenate(
        [program.run_epoch(order(7, 2, seed=e), RATES[:2], e) for e in range(first, last)]
    )


@_programs
def test_going_on_from_a_state_is_going_on(kind):
    whole = PROGRAMS[kind](**ALL)
    epochs(whole, 0, 2)
    state = whole.state()
    wanted = epochs(whole, 2, 4)
    part = PROGRAMS[kind](**ALL)
    epochs(part, 5, 6)  # it was elsewhere before
    part.restore(state)
    same_bits(part.state(), state)
    np.testing.assert_array_equal(epochs(part, 2, 4), wanted)
    same_bits(part.state(), whole.state())
    same_bits(weights_of(part), weights_of(whole))


@_programs
def test_an_epoch_in_parts_is_the_epoch_in_one(kind):
    whole, parts, other = (PROGRAMS[kind](**ALL) for _ in range(3))
    epoch, rates = order(4, 2), RATES
    wanted = whole.run_epoch(epoch, rates, 7)
    found = []
    for first, last in ((0, 1), (1, 3), (3, 4)):
        other.run_epoch(order(13), RATES[:2], 99)  # whose random numbers are not ours
        seed = None if first else 7
        found.append(parts.run_epoch(epoch.part(first, last), rates[first:last], seed))
    np.testing.assert_array_equal(np.concatenate(found), wanted)
    same_bits(parts.state(), whole.state())
    again = PROGRAMS[kind](**ALL).run_epoch(epoch, rates, 8)
    assert not np.array_equal(again, wanted)  # another seed, other masks


@_programs
def test_threads_with_one_seed_get_one_answer_and_leave_no_trace(kind):
    import torch

    def traces():
        return (
            torch.get_rng_state().numpy().tolist(),
            random.getstate(),
            [part.tolist() if hasattr(part, "tolist") else part for part in np.random.get_state()],
            torch.get_num_threads(),
            torch.are_deterministic_algorithms_enabled(),
            torch.backends.cudnn.allow_tf32,
        )

    programs, found = [PROGRAMS[kind](**ALL) for _ in range(3)], {}
    before = traces()

    def fit(i):
        found[i] = epochs(programs[i], 0, 3)
        programs[i].forward(programs[i].rows.X.numpy())

    threads = [threading.Thread(target=fit, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in (1, 2):
        np.testing.assert_array_equal(found[i], found[0])
        same_bits(programs[i].state(), programs[0].state())
    assert traces() == before


def test_other_rows_are_learned_from_with_the_same_memory():
    data, other = table(), table(rows=15)
    program, _ = network(IMAGES, data, optimizer=SGD(momentum=0.9))
    fresh, _ = network(IMAGES, other, optimizer=SGD(momentum=0.9))
    program.run_epoch(order(), RATES, 0)
    fresh.restore(program.state())
    program.take(other)
    epoch = order(5, rows=15)
    np.testing.assert_array_equal(
        program.run_epoch(epoch, RATES[:3], 1), fresh.run_epoch(epoch, RATES[:3], 1)
    )
    same_bits(program.state(), fresh.state())


def test_rows_are_put_in_order_piece_by_piece(monkeypatch):
    from unifml.adapters._torch_engine import epoch as room

    data = table(weighted=True)
    whole, pieces = (network(IMAGES, data)[0] for _ in range(2))
    wanted = whole.run_epoch(order(4, 2), RATES, 0)
    monkeypatch.setattr(room, "GATHERED", 10 * 72)  # two batches of four rows
    rows = pieces.rows
    assert [len(y) for _, y, _ in rows.batches(order(4))] == [4, 4, 4, 4, 4, 4, 2]
    assert list(rows._stretches(order(4).edges.tolist())) == [(0, 2), (2, 4), (4, 7)]
    np.testing.assert_array_equal(pieces.run_epoch(order(4, 2), RATES, 0), wanted)


def test_a_program_without_rows_only_predicts():
    from unifml.adapters.torch.program import NetworkProgram

    data = table()
    made = plan(IMAGES, data, ema=0.9)
    program = NetworkProgram(start_weights(made, {}), made, None)
    assert program.forward(data.X).shape == (26, 3)
    assert all(name.startswith("weights/") for name in program.state())
    for wish in (lambda: program.run_epoch(order(), RATES, 0), lambda: program.take(data)):
        with pytest.raises(CapabilityError, match="without rows to learn from"):
            wish()


def test_outputs_are_the_callers_own():
    import torch

    from unifml.adapters.torch.natives import NativeProgram

    data, module = table((4,), dtype="float32"), torch.nn.Sequential(torch.nn.Identity())
    made = plan(None, data, dtype="float32", model=module)
    outputs = NativeProgram(module, made, None).forward(data.X)
    assert not np.shares_memory(outputs, data.X)


def test_running_variances_are_the_biased_ones_of_each_batch():
    import torch

    data = table()
    for training, batch in (({}, 13), ({"accumulate": 2}, 13), ({"compile": "auto"}, 26)):
        program, module = network(NOISY[:-1], data, optimizer=SGD(), **training)
        seen = []
        norm = next(m for name, m in module.named_modules() if name.startswith("norm"))
        norm.register_forward_pre_hook(lambda norm, inputs, seen=seen: seen.append(inputs[0]))
        epoch = order(batch, training.get("accumulate", 1))
        program.run_epoch(epoch, np.zeros(epoch.updates), 0)
        wanted = np.ones(6)
        for place in epoch.bounds:
            module(torch.tensor(data.X[epoch.rows[place]]))
            wanted = 0.9 * wanted + 0.1 * seen[-1].detach().numpy().var(0)
        np.testing.assert_allclose(program.result()["norm.variance"], wanted, rtol=1e-12)
