"""`unifml demo`: the main job on real data, written against the public names as a user would.

The same network on every backend beside a random forest, cross-validated; one network tuned; all
of them shipped to ONNX and proven. Two tables of scikit-learn: breast cancer (numbers only), and
wine made into a mixed table (see `mixed_wine`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import unifml
from unifml import Classifier, Training
from unifml.core.registry import get_adapter, require
from unifml.core.task import Task
from unifml.errors import MissingDependencyError
from unifml.models import MLP
from unifml.models.capable import capable_backends, example_signature
from unifml.training.progress import progress

NETWORK = MLP(hidden=(64, 32))
TRAINING = Training(epochs=40, batch_size=64, learning_rate=3e-3)
FOLDS, TRIALS, METRIC = 5, 10, "accuracy"
# The search goes by log_loss over folds, because accuracy on a small hold-out is full of ties. Of
# three settings tried (hold-out or 3 folds by accuracy, 3 folds by log_loss) all gave 0.977 on
# breast cancer, and 0.938, 0.944 and 0.955 on wine: well inside one interval, so no finding.
SEARCH: dict[str, Any] = {"n_trials": TRIALS, "cv": 3, "metric": "log_loss"}


@dataclass(frozen=True)
class Row:
    """One line of the demo's table.

    Attributes
    ----------
    data, model : str
        What was learned, and by whom.
    score : float
        Mean accuracy over the folds.
    interval : (float, float)
        Its 95 % interval.
    fit_seconds, predict_seconds : float
        Of a fold.
    onnx_difference : float or None
        Largest difference of a probability between model and ONNX file; None without onnx.
    """

    data: str
    model: str
    score: float
    interval: tuple[float, float]
    fit_seconds: float
    predict_seconds: float
    onnx_difference: float | None


@dataclass
class Result:
    """What the demo found: the rows of its table, and what could not be shown.

    Attributes
    ----------
    rows : list of Row
        In order.
    missing : list of str
        What is not installed, with the line that installs it.
    drawable : bool
        Whether a picture can be drawn.
    """

    rows: list[Row] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    drawable: bool = False


@dataclass(frozen=True)
class Data:
    """A table to learn from, and what has to stand before a network for it (or None)."""

    name: str
    X: Any
    y: Any
    preparation: Any = None


@dataclass(frozen=True)
class Contender:
    """A model on a table; `tuned` ones are searched within every fold."""

    data: Data
    name: str
    estimator: Any
    tuned: bool = False


def run_demo(*, seed: int = 0, verbose: int | None = None) -> Result:
    """Run the demo.

    Parameters
    ----------
    seed : int
        Of everything random.
    verbose : int or None
        As everywhere: 0 silent, 1 a bar, 2 a line per model.

    Returns
    -------
    Result
        What is not installed is named in ``missing`` with its pip line, and left out.
    """
    result = Result()
    backends = _backends(result)
    able = {extra: _has(result, extra) for extra in _EXTRAS}
    result.drawable = able["plot"]
    tables = [breast_cancer(), *([mixed_wine(seed)] if able["all"] else [])]
    contenders = list(_contenders(tables, backends, able["tune"], seed))
    with tempfile.TemporaryDirectory() as folder, progress(len(contenders), "demo", verbose) as bar:
        path = Path(folder, "model.onnx") if able["onnx"] else None
        for contender in contenders:
            row = run_one(contender, seed, path)
            result.rows.append(row)
            bar.advance(f"{row.data}: {row.model} {row.score:.3f}")
    return result


def run_one(contender: Contender, seed: int, path: Path | None) -> Row:
    """Cross-validate a contender, fit it on all rows and prove its ONNX file at `path`."""
    data, model = contender.data, contender.estimator
    if contender.tuned:
        model = unifml.tune(model, data.X, data.y, **SEARCH, random_state=seed, verbose=0)
        fitted = model.best_estimator_
    else:
        fitted = unifml.fit(model, data.X, data.y)
    # A search is an estimator: given folds, it is run anew inside each, so its score is honest.
    report = unifml.evaluate(
        model, data.X, data.y, cv=FOLDS, metrics=METRIC, random_state=seed, verbose=0
    )
    proof = unifml.export_onnx(fitted, path, data.X) if path else None
    return Row(
        data.name,
        contender.name,
        report.scores[METRIC],
        report.intervals[METRIC],
        report.fit_seconds or 0.0,
        report.predict_seconds,
        proof.max_abs_diff if proof else None,
    )


def breast_cancer() -> Data:
    """Return scikit-learn's breast cancer table: 569 rows, 30 numbers, two classes."""
    bunch = load_breast_cancer()
    return Data("breast cancer", bunch.data, bunch.target_names[bunch.target])


