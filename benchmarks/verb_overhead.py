"""Measure what `evaluate` and `tune` cost beyond the fits, side by side with the plain libraries.

A fit of a dummy costs next to nothing, so what is left is overhead: scikit-learn's
``cross_validate`` with the same metrics against ``evaluate``, and a hand-written Optuna study
against ``tune``. Nothing is pruned and the folds are the same, so that both do the same work: with
its default pruner ``tune`` would look faster only because it runs fewer folds. The contenders take
turns so that both see the same machine.

In the table ``fits`` the fits are real: a logistic regression behind a scaler, and a network of two
epochs on torch, each in five folds with the usual metrics, against the same fits and scores as one
writes them. What is compared is the CPU time of one thread; ``verb_overhead.json`` holds figures.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy is there

import numpy as np
import optuna
from sklearn import metrics
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import unifml

FOLDS, TRIALS = StratifiedKFold(5, shuffle=True, random_state=0), 30
SCORING = ["accuracy", "f1", "roc_auc"]
TABLES = ("dummies", "fits")
SIZES = (200, 2_000, 20_000, 100_000)


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


def models() -> dict[str, object]:
    training = unifml.Training(epochs=2)
    return {
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression()),
        "torch, 2 epochs": unifml.Classifier(
            "mlp", backend="torch", training=training, random_state=0
        ),
    }


def fits_and_scores(model: object, X: np.ndarray, y: np.ndarray) -> list[list[float]]:
    """Do what ``evaluate`` does, as one writes it: fit, predict, the six usual metrics."""
    scores = []
    for train, test in FOLDS.split(X, y):
        fitted = clone(model).fit(X[train], y[train])
        true, said = y[test], fitted.predict(X[test])
        shares = fitted.predict_proba(X[test])[:, 1]
        labels = (
            *(metrics.accuracy_score, metrics.precision_score),
            *(metrics.recall_score, metrics.f1_score),
        )
        ranks = (metrics.roc_auc_score, metrics.average_precision_score)
        scores.append([f(true, said) for f in labels] + [f(true, shares) for f in ranks])
    return scores


def by_hand(runs: int, sizes: tuple[int, ...]) -> list[dict[str, object]]:
    """Return and print, for each size and model, the CPU time by hand and of ``evaluate``."""
    found = []
    print(f"{'five folds, CPU milliseconds':<32}{'by hand':>12}{'evaluate':>12}{'ratio':>8}")
    for rows in sizes:
        X, y = make_classification(rows, random_state=0)
        for name, model in models().items():
            work = {
                "hand": partial(fits_and_scores, model, X, y),
                "evaluate": partial(unifml.evaluate, model, X, y, cv=FOLDS, verbose=0),
            }
            times = measure(work, runs, time.process_time)
            hand, ours = (statistics.median(values) for values in times.values())
            print(f"{rows:>8} {name:<23}{hand:>12.1f}{ours:>12.1f}{ours / hand:>8.3f}", flush=True)
            record = {"rows": rows, "model": name, "hand_ms": hand, "evaluate_ms": ours}
            found.append(record | {"ratio": ours / hand})
    return found


def measure(
    work: dict[str, Callable[[], object]],
    runs: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Time every contender ``runs`` times, interleaved, after one run each to warm up."""
    times: dict[str, list[float]] = {name: [] for name in work}
    for i in range(runs + 1):
        for name, run in work.items():
            start = clock()
            run()
            if i:
                times[name].append(1000 * (clock() - start))
    return times


def dummies(runs: int, sizes: tuple[int, ...]) -> None:
    """Print what is left of the verbs, and of the plain libraries, where fits cost nothing."""
    for rows in sizes:
        print(f"{rows} rows, milliseconds{'median':>16}{'min':>10}")
        for name, values in measure(contenders(rows), runs).items():
            print(f"  {name:<24}{statistics.median(values):>12.1f}{min(values):>10.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7, help="times that each is run")
    parser.add_argument("--rows", type=int, nargs="+", help="sizes of the data")
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=TABLES)
    parser.add_argument("--json", metavar="FILE", help="where to write the figures of the fits")
    args = parser.parse_args()
    if "dummies" in args.tables:
        dummies(args.runs, tuple(args.rows or SIZES[::2]))
    if "fits" in args.tables:
        found = by_hand(args.runs, tuple(args.rows or SIZES))
        if args.json:
            figures = {"runs": args.runs, "unifml": unifml.__version__, "table": found}
            Path(args.json).write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
