"""Data for the tests of export: small, of every kind."""

from __future__ import annotations

import numpy as np

from unifml import Training

SHORT = Training(epochs=3, batch_size=64)


def numbers(n=90, k=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, k)) * np.arange(1, k + 1) + 10 * np.arange(k)


def codes(n=90, classes=3, seed=0):
    return (np.arange(n) + np.random.default_rng(seed).integers(0, 2, n)) % classes


def mixed(n=120, seed=0):
    """A table of numbers with missing values, whole numbers and text with missing values."""
    import pandas as pd

    rng = np.random.default_rng(seed)
    width = np.round(rng.normal(20, 5, n), 2)
    width[::7] = np.nan
    place = rng.choice(["old town", "harbour", "hill"], n).astype(object)
    place[::11] = np.nan
    return pd.DataFrame(
        {
            "mean width": width,
            "rooms": rng.integers(1, 6, n),
            "place": place,
            "label": rng.choice(["a", "b"], n),
        }
    )


def prices(X):
    return np.nan_to_num(X["mean width"].to_numpy()) * 3 + 10 * X["rooms"].to_numpy()


def preparation():
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    text = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
    )
    return ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["mean width", "rooms"]),
            ("text", text, ["place", "label"]),
        ]
    )
