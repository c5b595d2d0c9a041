"""A table with every kind of column."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

KINDS = {
    "PassengerId": "identifier",
    "class": "number",
    "sex": "category",
    "age": "number",
    "deck": "category",
    "town": "category",
    "alone": "truth value",
    "vip": "truth value",
    "ticket": "many categories",
    "size": "ordered",
    "code": "category",
    "note": "text",
    "booked": "date",
    "born": "date",
    "stay": "duration",
    "key": "identifier",
    "ship": "constant",
    "void": "empty",
    "count": "number",
}
WORDS = ("ship", "sea", "cabin", "first", "class", "cheap", "deck", "view", "noisy", "quiet")


def mixed(n=240, seed=0):
    """Return a table of every kind of column, and labels that depend on several of them."""
    rng = np.random.default_rng(seed)
    age = np.round(rng.gamma(6, 5, n), 1)
    age[rng.random(n) < 0.15] = np.nan
    town = rng.choice(["Southampton", "Cherbourg", "Queenstown"], n).astype(object)
    town[:3] = ["Cork", "Cork", "Bath"]
    note = np.array([" ".join(rng.choice(WORDS, k)) for k in rng.integers(4, 9, n)], dtype=object)
    note[5] = None
    booked = pd.Series(pd.Timestamp("2023-12-20") + pd.to_timedelta(rng.integers(0, 8e6, n), "s"))
    booked[3] = pd.NaT
    vip = pd.Series(rng.random(n) < 0.5).astype("boolean").mask(pd.Series(rng.random(n) < 0.1))
    day = dt.date(1990, 1, 1)
    X = pd.DataFrame(
        {
            "PassengerId": np.arange(1, n + 1),
            "class": rng.integers(1, 4, n),
            "sex": rng.choice(["male", "female"], n),
            "age": age,
            "deck": pd.Series(rng.choice(["A", "B", None], n, p=[0.3, 0.2, 0.5]), dtype=object),
            "town": town,
            "alone": rng.random(n) < 0.6,
            "vip": vip,
            "ticket": [f"T{i}" for i in rng.integers(0, 60, n)],
            "size": pd.Categorical(rng.choice(["S", "M", "L"], n), ["S", "M", "L"], ordered=True),
            "code": pd.Categorical(rng.integers(0, 5, n)),
            "note": note,
            "booked": booked.astype("datetime64[us]"),
            "born": [day + dt.timedelta(days=int(i)) for i in rng.integers(0, 9000, n)],
            "stay": pd.to_timedelta(rng.integers(1, 20, n), "h"),
            "key": [f"{i:05x}" for i in rng.permutation(n)],
            "ship": "Titanic",
            "void": np.full(n, np.nan),
            "count": pd.array(rng.integers(0, 9, n), dtype="Int64"),
        }
    )
    first = np.array(["first" in str(text) for text in note])
    score = (X["sex"] == "female") * 2.0 - X["class"] + np.nan_to_num(age, nan=30) / 40 + first
    y = np.where(score + rng.normal(size=n) > -0.3, "survived", "died")
    return X, y
