"""Checks of what an adapter computes, against the toy backend in float64."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from unifml.core.adapter import Adapter
from unifml.core.table import BatchOrder
from unifml.core.task import Task
from unifml.errors import UnifmlError
from unifml.layers import Activation, BatchNorm, Dense, Dropout, Layer, LayerNorm
from unifml.testing.lab import (
    BINARY,
    CLASSES,
    LABELS,
    NUMBER,
    NUMBERS,
    ROWS,
    TOLERANCE,
    Lab,
    close,
    near,
    plain_layers,
    same_bits,
    sharpest,
)
from unifml.testing.rule import Rule, check, require
from unifml.training import LOSS_CLASSES, SGD, Training

CHECKS: list[Rule] = []
_check = partial(check, CHECKS, needs="epochs")


def _lab(adapter: Adapter, task: Task = CLASSES, **changes: Any) -> Lab:
    """Return a plain problem: one hidden layer, the adapter's sharpest dtype, weights of rows."""
    capabilities = adapter.capabilities
    dtype = sharpest(capabilities)
    lab = Lab(adapter, task, plain_layers(capabilities), _training(adapter), dtype, weighted=True)
    return replace(lab, **changes)


def _training(adapter: Adapter) -> Training:
    known = adapter.capabilities.optimizers
    return Training(optimizer=min(known, key=lambda kind: (kind != "adam", kind)), batch_size=5)


def _learns_like_the_oracle(lab: Lab) -> None:
    """Train for two epochs here and on the toy; compare losses, weights and outputs."""
    tolerance, oracle = TOLERANCE[lab.dtype], lab.oracle()
    program, wanted = lab.program(), oracle.program()
    near(lab.run(program), oracle.run(wanted), tolerance, "losses of batches before their steps")
    close(program.result(), wanted.result(), tolerance, "weights after two epochs")
    outputs, wanted_outputs = program.forward(lab.table.X), wanted.forward(oracle.table.X)
    near(outputs, wanted_outputs, tolerance, "outputs after two epochs")


@_check()
def outputs_are_right(adapter: Adapter) -> None:
    """Check that raw outputs of given weights are those of the oracle."""
    lab = _lab(adapter)
    found = lab.program().forward(lab.table.X)
    wanted = lab.oracle().program().forward(lab.oracle().table.X)
    near(found, wanted, TOLERANCE[lab.dtype], "outputs before training")


@_check()
def outputs_do_not_depend_on_batching(adapter: Adapter) -> None:
    """Check that rows give the same outputs alone, in pieces and among thousands."""
    lab = _lab(adapter)
    program, X = adapter.program(lab.start, lab.plan), lab.table.X
    whole = program.forward(X)
    pieces = np.concatenate([program.forward(X[i : i + 4]) for i in range(0, ROWS, 4)])
    near(pieces, whole, TOLERANCE[lab.dtype], "outputs in pieces of four rows")
    many = program.forward(np.tile(X, (200, 1)))
    near(many, np.tile(whole, (200, 1)), TOLERANCE[lab.dtype], "outputs of many rows")


@_check()
def built_models_give_weights_back(adapter: Adapter) -> None:
    """Check that weights go into a native model and out of it to the last bit."""
    lab = _lab(adapter)
    model = adapter.build(lab.plan, lab.weights)
    same_bits(adapter.get_weights(model, lab.plan), lab.weights, "weights after build")
    others = {name: value + np.ones_like(value) for name, value in lab.weights.items()}
    adapter.set_weights(model, lab.plan, others)
    same_bits(adapter.get_weights(model, lab.plan), others, "weights after set_weights")


@_check(over="precisions")
def trains_in_precision(adapter: Adapter, dtype: str) -> None:
    """Check that an adapter computes in each dtype claimed, and returns weights in it."""
    if dtype not in TOLERANCE:
        return  # fewer bits, in the steps only, and not on every device
    lab = _lab(adapter, dtype=dtype)
    _learns_like_the_oracle(lab)
    kinds = {name: str(np.asarray(value).dtype) for name, value in lab.program().result().items()}
    require(set(kinds.values()) == {dtype}, f"weights must be {dtype}, and are {kinds}")


@_check(over="layers")
def trains_layer(adapter: Adapter, kind: str) -> None:
    """Check that each layer claimed trains as the oracle's."""
    layers = plain_layers(adapter.capabilities)
    examples: dict[str, tuple[Layer, ...]] = {
        "dense": (*layers, Dense(5, name="more")),
        "batch_norm": (BatchNorm(name="norm"), *_body(layers), BatchNorm(name="again")),
        "layer_norm": (LayerNorm(name="norm"), *_body(layers), LayerNorm(name="again")),
        "dropout": (*layers, Dropout(0.0, name="drop")),
    }
    if adapter.capabilities.one_activation:
        examples["dense"] = (Dense(5, bias=False, name="first"), *_body(layers)[1:])
    _learns_like_the_oracle(_lab(adapter, layers=examples.get(kind, layers)))


