"""The native model as a witness: it must say the same each time, and says itself what it takes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from unifml.errors import ExportError
from unifml.export.proof.compare import compare
from unifml.export.proof.rows import Draft, sample, with_gaps
from unifml.export.proof.said import Array, Said, ask, classes_of, take
from unifml.export.proof.tables import count_rows, take_rows
from unifml.runtime.frames import frame_columns, picked
from unifml.runtime.schema import LABEL, PREDICTION, PROBABILITIES, Task

_AGAIN = 64


def native_answers(model: Any, X: Any, task: Task) -> Said:
    """Ask the native model, twice.

    Raises
    ------
    ExportError
        If it does not give the same answer again.
    """
    first, second = ask(model, X, task), ask(model, X, task)
    labels = LABEL not in first or np.array_equal(first[LABEL], second[LABEL])
    if not labels or not compare(first, second).right:
        raise ExportError(
            f"exporting {type(model).__name__}",
            found="it predicts something else each time",
            rule="only a model that gives the same answer for the same rows can be proven",
            fix="switch off what is random in prediction (dropout, sampling)",
        )
    return first


def takes_nan(model: Any, X: Any, task: Task) -> bool:
    """Say whether the native model takes missing numbers in some column.

    Its tags do not tell: those of a pipeline are not those of its first step.
    """
    draft = with_gaps(X)
    return draft is not None and answered(draft, model, task)[1] is not None


def takes_any_order(model: Any, X: Any, task: Task) -> bool:
    """Say whether the native model finds the columns of a frame by their names."""
    names = frame_columns(X)
    if names is None or len(names) < 2 or getattr(model, "feature_names_in_", None) is None:
        return False
    rows = sample(X)
    turned = _asked(lambda: picked(rows, names[::-1]), model, task)[1]
    if turned is None:
        return False
    return compare(ask(model, rows, task), turned, classes=classes_of(model, task)).right


def unchanged(model: Any, X: Any, task: Task, said: Said) -> None:
    """See that the model says of a few rows what it said before the export.

    Raises
    ------
    ExportError
        If it does not.
    """
    rows = np.arange(min(_AGAIN, count_rows(X)))
    now = ask(model, take_rows(X, rows), task)
    if not compare(take(said, rows), now, said, classes=classes_of(model, task)).right:
        few = f", or {len(rows)} rows otherwise than all" if len(rows) < count_rows(X) else ""
        raise ExportError(
            f"exporting {type(model).__name__}",
            found=f"it no longer predicts what it did before{few}",
            rule="an export leaves the model as it is, and rows are predicted one by one",
        )


def answered(draft: Draft, model: Any, task: Task) -> tuple[Any, Said | None, str]:
    """Ask the native model for generated rows.

    Parameters
    ----------
    draft : Draft
        The rows.
    model : estimator
        Fitted.
    task : str
        What it answers.

    Returns
    -------
    rows : object
        Those that it takes.
    said : dict of str to array, or None
        What it says of them; None if it takes none.
    left_out : str
        What it does not take, and what it said.
    """
    rows, said, refusal = _asked(draft.made, model, task)
    if said is None:
        each = {n: partial(draft.made, [n]) for n in draft.alone()}
        alone = [n for n, made in each.items() if _asked(made, model, task)[1] is not None]
        if alone:
            rows, said, _ = _asked(partial(draft.made, alone), model, task)
            names = [str(name) for name in draft.changes if name not in alone]
            refusal = f"columns {', '.join(names[:5])}{', ...' if names[5:] else ''}: {refusal}"
    if said is None:
        return rows, None, refusal
    return _finite(rows, said, refusal)


def _asked(made: Callable[[], Any], model: Any, task: Task) -> tuple[Any, Said | None, str]:
    try:
        rows = made()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return rows, ask(model, rows, task), ""
    except Exception as error:
        # whatever a model raises, it does not take these rows: they are no part of the proof
        line = (str(error).strip().splitlines() or [""])[0][:200]
        return None, None, f"the model refuses them ({type(error).__name__}: {line})"


def _finite(rows: Any, said: Said, left_out: str) -> tuple[Any, Said | None, str]:
    """Leave out rows for which the model itself gives NaN or infinity as its prediction."""
    numbers = [v for k, v in said.items() if k == PREDICTION or k.startswith(PROBABILITIES)]
    good: Array = np.ones(len(next(iter(said.values()))), dtype=bool)
    for values in numbers:
        if values.dtype.kind == "f":
            good &= np.isfinite(values).reshape(len(values), -1).all(axis=1)
    if good.all():
        return rows, said, left_out
    found = f"{int((~good).sum())} rows for which the model gives no finite numbers"
    reason = "; ".join(filter(None, (left_out, found)))
    if not good.any():
        return rows, None, reason
    keep = np.flatnonzero(good)
    return take_rows(rows, keep), take(said, keep), reason
