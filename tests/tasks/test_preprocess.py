"""What is decided of each column, and what is refused."""

from __future__ import annotations

import datetime as dt
import decimal
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler, TargetEncoder

import unifml
from tests.tasks.mixed_tables import KINDS, mixed
from unifml import preprocess
from unifml.errors import DataError, DataTypeError, ParameterError

pytestmark = pytest.mark.filterwarnings("error")


def decided(X, y=None, **settings):
    return {d.column: d for d in preprocess(X, y, verbose=0, **settings).decisions}


def kind_of(values, **settings):
    X = pd.DataFrame({"x": values, "other": np.arange(len(values)) % 7 * 0.5})
    return decided(X, **settings)["x"].kind


def test_every_kind_of_column_is_recognised():
    X, y = mixed()
    assert {name: d.kind for name, d in decided(X, y).items()} == KINDS


def test_it_is_a_column_transformer_whose_rows_are_finite_floats():
    X, y = mixed()
    made = preprocess(X, y, verbose=0)
    assert isinstance(made, ColumnTransformer)
    table = made.fit_transform(X, y)
    assert type(table) is np.ndarray
    assert table.dtype == np.float64
    assert np.isfinite(table).all()
    names = made.get_feature_names_out()
    assert len(names) == table.shape[1] == len(set(names))
    fresh, _ = mixed(60, seed=3)
    assert np.isfinite(made.transform(fresh)).all()


def test_numbers_and_categories_are_as_scikit_learn_makes_them():
    X, y = mixed()
    X = X[["age", "class", "ticket", "sex"]]
    found = preprocess(X, y, verbose=0).set_output(transform="pandas").fit_transform(X, y)
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    expected = numbers.fit_transform(X[["age", "class"]])
    columns = ["numbers__age", "numbers__class", "numbers__missingindicator_age"]
    np.testing.assert_allclose(found[columns], expected, rtol=1e-12)
    sex = OneHotEncoder(sparse_output=False).fit_transform(X[["sex"]])
    np.testing.assert_array_equal(found[["categories__sex_female", "categories__sex_male"]], sex)
    learned = preprocess(X, y, verbose=0).fit(X, y).transform(X)
    means = TargetEncoder(target_type="binary").fit(X[["ticket"]], y).transform(X[["ticket"]])
    at = list(preprocess(X, y, verbose=0).fit(X, y).get_feature_names_out()).index("many__ticket")
    ratio = np.ptp(means) / np.ptp(learned[:, at])
    np.testing.assert_allclose(np.diff(learned[:, at]) * ratio, np.diff(means[:, 0]), atol=1e-12)


def test_ordered_categories_keep_their_order():
    X, _ = mixed()
    found = (
        preprocess(X[["size", "age"]], verbose=0).set_output(transform="pandas").fit_transform(X)
    )
    means = found["ordered__size"].groupby(X["size"].astype(str)).mean()
    assert means["S"] < means["M"] < means["L"]


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_other_libraries_give_the_same_numbers(library):
    X, y = mixed()
    X = X.drop(columns=["size", "code"])  # polars knows neither order nor categories of numbers
    if library == "polars":
        other = pytest.importorskip("polars").from_pandas(X)
    else:
        other = pytest.importorskip("pyarrow").Table.from_pandas(X)
    expected = preprocess(X, y, verbose=0).fit(X, y).transform(X)
    made = preprocess(other, y, verbose=0).fit(other, y)
    np.testing.assert_allclose(made.transform(other), expected, rtol=1e-12)


def test_arrow_keeps_the_order_of_categories():
    pa = pytest.importorskip("pyarrow")
    X, _ = mixed()
    table = pa.Table.from_pandas(X[["size", "age"]])
    decision = decided(pa.concat_tables([table, table]))["size"]
    assert (decision.kind, decision.settings) == ("ordered", ("text", "S", "M", "L"))


def test_arrays_and_lists_go_by_number():
    X, y = mixed(60)
    rows = X[["class", "sex", "age", "alone"]].to_numpy(dtype=object)
    table = preprocess(rows, y, verbose=0).fit_transform(rows, y)
    kinds = [d.kind for d in decided(rows.tolist()).values()]
    assert kinds == ["number", "category", "number", "truth value"]
    assert table.shape == (60, 6)


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_output_may_be_a_frame(container):
    pytest.importorskip(container)
    X, y = mixed(120)
    made = preprocess(X, y, verbose=0).set_output(transform=container)
    table = made.fit_transform(X, y)
    assert list(table.columns) == list(made.get_feature_names_out())