@_check(over="activations")
def trains_activation(adapter: Adapter, function: str) -> None:
    """Check that each activation claimed trains as the oracle's."""
    layers = (Dense(6, name="first"), Activation(function, name="bend"))
    _learns_like_the_oracle(_lab(adapter, layers=(*layers, Dense(4), Activation(function))))


@_check(over="losses")
def trains_loss(adapter: Adapter, loss: str) -> None:
    """Check that each loss claimed trains as the oracle's, for every task that has it."""
    of_classes = "classification" in LOSS_CLASSES[loss].tasks
    for task in (BINARY, CLASSES) if of_classes else (NUMBER, NUMBERS):
        _learns_like_the_oracle(_lab(adapter, task).with_training(loss=loss))


@_check(over="optimizers")
def trains_optimizer(adapter: Adapter, kind: str) -> None:
    """Check that each optimizer claimed steps as the oracle's, momentum included."""
    _learns_like_the_oracle(_lab(adapter).with_training(optimizer=kind))
    if kind == "sgd":
        for nesterov in (False, True):
            chosen = SGD(momentum=0.9, nesterov=nesterov)
            _learns_like_the_oracle(_lab(adapter).with_training(optimizer=chosen))


@_check(over="penalties")
def applies_penalty(adapter: Adapter, penalty: str) -> None:
    """Check that each penalty claimed acts on kernels, and on nothing else."""
    optimizer = "adamw" if penalty == "weight_decay" else _training(adapter).optimizer
    lab = _lab(adapter).with_training(optimizer=optimizer)
    _learns_like_the_oracle(lab.with_training(**{penalty: 0.3}))


@_check()
def trains_several_labels(adapter: Adapter) -> None:
    """Check that several labels a row train as the oracle's, where claimed."""
    if adapter.capabilities.multilabel:
        _learns_like_the_oracle(_lab(adapter, LABELS))


@_check()
def weights_of_rows_count(adapter: Adapter) -> None:
    """Check that losses are ``sum(w * loss) / sum(w)``, and means where no weights are given."""
    _learns_like_the_oracle(_lab(adapter, weighted=False))
    lab = _lab(adapter)
    plain = replace(lab, weighted=False)
    differ = not np.allclose(lab.run(lab.program()), plain.run(plain.program()), rtol=1e-3)
    require(differ, "losses are the same with and without weights of rows")


@_check()
def rows_are_taken_in_order(adapter: Adapter) -> None:
    """Check that batches of any size are made of the rows named, in their order."""
    lab = _lab(adapter)
    rows = np.arange(ROWS, dtype=np.int64)[::-1].copy()
    order = BatchOrder(rows, np.array([0, 2, 9, ROWS], np.int64))  # batches of any size
    rates = np.full(3, 1e-2)
    program, wanted = lab.program(), lab.oracle().program()
    found = program.run_epoch(order, rates, 0)
    tolerance = TOLERANCE[lab.dtype]
    near(found, wanted.run_epoch(order, rates, 0), tolerance, "losses of batches of 2, 7 and 12")
    close(program.result(), wanted.result(), tolerance, "weights after batches of 2, 7 and 12")


@_check()
def rates_are_obeyed(adapter: Adapter) -> None:
    """Check that a rate of 0 changes no weight, another rate does."""
    lab = _lab(adapter)
    program, order = lab.program(), lab.order(0)
    program.run_epoch(order, np.zeros(order.steps), 0)
    same_bits(program.result(), lab.start, "weights after an epoch at learning rate 0")
    program.run_epoch(order, np.full(order.steps, 1e-2), 0)
    moved = any(not np.array_equal(program.result()[n], w) for n, w in lab.start.items())
    require(moved, "an epoch at learning rate 0.01 changes no weight")


@_check()
def the_same_seed_gives_the_same_fit(adapter: Adapter) -> None:
    """Check that two runs under one seed are equal to the last bit."""
    lab = _lab(adapter, layers=_with_dropout(adapter))
    first, second = lab.program(), lab.program()
    losses = lab.run(first)
    require(np.array_equal(losses, lab.run(second)), "two runs under one seed differ in losses")
    same_bits(second.result(), first.result(), "weights of two runs under one seed")


