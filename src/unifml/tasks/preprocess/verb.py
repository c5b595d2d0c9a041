"""`preprocess`: a ColumnTransformer made for a table as it comes."""

from __future__ import annotations

from typing import Any

import numpy as np

from unifml.errors import DataError, ParameterError
from unifml.tasks.preprocess.building import parts_of
from unifml.tasks.preprocess.decision import Decision, Preprocessor
from unifml.tasks.preprocess.looking import Rules, decide
from unifml.tasks.preprocess.table import columns_in
from unifml.tasks.wrap import infer_task
from unifml.training.progress import resolve_verbose

MAX_ONE_HOT = 20
_ROWS, _OF_EACH = 100, 10  # rows from which on means of y, and rare categories, are trusted
_RARE = 5


def preprocess(
    X: Any,
    y: Any = None,
    *,
    task: str | None = None,
    max_one_hot: int = MAX_ONE_HOT,
    verbose: int | None = None,
) -> Preprocessor:
    """Make a ColumnTransformer for a table as it comes: text, dates, categories, gaps.

    It looks at each column, decides, and prints what it decided and why. Nothing is learned yet:
    medians, categories and means of y are found by ``fit``, within each fold. All parts can be
    exported to ONNX.

    Parameters
    ----------
    X : frame of pandas, polars or Arrow, array or list of rows
        The table. Its values are looked at, and stay as they are.
    y : array-like of shape (n,) or None
        What is to be learned. With it, categories of many values are told by the mean of y.
    task : {"classification", "regression"} or None
        What learning y is; None looks at y.
    max_one_hot : int, default=20
        Most categories of a column that get a column each.
    verbose : int or None
        0 prints nothing.

    Returns
    -------
    Preprocessor
        A `sklearn.compose.ColumnTransformer`, not fitted; its ``decisions`` tell of each column.

    Raises
    ------
    DataError
        For cells that no transformer takes (lists, dicts, infinity), names that are not unique,
        and tables of which nothing would be left.

    See Also
    --------
    evaluate, fit : Put it before a model that is given by its name, where the table needs it.

    Examples
    --------
    >>> import pandas as pd
    >>> import unifml
    >>> X = pd.DataFrame({"town": ["Rome", "Oslo", "Rome"], "size": [70.0, None, 45.0]})
    >>> prepare = unifml.preprocess(X)
    column  kind      what is done                        why
    town    category  one-hot                             2 different values
    size    number    standardised; gaps: median, marked  numbers, 1 missing
    >>> prepare.fit_transform(X).shape
    (3, 4)
    """
    if max_one_hot < 1:
        raise ParameterError(f"max_one_hot={max_one_hot}", rule="max_one_hot >= 1")
    columns = columns_in(X)
    rows = len(columns[0].values)
    target = _target_of(y, task, rows)
    rules = Rules(max_one_hot, target is not None, _RARE if rows >= _ROWS else None)
    decisions = tuple(decide(column, rules) for column in columns)
    _check_left(decisions)
    made = Preprocessor(parts_of(decisions, rules, target or "auto"), sparse_threshold=0.0)
    made.decisions = decisions
    if resolve_verbose(verbose) != 0:
        print(made.explain())
    return made


def _target_of(y: Any, task: str | None, rows: int) -> str | None:
    """Return what y is in TargetEncoder's words; None where its means could not be trusted."""
    if y is None or np.ndim(y) != 1 or rows < _ROWS:
        return None
    if (task or infer_task(y)) == "regression":
        return "continuous"
    _, counts = np.unique(np.asarray(y).astype(str), return_counts=True)
    return "auto" if counts.min() >= _OF_EACH else None


def _check_left(decisions: tuple[Decision, ...]) -> None:
    if not any(decision.block for decision in decisions):
        raise DataError(
            "preprocess",
            found="no column is left: "
            + ", ".join(f"{d.column!r} ({d.kind}: {d.why})" for d in decisions[:5]),
            rule="a model needs a column that tells rows apart",
        )
