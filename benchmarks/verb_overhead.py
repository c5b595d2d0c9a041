"""Measure what `evaluate` and `tune` cost beyond the fits, side by side with the plain libraries.

A fit of a dummy costs next to nothing, so what is left is overhead: scikit-learn's
``cross_validate`` with the same metrics against ``evaluate``, and a hand-written Optuna study
against ``tune``. Nothing is pruned and the folds are the same, so that both do the same work: with
its default pruner ``tune`` would look faster only because it runs fewer folds. The contenders take
turns so that both see the same machine.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import optuna
from sklearn.datasets import make_classification
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_score, cross_validate

import unifml

FOLDS, TRIALS = StratifiedKFold(5, shuffle=True, random_state=0), 30
SCORING = ["accuracy", "f1", "roc_auc"]


def contenders(rows: int) -> dict[str, Callable[[], object]]:
    X, y = make_classification(rows, random_state=0)
    model = DummyClassifier(strategy="stratified", random_state=0)

    def by_hand(trial: optuna.Trial) -> float:
        constant = trial.suggest_int("random_state", 0, 9)
        return float(
            np.mean(cross_val_score(model.set_params(random_state=constant), X, y, cv=FOLDS))
        )

    def study() -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        optuna.create_study(direction="maximize").optimize(by_hand, n_trials=TRIALS)

    space = {"random_state": range(10)}
    options = {"n_trials": TRIALS, "verbose": 0, "random_state": 0, "cv": FOLDS}
    options["pruner"] = optuna.pruners.NopPruner()
    return {
        "cross_validate": lambda: cross_validate(model, X, y, cv=FOLDS, scoring=SCORING),
        "evaluate": lambda: unifml.evaluate(model, X, y, cv=FOLDS, metrics=SCORING, verbose=0),
        "optuna by hand": study,
        "tune": lambda: unifml.tune(model, X, y, space=space, **options),
    }


def measure(work: dict[str, Callable[[], object]], runs: int) -> dict[str, list[float]]:
    """Time every contender ``runs`` times, interleaved, after one run each to warm up."""
    times: dict[str, list[float]] = {name: [] for name in work}
    for i in range(runs + 1):
        for name, run in work.items():
            start = time.perf_counter()
            run()
            if i:
                times[name].append(1000 * (time.perf_counter() - start))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7, help="times that each is run")
    parser.add_argument("--rows", type=int, nargs="+", default=[200, 20_000])
    args = parser.parse_args()
    for rows in args.rows:
        print(f"{rows} rows, milliseconds{'median':>16}{'min':>10}")
        for name, values in measure(contenders(rows), args.runs).items():
            print(f"  {name:<24}{statistics.median(values):>12.1f}{min(values):>10.1f}")


if __name__ == "__main__":
    main()
