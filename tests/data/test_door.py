"""The fast door lets through what the slow one would have, as it was, and nothing else."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator

from unifml.data import gate
from unifml.data.streams import StreamGate

X = np.random.default_rng(0).standard_normal((5, 4))
TENSOR = np.random.default_rng(0).standard_normal((5, 6, 4))


class Sub(np.ndarray):
    """An array that is more than one."""


def spoiled(value: float) -> np.ndarray:
    wrong = X.copy()
    wrong[3, 2] = value
    return wrong


ROWS = {
    "float64": X,
    "float32": X.astype("float32"),
    "one row": X[:1],
    "read only": np.frombuffer(X.tobytes()).reshape(X.shape),
    "no rows": X[:0],
    "one axis": X[0],
    "three axes": TENSOR,
    "too wide": np.hstack([X, X]),
    "by columns": np.asfortranarray(X),
    "strided": np.repeat(X, 2, axis=0)[::2],
    "float16": X.astype("float16"),
    "integers": X.astype(int),
    "big-endian": X.astype(">f8"),
    "a list": X.tolist(),
    "a subclass": X.view(Sub),
    "NaN": spoiled(np.nan),
    "infinite": spoiled(-np.inf),
    "NaN in float32": spoiled(np.nan).astype("float32"),
    "too large": spoiled(1e200),
    "large": spoiled(1e153),
    "large in float32": spoiled(1e30).astype("float32"),
    "a frame": pd.DataFrame(X, columns=list("abcd")),
}


def outcome(fitted_on: object, rows: object):
    """Return what the gate of an estimator makes of rows, and what it says."""
    estimator = BaseEstimator()
    known = StreamGate(estimator, axes=(1, 2))
    known(fitted_on)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            found = gate.check_inputs(estimator, rows, known=known.known, axes=(1, 2))
        except (ValueError, TypeError) as error:
            found = error
    return found, [str(warning.message) for warning in said]


@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
@pytest.mark.parametrize(
    "fitted_on", [X, pd.DataFrame(X, columns=list("abcd")), TENSOR], ids=["array", "frame", "steps"]
)
def test_both_doors_have_one_outcome(fitted_on, rows, monkeypatch):
    fast, said = outcome(fitted_on, rows)
    monkeypatch.setattr(gate, "is_plain", lambda *_: False)
    slow, said_slowly = outcome(fitted_on, rows)
    assert said == said_slowly
    if isinstance(slow, Exception):
        assert type(fast) is type(slow)
        assert str(fast) == str(slow)
    else:
        assert np.array_equal(fast, slow)
        assert fast.dtype == slow.dtype
        assert fast.flags.c_contiguous


@pytest.mark.parametrize("name", ["float64", "float32", "one row", "read only"])
def test_plain_rows_never_see_the_slow_door(name, monkeypatch):
    estimator = BaseEstimator()
    known = StreamGate(estimator)
    known(X)
    for slow in ("check_features", "check_block", "from_tensor"):
        monkeypatch.setattr(gate, slow, None)
    assert gate.check_inputs(estimator, ROWS[name], known=known.known) is ROWS[name]