def test_copies_keep_the_decisions():
    X, y = mixed(120)
    made = preprocess(X, y, verbose=0)
    for copy in (clone(made), pickle.loads(pickle.dumps(made)), clone(made).fit(X, y)):
        assert copy.decisions == made.decisions
    pipeline = clone(make_pipeline(made, StandardScaler()))
    assert pipeline[0].decisions == made.decisions


def test_it_tells_what_it_decided(capsys):
    X = pd.DataFrame({"town": ["Rome", "Oslo", "Rome"], "size": [70.0, None, 45.0]})
    made = preprocess(X)
    told = capsys.readouterr().out
    assert told == made.explain() + "\n"
    assert "size    number    standardised; gaps: median, marked  numbers, 1 missing" in told
    assert "<td" in made.explain_html()
    with unifml.config_context(verbose=0):
        preprocess(X)
    preprocess(X, verbose=0)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, 3, 1], "number"),
        ([1.0, None, 3.0, 2.0], "number"),
        (np.array([1, None, 3.5, 2], dtype=object), "number"),
        (["1", "2", "3", "1"], "category"),
        (["x", 1, None, 2.5], "category"),
        ([True, False, True, None], "truth value"),
        (pd.array(["a", None, "b", "a"], dtype="string"), "category"),
        (pd.period_range("2020", periods=4, freq="M"), "category"),
        (pd.cut([0.0, 1, 2, 3], 2), "ordered"),
        (pd.Categorical([3, 1, 2, 3], [3, 1, 2], ordered=True), "category"),
        (pd.Categorical([3, 1, 2, 3], [1, 2, 3], ordered=True), "ordered"),
        (["2024-01-05", None, "2024-02-01", "2023-12-31"], "date"),
        (["2024-01-05 10:00", "2024-02-01T11:30:00", "2023-12-31", "2024-01-01"], "date"),
        (["2024-02-31", "2024-02-01", "2023-12-31", "2024-01-01"], "category"),
        (pd.date_range("2024-01-01", periods=4, tz="Europe/Berlin"), "date"),
        ([dt.timedelta(days=i) for i in range(4)], "duration"),
        (["a text of several words", "b other text of words", "c the last one here", None], "text"),
        ([None, None, None, None], "empty"),
        (["a", "a", "a", "a"], "constant"),
        (["a", "a", "a", None], "category"),
    ],
)
def test_kinds_of_few_values(values, kind):
    assert kind_of(values) == kind


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("id", range(40), "identifier"),
        ("CustomerID", range(100, 140), "identifier"),
        ("order_id", [1.0 * i for i in range(40)], "identifier"),
        ("Unnamed: 0", range(40), "identifier"),
        ("humid", range(40), "number"),
        ("identity", range(40), "number"),
        ("id", [0, *range(39)], "number"),
        ("id", [i + 0.5 for i in range(40)], "number"),
        ("mail", [f"{i}@home" for i in range(40)], "identifier"),
        ("mail", [f"{i // 2}@home" for i in range(80)], "many categories"),
    ],
)
def test_identifiers(name, values, kind):
    X = pd.DataFrame({name: values, "other": np.arange(len(values)) % 7 * 0.5})
    assert decided(X)[name].kind == kind


def test_means_of_y_need_enough_rows_of_each_class():
    X = pd.DataFrame({"t": [f"T{i % 50}" for i in range(200)], "n": np.arange(200) % 9})
    rare = np.where(np.arange(200) < 5, "a", "b")
    assert "target" in decided(X, np.arange(200) % 2)["t"].done
    assert "target" in decided(X, np.arange(200) / 3)["t"].done
    assert "target" in decided(X, np.arange(200), task="regression")["t"].done
    assert "one-hot" in decided(X, rare)["t"].done
    assert "one-hot" in decided(X, np.ones((200, 2)))["t"].done
    assert "one-hot" in decided(X)["t"].done
    assert preprocess(X, verbose=0).fit_transform(X).shape == (200, 21)
    with pytest.raises(DataError, match='task="regression"'):
        preprocess(X, np.arange(200), verbose=0)


