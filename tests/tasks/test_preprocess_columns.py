"""Dates, Texts and Words, against pandas and scikit-learn."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer

from unifml.columns import Dates, Texts, Words
from unifml.columns.dates import NEVER, PARTS, microseconds
from unifml.errors import DataError, DataTypeError, UnknownNameError
from unifml.runtime.dates import dates

pytestmark = pytest.mark.filterwarnings("error")


def moments(n=400, seed=0):
    """Return times from the year 1600 to 2400, with all days at the ends of months, and a gap."""
    rng = np.random.default_rng(seed)
    ends = pd.date_range("1996-01-31", periods=60, freq="ME").to_numpy().astype("datetime64[us]")
    us = rng.integers(-11_676_096_000_000_000, 13_569_465_600_000_000, n)
    return pd.Series(np.concatenate([us.view("datetime64[us]"), ends, [np.datetime64("NaT")]]))


def test_parts_of_dates_are_those_of_pandas():
    when = moments()
    names = ("year", "month", "day", "weekday", "hour", "minute")
    found = Dates(names).fit_transform(when.to_frame("t"))
    theirs = [name.replace("weekday", "day_of_week") for name in names]
    expected = np.stack([getattr(when.dt, name) for name in theirs], axis=1)
    np.testing.assert_array_equal(found, expected)


def test_days_begin_with_the_first_date_of_fit():
    X = pd.DataFrame({"t": pd.to_datetime(["2024-03-01 12:00", "2024-02-28 00:00", None])})
    made = Dates(("days", "missing")).fit(X)
    np.testing.assert_array_equal(made.transform(X), [[2.5, 0], [0, 0], [np.nan, 1]])
    later = pd.DataFrame({"t": pd.to_datetime(["2024-02-27"])})
    np.testing.assert_array_equal(made.transform(later), [[-1, 0]])


def test_durations_are_days():
    X = pd.DataFrame({"t": pd.to_timedelta(["36h", "12h", None])})
    np.testing.assert_array_equal(Dates(("days",)).fit_transform(X), [[1.5], [0.5], [np.nan]])


def every_library(when):
    pl, pa = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    plain = [None if value is pd.NaT else value.to_pydatetime() for value in when]
    yield pd.DataFrame({"t": when})
    yield pd.DataFrame({"t": pd.Series(plain, dtype=object)})
    yield pd.DataFrame({"t": when.dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")})
    yield pd.DataFrame({"t": when.dt.strftime("%Y-%m-%d %H:%M:%S")})
    yield pl.DataFrame({"t": plain})
    yield pa.table({"t": pa.array(plain)})
    yield np.array(plain, dtype=object)[:, None]
    yield when.to_numpy()[:, None]


def test_dates_of_every_library_are_the_same():
    when = moments(20)[:30].dt.floor("s")
    when[4] = pd.NaT
    expected = Dates().fit_transform(when.to_frame("t"))
    for X in every_library(when):
        np.testing.assert_array_equal(Dates().fit_transform(X), expected)


def test_files_take_dates_as_the_transformer_does():
    when = moments(20)[:30].dt.floor("s")
    when[4] = pd.NaT
    us = microseconds(when.to_numpy())
    assert us[4] == NEVER
    for X in every_library(when):
        column = X[:, 0] if isinstance(X, np.ndarray) else X["t"]
        np.testing.assert_array_equal(dates(column, "t"), us)


def test_days_of_python_are_dates():
    X = pd.DataFrame({"t": [dt.date(2024, 2, 29), None, dt.date(2023, 12, 31)]})
    found = Dates(("month", "day")).fit_transform(X)
    np.testing.assert_array_equal(found, [[2, 29], [np.nan, np.nan], [12, 31]])


def test_names_of_dates_and_of_texts():
    X = pd.DataFrame({"a": pd.to_datetime(["2024-01-01"]), "b": pd.to_datetime(["2024-01-01"])})
    made = Dates(("year", "hour")).fit(X)
    assert made.get_feature_names_out().tolist() == ["a_year", "a_hour", "b_year", "b_hour"]
    assert Texts().fit(X).get_feature_names_out().tolist() == ["a", "b"]
    assert set(Dates(PARTS).fit(X).set_output(transform="pandas").transform(X).columns) == {
        f"{column}_{part}" for column in "ab" for part in PARTS
    }


@pytest.mark.parametrize("X", [[[1.5]], [["soon"]], [["2024-02-31"]], [[b"2024"]]])
def test_what_is_no_date_is_refused(X):
    with pytest.raises((DataError, DataTypeError), match="date"):
        Dates().fit_transform(X)
    with pytest.raises(DataError, match="date"):
        dates(np.array(X, dtype=object), "t")


def test_parts_that_are_not_known_are_refused():
    with pytest.raises(UnknownNameError, match="weekday"):
        Dates(("week_day",)).fit([[dt.date(2024, 1, 1)]])


@pytest.mark.parametrize("made", [Dates(), Texts(), Words()])
def test_columns_are_held_against_those_of_fit(made):
    X = pd.DataFrame({"t": ["2024-01-01", "2024-05-01"]})
    with pytest.raises(NotFittedError):
        made.transform(X)
    made = clone(made).fit(X)
    with pytest.raises(ValueError, match="feature names should match"):
        made.transform(X.rename(columns={"t": "u"}))
    made = clone(made).fit(X.to_numpy())
    with pytest.raises(ValueError, match="2 features"):
        made.transform(X.assign(u=X["t"]).to_numpy())
    with pytest.raises(DataError, match="table"):
        made.transform(np.array(["2024-01-01"], dtype=object))


def test_missing_values_of_every_kind_are_one_word():
    X = pd.DataFrame(
        {
            "a": pd.array(["x", None], dtype="string"),
            "b": pd.Series([True, None], dtype=object),
            "c": pd.Series(["x", np.nan], dtype=object),
            "d": [1.5, np.nan],
        }
    )
    found = Texts(missing="none").fit_transform(X).tolist()
    assert found == [["x", "True", "x", "1.5"], ["none"] * 4]


def test_words_are_weighed_as_scikit_learn_does():
    texts = ["the cat sat", "a dog ran and ran", "the dog sat", ""]
    column = pd.DataFrame({"t": [*texts[:3], None]})
    found = Words(sublinear_tf=True).fit(column)
    expected = TfidfVectorizer(sublinear_tf=True).fit(texts)
    np.testing.assert_array_equal(found.transform(column), expected.transform(texts).toarray())
    assert list(found.get_feature_names_out()) == list(expected.get_feature_names_out())
    assert found.set_output(transform="pandas").transform(column).shape == (4, 6)


def test_words_take_one_column():
    with pytest.raises(DataError, match="2 columns"):
        Words().fit([["a b", "c d"]])
