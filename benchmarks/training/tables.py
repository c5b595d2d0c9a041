"""The tables: what an epoch, a fit, a prediction cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedKFold, cross_val_score

import unifml
from training.cases import CASES, DIGITS, FOLDED, QUICK, SMALL, Array, Case
from training.contender import Contender
from training.measure import Clocks, Times, Turns, Work, clocked, minus, per_call, summary
from training.tuning import by_hand, tuned

Rows = Iterator[tuple[str, dict[str, Any]]]


@dataclass(frozen=True)
class World:
    """The contenders of one process, and how carefully they are timed."""

    contenders: tuple[type[Contender], ...]
    hand: type[Contender]
    calls: Callable[[dict[str, Any]], dict[str, Callable[[Array], Any]]]
    repeats: int = 5
    quick: bool = False

    @property
    def seconds(self) -> float:
        """What a timed stretch takes at least."""
        return 0.1 if self.quick else 0.4

    def of(self, case: Case) -> dict[str, type[Contender]]:
        return {c.name: c for c in self.contenders if case.kind in c.kinds and not c.missing()}

    def run(
        self, case: Case, make: Callable[[type[Contender]], Callable[[], Work]]
    ) -> dict[str, Any]:
        """Time everyone who can at something, and say who cannot."""
        turns = Turns(self.repeats)
        works = turns.ready({name: make(kind) for name, kind in self.of(case).items()})
        return self.told(case, turns, turns.take(works))

    def told(self, case: Case, turns: Turns, times: Times) -> dict[str, Any]:
        absent = {c.name: {"missing": "not installed"} for c in self.contenders if c.missing()}
        failed = {name: {"missing": f"failed: {why}"} for name, why in turns.failures.items()}
        return summary(times) | failed | absent


def epochs(world: World) -> Rows:
    """Time an epoch: what a fit takes longer that has twice as many; programs are warm."""
    for case in QUICK if world.quick else CASES:
        yield case.name, world.run(case, lambda kind, case=case: lambda: _epoch(case, kind))


def _epoch(case: Case, kind: type[Contender]) -> Work:
    contender = kind(case, *case.load())
    contender.fit(2 * case.short)

    def work() -> Clocks:
        contender.fit(case.short // 2)  # who comes after others finds caches cold
        long = clocked(lambda: contender.fit(2 * case.short))
        return minus(long, clocked(lambda: contender.fit(case.short)), case.short)

    return work


def fits(world: World) -> Rows:
    """Time whole fits, of a network that is new and of one that was there before."""
    for case in (DIGITS,) if world.quick else (SMALL, DIGITS):
        for epochs in (20,):
            first = world.run(case, lambda kind, c=case, e=epochs: lambda: _first(c, kind, e))
            yield f"first fit, {case.name}, {epochs} epochs", first
            again = world.run(case, lambda kind, c=case, e=epochs: lambda: _again(c, kind, e))
            yield f"refit, {case.name}, {epochs} epochs", again


def _first(case: Case, kind: type[Contender], epochs: int) -> Work:
    kind(case, *case.load()).fit(epochs)  # the framework itself is warm
    turns = iter(range(1, 1000))
    return lambda: clocked(lambda: kind(case.wider(next(turns)), *case.load()).fit(epochs))


def _again(case: Case, kind: type[Contender], epochs: int) -> Work:
    def fit() -> None:
        kind(case, *case.load()).fit(epochs)

    fit()
    return lambda: clocked(fit)


def folds(world: World) -> Rows:
    """Time five folds of 20 epochs each."""
    for case in FOLDED[:1] if world.quick else FOLDED:
        yield (
            f"5 folds, {case.name}",
            world.run(case, lambda kind, case=case: lambda: _folds(case, kind)),
        )


def _folds(case: Case, kind: type[Contender], epochs: int = 20) -> Work:
    X, y = case.load()
    cv = StratifiedKFold(5, shuffle=True, random_state=0)

    def scores() -> Any:
        contender = kind(case, X, y)
        estimator = contender.estimator(epochs)
        if kind.name == "unifml":
            return unifml.evaluate(
                estimator, contender.X, y, cv=cv, metrics="accuracy", verbose=0, random_state=0
            )
        if estimator is not None:
            return cross_val_score(estimator, contender.X, contender.y, cv=cv, scoring="accuracy")
        return [_score(kind(case, X[a], y[a]), epochs, X[b], y[b]) for a, b in cv.split(X, y)]

    scores()
    return lambda: clocked(scores)


def _score(contender: Contender, epochs: int, X: Array, y: Array) -> float:
    contender.fit(epochs)
    return float(np.mean(contender.predict(X) == y))


def trials(world: World) -> Rows:
    """Time 20 trials of a learning rate, each scored on rows held out, and the final fit."""
    turns, case = Turns(world.repeats), SMALL
    makers = {"unifml": lambda: tuned(case, world.contenders[0])}
    makers[f"Optuna, {world.hand.name}"] = lambda: by_hand(case, world.hand)
    times = turns.take(turns.ready(makers))
    yield f"20 trials, {case.name}", world.told(case, turns, times)


def predictions(world: World) -> Rows:
    """Time predictions of one row, of some and of many."""
    X, y = DIGITS.load()
    trained: dict[str, Any] = {}
    turns = Turns(world.repeats)
    for name, kind in world.of(DIGITS).items():
        trained[name] = turns.tried(name, lambda kind=kind: _trained(kind, X, y))
    trained = {name: contender for name, contender in trained.items() if contender is not None}
    many = np.random.default_rng(0).standard_normal((10_000, X.shape[1]), dtype=np.float32)
    for rows in (1, 64, 10_000):
        some, calls = np.ascontiguousarray(many[:rows]), world.calls(trained)
        makers = {name: partial(_calls, world, call, some) for name, call in calls.items()}
        times = turns.take(turns.ready(makers))
        yield f"{rows:,} row{'s' * (rows > 1)}", summary(times, reference="unifml predict")


def _trained(kind: type[Contender], X: Array, y: Array) -> Contender:
    contender = kind(DIGITS, X, y)
    contender.fit(1)
    return contender


def _calls(world: World, call: Callable[[Array], Any], X: Array) -> Work:
    call(X)
    return lambda: per_call(lambda: call(X), world.seconds / 4)


TABLES: dict[str, Callable[[World], Rows]] = {
    each.__name__: each for each in (epochs, fits, folds, trials, predictions)
}
