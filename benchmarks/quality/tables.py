"""The tables: of scikit-learn, of statsmodels, and generated ones; none needs a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import datasets

Array = npt.NDArray[Any]
Rows = tuple[Array, Array] | tuple[Array, Array, Array]
"""X, y, and what belongs together where rows are not independent."""
MOST = 2000  # rows of a table


@dataclass(frozen=True)
class Table:
    """A table to learn from.

    Attributes
    ----------
    name : str
        Its name.
    task : {"classification", "regression"}
        What is predicted.
    load : callable
        ``load(seed)`` returns the rows: the same ones for real tables, drawn ones for others.
    origin : {"scikit-learn", "statsmodels", "generated"}
        Where it comes from.
    """

    name: str
    task: str
    load: Callable[[int], Rows]
    origin: str


TABLES: list[Table] = []


def table(task: str, origin: str) -> Callable[[Callable[[int], Rows]], Callable[[int], Rows]]:
    def add(load: Callable[[int], Rows]) -> Callable[[int], Rows]:
        TABLES.append(Table(load.__name__, task, load, origin))
        return load

    return add


def _statsmodels(name: str) -> Any:
    import statsmodels.api as sm

    return getattr(sm.datasets, name).load_pandas().data.astype(float)


def _some(frame: Any, target: str, drop: tuple[str, ...] = ()) -> Rows:
    """Return at most `MOST` rows, always the same ones."""
    if len(frame) > MOST:
        frame = frame.sample(MOST, random_state=0)
    return frame.drop(columns=[target, *drop]).to_numpy(), frame[target].to_numpy()


def _with_noise(X: Array, columns: int, seed: int) -> Array:
    noise = np.random.default_rng(seed).normal(size=(len(X), columns))
    return np.hstack([X, noise])


# Classification ----------------------------------------------------------------------------------


@table("classification", "scikit-learn")
def wine(seed: int) -> Rows:
    return datasets.load_wine(return_X_y=True)


@table("classification", "scikit-learn")
def breast_cancer(seed: int) -> Rows:
    return datasets.load_breast_cancer(return_X_y=True)


@table("classification", "scikit-learn")
def iris(seed: int) -> Rows:
    return datasets.load_iris(return_X_y=True)


@table("classification", "scikit-learn")
def digits(seed: int) -> Rows:
    return datasets.load_digits(return_X_y=True)


@table("classification", "statsmodels")
def anes96(seed: int) -> Rows:
    """Which of seven party identifications a voter has."""
    return _some(_statsmodels("anes96"), "PID")


@table("classification", "statsmodels")
def fair(seed: int) -> Rows:
    """Whether somebody had affairs."""
    X, y = _some(_statsmodels("fair"), "affairs")
    return X, (y > 0).astype(int)


@table("classification", "statsmodels")
def modechoice(seed: int) -> Rows:
    """Whether a traveller took this way: of each, four rows, one of which says yes."""
    frame = _statsmodels("modechoice")
    return *_some(frame, "choice", ("individual",)), frame["individual"].to_numpy()


@table("classification", "generated")
def moons(seed: int) -> Rows:
    X, y = datasets.make_moons(600, noise=0.25, random_state=seed)
    return _with_noise(X, 8, seed), y


@table("classification", "generated")
def hastie(seed: int) -> Rows:
    X, y = datasets.make_hastie_10_2(1000, random_state=seed)
    return X, y.astype(int)


@table("classification", "generated")
def few_informative(seed: int) -> Rows:
    return datasets.make_classification(
        800, 20, n_informative=6, n_redundant=4, n_clusters_per_class=2, random_state=seed
    )


@table("classification", "generated")
def four_classes(seed: int) -> Rows:
    return datasets.make_classification(
        1000,
        16,
        n_informative=8,
        n_classes=4,
        n_clusters_per_class=3,
        class_sep=1.2,
        random_state=seed,
    )


@table("classification", "generated")
def rare(seed: int) -> Rows:
    """One row in ten is of the second class, and labels are noisy."""
    return datasets.make_classification(
        1200, 12, n_informative=6, weights=[0.9], flip_y=0.05, random_state=seed
    )


@table("classification", "generated")
def rings_in_heavy_tails(seed: int) -> Rows:
    """Rings in ten dimensions, each column raised to its third power."""
    X, y = datasets.make_gaussian_quantiles(
        n_samples=900, n_features=6, n_classes=3, random_state=seed
    )
    return _with_noise(X, 4, seed) ** 3, y


# Regression --------------------------------------------------------------------------------------


@table("regression", "scikit-learn")
def diabetes(seed: int) -> Rows:
    return datasets.load_diabetes(return_X_y=True)


@table("regression", "statsmodels")
def randhie(seed: int) -> Rows:
    """Visits to a doctor, as log(1 + visits)."""
    X, y = _some(_statsmodels("randhie"), "mdvis")
    return X, np.log1p(y)


@table("regression", "statsmodels")
def elnino(seed: int) -> Rows:
    """The temperature of December from those of the other months."""
    return _some(_statsmodels("elnino"), "DEC", ("YEAR",))


@table("regression", "statsmodels")
def heart(seed: int) -> Rows:
    """The logarithm of the days after a transplantation, of 69 patients."""
    X, y = _some(_statsmodels("heart"), "survival")
    return X, np.log(y)


@table("regression", "statsmodels")
def star98(seed: int) -> Rows:
    """The share of pupils above the median of the state, by district."""
    frame = _statsmodels("star98")
    frame["share"] = frame["NABOVE"] / (frame["NABOVE"] + frame["NBELOW"])
    return _some(frame, "share", ("NABOVE", "NBELOW"))


@table("regression", "generated")
def friedman1(seed: int) -> Rows:
    return datasets.make_friedman1(600, noise=1.0, random_state=seed)


@table("regression", "generated")
def friedman2(seed: int) -> Rows:
    return datasets.make_friedman2(600, noise=100.0, random_state=seed)


@table("regression", "generated")
def friedman3(seed: int) -> Rows:
    return datasets.make_friedman3(600, noise=0.1, random_state=seed)


@table("regression", "generated")
def sparse_line(seed: int) -> Rows:
    return datasets.make_sparse_uncorrelated(500, 12, random_state=seed)


@table("regression", "generated")
def steps_and_waves(seed: int) -> Rows:
    """A step, a wave and a product, with noise and columns of no use."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2, 2, size=(800, 8))
    y = 2.0 * (X[:, 0] > 0.3) + np.sin(3 * X[:, 1]) + X[:, 2] * X[:, 3]
    return X, y + rng.normal(scale=0.4, size=len(y))


def halves() -> tuple[list[Table], list[Table]]:
    """Return every other table of each task: the ones to choose on, and the ones to confirm on."""
    parts: tuple[list[Table], list[Table]] = ([], [])
    for task in ("classification", "regression"):
        own = [t for t in TABLES if t.task == task]
        for i, one in enumerate(own):
            parts[i % 2].append(one)
    return parts
