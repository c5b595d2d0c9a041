"""Count how often intervals cover the truth, and how often tests see a difference that is none.

Two Gaussian classes, or a line with noise, whose true scores have a formula; learners that fit in
closed form. ``hold-out``: a model fitted on 100 rows is scored on others; the truth is what it
would score on infinitely many. ``folds``: the truth is the mean score of models fitted on as many
rows as a fold has, over many draws. ``null``: two models that are equally good, because each sees
features of its own with the same distribution; a test at 5 % should see a difference in 5 of 100.

    python benchmarks/significance.py --json docs/significance.json
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
from scipy.stats import norm  # noqa: E402
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin  # noqa: E402
from sklearn.model_selection import (  # noqa: E402
    RepeatedKFold,
    RepeatedStratifiedKFold,
    StratifiedShuffleSplit,
)

import unifml  # noqa: E402
from unifml.tasks.significance import corrected_resampled_t  # noqa: E402

WIDTH, TRAINED_ON = 4, 100


class Discriminant(ClassifierMixin, BaseEstimator):
    """Linear discriminant of the columns given, in closed form."""

    def __init__(self, first: int = 0, last: int = WIDTH) -> None:
        self.first, self.last = first, last

    def fit(self, X: Any, y: Any) -> Discriminant:
        X = X[:, self.first : self.last]
        self.classes_ = np.array([0, 1])
        means = X[y == 0].mean(axis=0), X[y == 1].mean(axis=0)
        apart = X - np.where(y[:, None] == 1, means[1], means[0])
        self.coef_ = np.linalg.solve(apart.T @ apart / (len(X) - 2), means[1] - means[0])
        odds = np.log(y.mean() / (1 - y.mean()))
        self.intercept_ = odds - self.coef_ @ (means[0] + means[1]) / 2
        return self

    def decision_function(self, X: Any) -> Any:
        return X[:, self.first : self.last] @ self.coef_ + self.intercept_

    def predict(self, X: Any) -> Any:
        return (self.decision_function(X) > 0).astype(int)


class Line(RegressorMixin, BaseEstimator):
    """Least squares on the columns given."""

    def __init__(self, first: int = 0, last: int = WIDTH) -> None:
        self.first, self.last = first, last

    def fit(self, X: Any, y: Any) -> Line:
        ones = np.c_[np.ones(len(X)), X[:, self.first : self.last]]
        self.intercept_, *rest = np.linalg.lstsq(ones, y, rcond=None)[0]
        self.coef_ = np.array(rest)
        return self

    def predict(self, X: Any) -> Any:
        return X[:, self.first : self.last] @ self.coef_ + self.intercept_


class Classes:
    """Two Gaussian classes, `apart` standard deviations from each other in two features."""

    metrics = ("accuracy", "recall", "precision", "f1", "mcc", "roc_auc")
    learner = Discriminant

    def __init__(self, apart: float) -> None:
        self.mean = np.array([apart / 2, apart / 4, 0, 0])

    def draw(self, rng: np.random.Generator, n: int) -> tuple[Any, Any]:
        y = rng.integers(0, 2, n)
        return rng.normal(size=(n, WIDTH)) + np.where(y[:, None] == 1, 1, -1) * self.mean, y

    def truth(self, model: Any) -> dict[str, float]:
        w, size = model.coef_, np.linalg.norm(model.coef_)
        hit = norm.cdf((w @ self.mean + model.intercept_) / size)
        spared = norm.cdf((w @ self.mean - model.intercept_) / size)
        said = hit + 1 - spared
        both = said * (2 - said)
        return {
            "accuracy": (hit + spared) / 2,
            "recall": hit,
            "precision": hit / said,
            "f1": 2 * hit / (1 + said),
            "mcc": (hit + spared - 1) / np.sqrt(both),
            "roc_auc": norm.cdf(np.sqrt(2) * (w @ self.mean) / size),
        }


class Numbers:
    """A line through two of four features, with normal noise."""

    metrics = ("mae", "rmse", "r2")
    learner = Line
    slope = np.array([1.0, 0.5, 0, 0])

    def draw(self, rng: np.random.Generator, n: int) -> tuple[Any, Any]:
        X = rng.normal(size=(n, WIDTH))
        return X, X @ self.slope + rng.normal(size=n)

    def truth(self, model: Any) -> dict[str, float]:
        wrong = self.slope - model.coef_
        variance, lean = 1 + wrong @ wrong, model.intercept_
        mse, sd = variance + lean**2, np.sqrt(variance)
        folded = sd * np.sqrt(2 / np.pi) * np.exp(-(lean**2) / (2 * variance))
        return {
            "rmse": np.sqrt(mse),
            "mae": folded + lean * (1 - 2 * norm.cdf(-lean / sd)),
            "r2": 1 - mse / (1 + self.slope @ self.slope),
        }


WORLDS: dict[str, Any] = {
    "classes, 78 % right": Classes(1.4),
    "classes, 93 % right": Classes(2.7),
    "numbers, r2 0.55": Numbers(),
}
SCORED = {"hold-out": (50, 200), "folds": (60, 200)}


def hold_out(world: Any, n: int, draws: int) -> dict[str, float]:
    """Return for each metric the percentage of intervals that hold the truth."""
    rng, hits = np.random.default_rng(n), []
    for seed in range(draws):
        model = world.learner().fit(*world.draw(rng, TRAINED_ON))
        report = unifml.evaluate(
            model, *world.draw(rng, n), metrics=list(world.metrics), random_state=seed
        )
        hits.append(_held(report.intervals, world.truth(model)))
    return _percent(hits)


def folds(world: Any, n: int, draws: int) -> dict[str, float]:
    """Return the same for the intervals of 5 folds of n rows."""
    rng, hits = np.random.default_rng(n), []
    fitted = [world.learner().fit(*world.draw(rng, n * 4 // 5)) for _ in range(4000)]
    truths = [world.truth(model) for model in fitted]
    truth = {name: float(np.mean([each[name] for each in truths])) for name in world.metrics}
    for seed in range(draws):
        report = unifml.evaluate(
            world.learner(),
            *world.draw(rng, n),
            cv=5,
            metrics=list(world.metrics),
            random_state=seed,
        )
        hits.append(_held(report.intervals, truth))
    return _percent(hits)


def _held(intervals: dict[str, tuple[float, float]], truth: dict[str, float]) -> dict[str, bool]:
    return {name: low <= truth[name] <= high for name, (low, high) in intervals.items()}


def _percent(hits: list[dict[str, bool]]) -> dict[str, float]:
    names = dict.fromkeys(name for each in hits for name in each)
    return {name: 100 * float(np.mean([each.get(name, False) for each in hits])) for name in names}


def twins(rng: np.random.Generator, kind: str, n: int) -> tuple[Any, Any]:
    """Return rows of which the first half of the columns tells as much of y as the second."""
    if kind == "classes":
        y = rng.integers(0, 2, n)
        return rng.normal(size=(n, 4)) + 0.5 * np.where(y[:, None] == 1, 1, -1), y
    X = rng.normal(size=(n, 4))
    return X, X @ np.array([1.0, 0.5, 1.0, 0.5]) + rng.normal(size=n)


SCHEMES = {
    "5 folds": lambda kind, seed: 5,
    "10 folds": lambda kind, seed: 10,
    "5 folds, 3 times": lambda kind, seed: (
        RepeatedStratifiedKFold if kind == "classes" else RepeatedKFold
    )(n_splits=5, n_repeats=3, random_state=seed),
    "15 hold-outs of 20 %": lambda kind, seed: StratifiedShuffleSplit(
        15, test_size=0.2, random_state=seed
    ),
}


def null_of_folds(kind: str, metric: str, scheme: str, n: int, draws: int) -> dict[str, float]:
    """Return the percentage of p-values below 5 %, by the corrected and by the naive test."""
    rng, seen = np.random.default_rng(n), []
    learner = Discriminant if kind == "classes" else Line
    for seed in range(draws):
        X, y = twins(rng, kind, n)
        found = unifml.compare(
            {"one": learner(0, 2), "other": learner(2, 4)},
            X,
            y,
            cv=SCHEMES[scheme](kind, seed),
            metrics=metric,
            random_state=seed,
        )
        apart = [
            a[metric] - b[metric]
            for a, b in zip(found["one"].folds, found["other"].folds, strict=True)
        ]
        naive = corrected_resampled_t(apart, 0.0).p_value
        seen.append((found.tests["one", "other"].p_value < 0.05, naive < 0.05))
    corrected, naive = 100 * np.mean(seen, axis=0)
    return {"corrected": float(corrected), "naive": float(naive)}


def null_of_rows(kind: str, metric: str, n: int, draws: int) -> dict[str, Any]:
    """Return the percentage for two models, equally good, on one set of rows."""
    rng, seen, name = np.random.default_rng(n), [], ""
    learner = Discriminant if kind == "classes" else Line
    for seed in range(draws):
        one, other = learner(0, 2), learner(2, 4)
        other.classes_ = one.classes_ = np.array([0, 1])
        one.coef_ = other.coef_ = np.array([1.0, 1.0 if kind == "classes" else 0.5])
        one.intercept_ = other.intercept_ = 0.0
        found = unifml.compare(
            {"one": one, "other": other}, *twins(rng, kind, n), metrics=metric, random_state=seed
        )
        test = found.tests["one", "other"]
        seen.append(test.p_value < 0.05)
        name = test.name
    return {"test": name, "found": float(100 * np.mean(seen))}


def covers(draws: int) -> Iterator[dict[str, Any]]:
    """Yield how often intervals cover."""
    for way, measure in (("hold-out", hold_out), ("folds", folds)):
        for world, made in WORLDS.items():
            for n in SCORED[way]:
                yield {"way": way, "world": world, "rows": n, **measure(made, n, draws)}


def alarms(draws: int) -> Iterator[dict[str, Any]]:
    """Yield how often tests see a difference that is none."""
    pairs = (("classes", "accuracy"), ("classes", "roc_auc"), ("numbers", "mae"))
    for kind, metric in pairs:
        for scheme in SCHEMES if metric == "accuracy" else ("5 folds", "5 folds, 3 times"):
            found = null_of_folds(kind, metric, scheme, 100, draws)
            yield {"way": scheme, "metric": metric, "rows": 100, **found}
    for kind, metric in (*pairs, ("numbers", "r2")):
        found = null_of_rows(kind, metric, 100, draws)
        yield {"way": "one set of rows", "metric": metric, "rows": 100, **found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--json", metavar="PATH", help="write the figures there")
    args = parser.parse_args()
    start = time.process_time()
    figures: dict[str, Any] = {"draws": args.draws}
    for name, measure in (("coverage", covers), ("false_alarms", alarms)):
        figures[name] = []
        for found in measure(args.draws):
            row = {k: round(v, 1) if isinstance(v, float) else v for k, v in found.items()}
            figures[name].append(row)
            print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    print(f"{time.process_time() - start:.0f} CPU seconds")
    if args.json:
        Path(args.json).write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