def mixed_wine(seed: int) -> Data:
    """Return scikit-learn's wine table (178 rows) as a mixed one: words, numbers, holes.

    All values are real. Two of the 13 columns are given as words for their lower, middle and
    upper third; of the others every twelfth value, drawn by the seed, is erased.
    """
    bunch = load_wine(as_frame=True)
    frame = bunch.data.copy()
    rng = np.random.default_rng(seed)
    holes = rng.random(frame.shape) < 1 / 12
    words = {
        "color_intensity": ("pale", "medium", "deep"),
        "hue": ("brick", "ruby", "purple"),
    }
    for column, names in words.items():
        edges = frame[column].quantile([1 / 3, 2 / 3])
        frame[column] = np.array(names)[np.searchsorted(edges, frame[column])]
    numbers = [name for name in frame if name not in words]
    frame[numbers] = frame[numbers].mask(holes[:, [name not in words for name in frame]])
    preparation = make_column_transformer(
        (SimpleImputer(), make_column_selector(dtype_include=float)),
        (OneHotEncoder(handle_unknown="ignore"), list(words)),
        sparse_threshold=0.0,
    )
    y = np.array(["first", "second", "third"])[bunch.target]
    return Data("wine, mixed", frame, y, preparation)


_EXTRAS = {
    "onnx": ("onnx", "onnxruntime", "skl2onnx"),
    "tune": ("optuna",),
    "plot": ("matplotlib",),
    "all": ("pandas",),
}
_WORDS = {
    "onnx": "ONNX files",
    "tune": "the tuned network",
    "plot": "the picture of the table",
    "all": "the mixed table",
}


def _contenders(
    tables: list[Data], backends: list[str], tuned: bool, seed: int
) -> Iterator[Contender]:
    for data in tables:
        yield _on(data, "random forest", Classifier("random_forest", random_state=seed))
        for backend in backends:
            yield _on(data, f"network on {backend}", _network(backend, seed))
        if tuned and backends:
            home = backends[-1]
            network = _network(home, seed)
            yield _on(data, f"network on {home}, tuned", network, tuned=True)


def _on(data: Data, name: str, model: Any, *, tuned: bool = False) -> Contender:
    if data.preparation is not None:
        model = make_pipeline(data.preparation, model)
    return Contender(data, name, model, tuned)


def _network(backend: str, seed: int) -> Classifier:
    return Classifier(NETWORK, training=TRAINING, backend=backend, random_state=seed)


def _backends(result: Result) -> list[str]:
    """Return the backends that can fit the network and are installed."""
    installed = []
    for name in capable_backends(NETWORK, Task("classification", 1, 2), example_signature(NETWORK)):
        try:
            installed.append(require(get_adapter(name)).name)
        except MissingDependencyError as error:
            result.missing.append(str(error))
    return installed


def _has(result: Result, extra: str) -> bool:
    missing = [name for name in _EXTRAS[extra] if find_spec(name) is None]
    if missing:
        result.missing.append(str(MissingDependencyError.of(_WORDS[extra], missing, extra)))
    return not missing