@_check()
def dropout_drops(adapter: Adapter) -> None:
    """Check that dropout is seeded, inverted, of the rate asked for, and off in inference."""
    if "dropout" not in adapter.capabilities.layers:
        return
    rate = 0.4
    lab = _lab(adapter, NUMBER, layers=(Dropout(rate, name="drop"),), weighted=False)
    program, order = lab.program(), lab.order(0)
    losses = [program.run_epoch(order, np.zeros(order.steps), seed) for seed in range(300)]
    again = program.run_epoch(order, np.zeros(order.steps), 5)
    require(np.array_equal(losses[5], again), "dropout under one seed differs")
    require(not np.array_equal(losses[5], losses[6]), "dropout does not depend on the seed")
    kernel = lab.start["output.kernel"]
    outputs = lab.table.X @ kernel + lab.start["output.bias"]
    near(program.forward(lab.table.X), outputs, TOLERANCE[lab.dtype], "outputs (dropout is off)")
    # Inverted dropout keeps the mean of an output, and gives it a variance of its own.
    spread = (rate / (1 - rate)) * (lab.table.X**2 @ kernel**2)
    values = 0.5 * ((outputs - lab.table.y) ** 2 + spread)
    expected = np.add.reduceat(values[order.rows, 0], order.edges[:-1]) / np.diff(order.edges)
    near(np.mean(losses, axis=0) / expected, np.ones(order.steps), 0.1, "mean loss under dropout")


@_check()
def states_go_on_to_the_last_bit(adapter: Adapter) -> None:
    """Check that a state restored goes on as if nothing had been between."""
    lab = _lab(adapter, layers=_with_dropout(adapter))
    through = lab.program()
    lab.run(through, 1)
    kept = {name: np.array(value) for name, value in through.state().items()}
    missing = {f"weights/{name}" for name in lab.start} - set(kept)
    require(not missing, f"state() lacks {sorted(missing)}")
    strange = [n for n, v in through.state().items() if not isinstance(v, np.ndarray)]
    require(not strange, f"state() holds {strange}, which are not NumPy arrays")
    losses = lab.run(through, 1, first=1)
    for program in (lab.program(), through):
        program.restore(kept)
        found = lab.run(program, 1, first=1)
        require(np.array_equal(found, losses), "losses after restore() differ from those without")
        same_bits(program.result(), through.result(), "weights after restore()")


@_check()
def results_are_copies(adapter: Adapter) -> None:
    """Check that what a program was given or gave away is never written to again."""
    lab = _lab(adapter)
    given = {name: np.array(value) for name, value in lab.start.items()}
    program = lab.program()
    early, state = program.result(), program.state()
    same_bits(early, given, "result() before training")
    frozen = {name: np.array(value) for name, value in state.items()}
    lab.run(program)
    same_bits(early, given, "a result() taken before training")
    same_bits(state, frozen, "a state() taken before training")
    same_bits(lab.start, given, "the weights that the program was given")
    wanted = program.result()
    for value in program.result().values():
        value[...] = 0
    same_bits(program.result(), wanted, "result() after an earlier one was written to")


@_check(needs="exact")
def gradients_are_right(adapter: Adapter) -> None:
    """Check that loss and gradient are the oracle's, and the gradient is the loss's slope."""
    for task in (BINARY, CLASSES, NUMBERS):
        lab = _lab(adapter, task, layers=())
        wanted_loss, wanted = lab.oracle().program().loss_and_gradient(lab.oracle().start)
        loss, gradient = lab.program().loss_and_gradient(lab.start)
        near(loss, wanted_loss, TOLERANCE[lab.dtype], "the loss over all rows")
        close(gradient, wanted, TOLERANCE[lab.dtype], "the gradient over all rows")
        _slope(lab, gradient)


def _slope(lab: Lab, gradient: Any) -> None:
    """Compare the gradient with the difference of losses along a random direction."""
    rng, program = np.random.default_rng(3), lab.program()
    size = 1e-5 if lab.dtype == "float64" else 1e-2
    way = {name: rng.normal(size=value.shape) for name, value in lab.start.items()}
    ends = [
        program.loss_and_gradient({n: (w + s * way[n]) for n, w in lab.start.items()})[0]
        for s in (-size, size)
    ]
    found = sum(float(np.sum(gradient[name] * way[name])) for name in way)
    wanted = (ends[1] - ends[0]) / (2 * size)
    near(found, wanted, 1e-7 if lab.dtype == "float64" else 1e-2, "the slope along a direction")


@_check()
def programs_without_rows_say_so(adapter: Adapter) -> None:
    """Check that training without rows is an error of unifml."""
    lab = _lab(adapter)
    program = adapter.program(lab.start, lab.plan, None)
    try:
        lab.run(program, 1)
    except UnifmlError:
        return
    raise AssertionError("a program without rows trains, and must raise an error of unifml")


def _body(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    return tuple(layer for layer in layers if layer.kind != "standardize")


def _with_dropout(adapter: Adapter) -> tuple[Layer, ...]:
    layers = plain_layers(adapter.capabilities)
    known = "dropout" in adapter.capabilities.layers
    return (*layers, Dropout(0.3, name="drop")) if known else layers
