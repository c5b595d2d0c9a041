"""Rows that every kind of scikit-learn's estimators can be fitted on: small, and new ones beside.

Numbers are exact in float32, so that what differs afterwards is arithmetic, not the input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

SEEN, NEW, WIDTH = 60, 24, 4
WORDS = [
    "red",
    "green",
    "blue",
    "round",
    "flat",
    "tall",
    "small",
    "old",
    "new",
    "fast",
    "slow",
    "warm",
    "cold",
]


@dataclass(frozen=True)
class Rows:
    """What a model is fitted on, and the rows that it answers: some of those, and new ones."""

    X: Any
    y: Any
    new: Any


def exact(values: Any) -> Any:
    """Numbers that float32 holds as they are."""
    return np.asarray(values, np.float32).astype(np.float64)


def split(X: Any, y: Any = None) -> Rows:
    """Fit on the first rows; ask for eight of them and all later ones."""
    return Rows(X[:SEEN], None if y is None else y[:SEEN], np.concatenate([X[:8], X[SEEN:]]))


def numbers(width: int = WIDTH) -> Any:
    """Correlated columns of different size, not centred."""
    rng = np.random.default_rng(0)
    mixed = rng.normal(size=(SEEN + NEW, width)) @ rng.normal(size=(width, width))
    return exact(mixed * np.linspace(0.5, 2, width) + np.arange(width))


def groups() -> Any:
    """Three classes that overlap."""
    return (np.arange(SEEN + NEW) + (np.random.default_rng(1).random(SEEN + NEW) < 0.15)) % 3


def apart() -> Any:
    """Numbers whose classes stand apart, more or less."""
    return exact(numbers() + np.eye(3, WIDTH)[groups()] * 2.5)


def target() -> Any:
    X, rng = numbers(), np.random.default_rng(2)
    return X @ [1.0, -2.0, 0.5, 0.3] + np.sin(X[:, 0]) + rng.normal(size=len(X)) * 0.3


def targets() -> Any:
    return np.stack([target(), np.cos(target()) + numbers()[:, 1]], axis=1)


def counts() -> Any:
    return exact(np.random.default_rng(3).poisson(2.5, (SEEN + NEW, 6)))


def plain() -> Rows:
    return split(numbers())


def classes() -> Rows:
    return split(apart(), groups())


def two_classes() -> Rows:
    return split(apart(), (groups() > 0).astype(int))


def class_columns() -> Rows:
    """Several outputs, each with classes."""
    return split(apart(), np.stack([groups(), (numbers()[:, 0] > 0).astype(int)], axis=1))


def tags() -> Rows:
    """Labels that a row has or has not."""
    X = apart()
    return split(X, (X[:, :3] > X[:, :3].mean(axis=0)).astype(int))


def few_labels() -> Rows:
    """Classes of which most are not known."""
    rows, known = classes(), np.random.default_rng(9).random(SEEN) < 0.4
    return Rows(rows.X, np.where(known, rows.y, -1), rows.new)


def regression() -> Rows:
    return split(numbers(), target())


def positive_target() -> Rows:
    return split(numbers(), np.exp(target() / 6) + 0.1)


def regressions() -> Rows:
    return split(numbers(), targets())


def one_column() -> Rows:
    rows = regression()
    return Rows(rows.X[:, :1], rows.y, rows.new[:, :1])


def positive() -> Rows:
    return split(exact(np.abs(numbers()) + 0.1), groups())


def shares() -> Rows:
    """Numbers in (0, 1)."""
    return split(exact(1 / (1 + np.exp(-numbers() / 2))), groups())


def counted() -> Rows:
    return split(counts(), groups())


def few_values() -> Rows:
    """Whole numbers from 0 to 4: categories."""
    return split(np.minimum(counts(), 4.0), groups())


def holes() -> Rows:
    """Numbers of which some are missing."""
    X = numbers()
    X[np.random.default_rng(4).random(X.shape) < 0.15] = np.nan
    X[:, 0] = numbers()[:, 0]
    return split(X, target())


def text_columns() -> Rows:
    rng = np.random.default_rng(5)
    X = np.array(WORDS, dtype=object)[rng.integers(0, 5, (SEEN + NEW, 3))]
    return split(X, target())


def documents() -> Rows:
    rng = np.random.default_rng(6)
    texts = [" ".join(rng.choice(WORDS, rng.integers(3, 9))) for _ in range(SEEN + NEW)]
    return split(np.array(texts, dtype=object), groups())


def records() -> Rows:
    """Rows as dicts."""
    both = [dict(zip("abcd", row, strict=True)) for row in numbers().tolist()]
    return Rows(both[:SEEN], None, both[SEEN:])


def images() -> Rows:
    return split(exact(np.random.default_rng(7).random((SEEN + NEW, 6, 6))))


def similarities() -> Rows:
    """A kernel of the rows with those that were fitted."""
    X = numbers()
    kernel = exact(X @ X[:SEEN].T)
    return Rows(kernel[:SEEN], None, kernel[SEEN:])


def labels() -> Rows:
    """A column of labels, for what turns labels into numbers."""
    y = groups().astype(np.int64)
    return Rows(y[:SEEN], None, y[SEEN:])


def label_sets() -> Rows:
    sets = [
        tuple(WORDS[i] for i in row) for row in np.random.default_rng(8).integers(0, 5, (84, 2))
    ]
    return Rows(sets[:SEEN], None, sets[SEEN:])