def test_rare_categories_are_put_together():
    X = pd.DataFrame({"t": ["a"] * 60 + ["b"] * 37 + ["c", "d", "e"], "n": np.arange(100) % 9})
    made = preprocess(X, verbose=0).fit(X)
    names = [name for name in made.get_feature_names_out() if "__t_" in name]
    assert names == ["categories__t_a", "categories__t_b", "categories__t_infrequent_sklearn"]


def test_the_number_of_columns_is_a_setting():
    X = pd.DataFrame({"t": list("abcde") * 10, "n": np.arange(50) % 9})
    assert decided(X, max_one_hot=4)["t"].kind == "many categories"
    assert decided(X, max_one_hot=5)["t"].kind == "category"
    with pytest.raises(ParameterError, match="max_one_hot"):
        preprocess(X, max_one_hot=0)


def test_names_never_meet():
    X = pd.DataFrame(
        {
            "a": ["b", "c", "b"],
            "a_b": ["x", "y", "z"],
            "n": [1.0, None, 3.0],
            "missingindicator_n": [3.0, None, 1.0],
            "a__c": pd.to_datetime(["2024-01-01", "2024-05-02", "2025-01-01"]),
        }
    )
    made = preprocess(X, verbose=0).fit(X)
    names = made.get_feature_names_out()
    assert len(names) == len(set(names)) == made.transform(X).shape[1]


@pytest.mark.parametrize(
    ("X", "told"),
    [
        (pd.DataFrame({"a": []}), "0 rows"),
        (pd.DataFrame(index=[0, 1]), "0 columns"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "several columns of one name"),
        (pd.DataFrame([[1, 2]], columns=["a", 1]), "some names are text"),
        (pd.DataFrame({"a": [1, 1], "b": ["x", "x"]}), "no column is left"),
        (pd.DataFrame({"a": [[1], [2]]}), "'a': cells of type list"),
        (pd.DataFrame({"a": [{1: 2}, None]}), "'a': cells of type dict"),
        (pd.DataFrame({"a": [np.ones(2), np.ones(2)]}), "'a': cells of type ndarray"),
        (pd.DataFrame({"a": [b"x", b"y"]}), "decode"),
        (pd.DataFrame({"a": [1.0, np.inf]}), "infinity"),
        (pd.DataFrame({"a": [decimal.Decimal(1), decimal.Decimal(2)]}), "Decimal"),
        (pd.DataFrame({"a": [1j, 2]}), "complex"),
        (pd.DataFrame({"a": pd.Series([1, pd.NA, 2], dtype=object)}), "Float64"),
        (np.array(["a", "b"], dtype=object), "shape"),
    ],
)
def test_what_cannot_be_prepared_is_refused_with_the_next_step(X, told):
    with pytest.raises(DataError, match=told):
        preprocess(X)


@pytest.mark.parametrize("X", ["text", {"a": [1]}, None])
def test_what_is_no_table_is_refused(X):
    with pytest.raises(DataTypeError):
        preprocess(X)


def test_one_row_is_enough():
    X = pd.DataFrame({"a": [1.5], "b": ["x"], "c": [None], "d": [pd.Timestamp("2020-01-01")]})
    assert preprocess(X, verbose=0).fit_transform(X).shape == (1, 3)


def test_a_table_of_numbers_is_standardised():
    X, _ = load_iris(return_X_y=True, as_frame=True)
    found = preprocess(X, verbose=0).fit_transform(X)
    np.testing.assert_allclose(found, StandardScaler().fit_transform(X), rtol=1e-12)


def test_a_real_table_with_gaps_names_and_constants():
    datasets = pytest.importorskip("statsmodels.api").datasets
    X = datasets.fertility.load_pandas().data
    kinds = {name: d.kind for name, d in decided(X).items()}
    assert kinds["Country Name"] == kinds["Country Code"] == "identifier"
    assert kinds["Indicator Name"] == kinds["Indicator Code"] == "constant"
    assert kinds["1960"] == "number"
    assert np.isfinite(preprocess(X, verbose=0).fit_transform(X)).all()
    firms = datasets.grunfeld.load_pandas().data
    assert decided(firms)["firm"].kind == "category"


def test_thousands_of_columns_are_few_parts():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(20, 3000)), columns=["x", *(f"x_{i}" for i in range(2999))])
    made = preprocess(X, verbose=0)
    assert len(made.transformers) <= 2
    assert made.fit_transform(X).shape == (20, 3000)
