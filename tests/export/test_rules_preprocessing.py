"""Scalers, bins, splines, quantiles and functions as graphs, against scikit-learn."""

from __future__ import annotations

import warnings
from functools import partial

import numpy as np
import pytest
import scipy.special
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    KernelCenterer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
)

from tests.export.answered import answered
from unifml import export_onnx, load_onnx
from unifml.errors import DataError, ExportError
from unifml.export.graph import Graph
from unifml.export.values import Rows
from unifml.export.writer import Writer


def numbers(n=150, seed=0, spread=1.0):
    """Return columns of several scales, some far from zero."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 4)) * spread * [1, 5, 100, 0.01] + [0, 20, 2000, -3]


def holes(X, seed=0):
    return np.where(np.random.default_rng(seed).random(X.shape) < 0.15, np.nan, X)


def repeated(n=150, seed=0):
    return np.random.default_rng(seed).integers(0, 6, (n, 4)).astype(float)


def compared(model, X, new, *, relative=1e-9, kind="double", absolute=1e-12):
    """Fit, write, run on rows nobody showed, and compare."""
    model.fit(X)
    expected = model.transform(new.copy())
    if hasattr(expected, "toarray"):
        expected = expected.toarray()
    said = answered(model, new, kind=kind)
    assert {road for _, road in said["roads"]} == {"unifml"}
    values = said["transformed"]
    assert values.dtype == expected.dtype
    np.testing.assert_allclose(values, expected, rtol=relative, atol=absolute)


SCALERS = [
    StandardScaler(),
    StandardScaler(with_mean=False),
    StandardScaler(with_std=False),
    MinMaxScaler((-3, 2)),
    MinMaxScaler(clip=True),
    MaxAbsScaler(),
    MaxAbsScaler(clip=True),
    RobustScaler(),
    RobustScaler(with_centering=False),
    RobustScaler(with_scaling=False),
]


@pytest.mark.parametrize("model", SCALERS, ids=repr)
def test_scalers(model):
    X, new = numbers(), numbers(seed=1, spread=1.5)
    compared(model, X, new, relative=1e-14, absolute=0)
    compared(model, holes(X), holes(new), relative=1e-14, absolute=0)


@pytest.mark.parametrize("model", SCALERS, ids=repr)
def test_scalers_round_where_scikit_learn_does(model):
    """To the last bit in float32: trees split at values of the data."""
    X, new = numbers().astype("f"), numbers(seed=1, spread=1.5).astype("f")
    compared(model, X, new, relative=0, absolute=0, kind="float")


@pytest.mark.parametrize("norm", ["l1", "l2", "max"])
def test_norms_of_rows_and_of_zeros(norm):
    new = repeated(seed=1)
    new[3], new[4] = 0.0, 1e-17
    compared(Normalizer(norm=norm), numbers(), new, relative=1e-14)
    compared(Normalizer(norm=norm), numbers(), new.astype("f"), relative=2e-7, kind="float")


def test_thresholds_and_kernels():
    compared(Binarizer(threshold=0.3), numbers(), numbers(seed=1))
    X, new = numbers()[:, :2], numbers(seed=1)[:, :2]
    compared(KernelCenterer(), X @ X.T, new @ X.T, absolute=1e-9)


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("method", ["yeo-johnson", "box-cox"])
def test_powers(method, standardize):
    X, new = numbers(), numbers(seed=1)
    if method == "box-cox":
        X, new = np.abs(X) + 0.1, np.abs(new) + 0.1
    model = PowerTransformer(method, standardize=standardize)
    compared(model, X, new)
    compared(model, holes(X), holes(new))


@pytest.mark.parametrize("power", [0.0, 1e-9, 1.0, 2.0, 2 - 1e-9, -3.5])
def test_powers_near_their_limits(power):
    model = PowerTransformer(standardize=False).fit(numbers())
    model.lambdas_ = np.full(4, power)
    new = np.concatenate([numbers(seed=1), numbers(seed=2) * 1e-12])
    said = answered(model, new)["transformed"]
    np.testing.assert_allclose(said, model.transform(new), rtol=1e-11)
    model.lambdas_ = np.array([power, 0.0, 2.0, 0.5])
    said = answered(model, new)["transformed"]
    np.testing.assert_allclose(said, model.transform(new), rtol=1e-11)


@pytest.mark.parametrize("quantiles", [5, 64, 65, 100])
@pytest.mark.parametrize("distribution", ["uniform", "normal"])
def test_quantiles(distribution, quantiles):
    model = QuantileTransformer(n_quantiles=quantiles, output_distribution=distribution)
    X, new = numbers(), numbers(seed=1, spread=1.5)
    new[:5] = X[:5]  # values that are quantiles themselves
    compared(model, X, new, relative=1e-10)
    compared(model, holes(X), holes(new), relative=1e-10)
    compared(model, repeated(), repeated(seed=1), relative=1e-10)


def test_quantiles_of_a_thousand_cost_no_more_nodes():
    """Their conversion must not grow with the quantiles: tables do, nodes do not."""
    X = np.random.default_rng(0).normal(size=(3000, 2))
    model = QuantileTransformer(n_quantiles=3000, output_distribution="normal")
    compared(model, X, X[:200] * 1.3, relative=1e-9)
    counts = []
    for n in (100, 3000):
        g = Graph("", ("X",))
        Writer(g, 18).write(QuantileTransformer(n_quantiles=n).fit(X), Rows.of("X", "double", 2))
        counts.append(len(g.nodes))
    assert counts[0] == counts[1] < 60


@pytest.mark.parametrize("encode", ["ordinal", "onehot", "onehot-dense"])
@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_bins(strategy, encode):
    model = KBinsDiscretizer([2, 70, 3, 9], encode=encode, strategy=strategy)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # bins of no width
        compared(model, numbers(), numbers(seed=1, spread=1.5))
        edges = np.stack([edges[[0, 1, -1]] for edges in model.bin_edges_], axis=1)
        compared(model, numbers(), edges)
        compared(model, numbers().astype("f"), numbers(seed=1).astype("f"), kind="float")


@pytest.mark.parametrize("extrapolation", ["constant", "linear", "continue", "periodic"])
@pytest.mark.parametrize("degree", [0, 1, 2, 3, 5])
def test_splines(degree, extrapolation):
    new = numbers(seed=1, spread=1.5)
    if extrapolation == "constant" and not degree:  # scikit-learn cannot go above the knots
        new = np.minimum(new, numbers().max(axis=0))
    for bias in (True, False):
        model = SplineTransformer(
            n_knots=6, degree=degree, extrapolation=extrapolation, include_bias=bias
        )
        compared(model, numbers(), new, absolute=1e-11)


@pytest.mark.parametrize("extrapolation", ["constant", "linear", "continue"])
def test_splines_of_many_knots_and_missing_values(extrapolation):
    new = numbers(seed=1, spread=1.5)
    many = SplineTransformer(80, extrapolation=extrapolation, knots="quantile")
    compared(many, numbers(), new, absolute=1e-9)
    lost = SplineTransformer(extrapolation=extrapolation, handle_missing="zeros")
    compared(lost, holes(numbers()), holes(new), absolute=1e-11)


def test_splines_refuse_what_scikit_learn_refuses(tmp_path):
    model = SplineTransformer(extrapolation="error").fit(numbers())
    compared(model, numbers(), numbers()[:50], absolute=1e-11)
    export_onnx(model, tmp_path / "m.onnx", numbers())
    with pytest.raises(ValueError, match="beyond the limits"):
        model.transform(numbers(spread=2.0))
    with pytest.raises(DataError):
        load_onnx(tmp_path / "m.onnx").transform(numbers(spread=2.0))


@pytest.mark.parametrize(
    "settings",
    [
        {"degree": 3},
        {"degree": 3, "interaction_only": True},
        {"degree": 2, "include_bias": False},
        {"degree": (2, 3)},
        {"degree": (0, 1)},
        {"degree": (2, 2), "include_bias": False},
        {"degree": 9, "interaction_only": True},
    ],
    ids=repr,
)
def test_polynomials(settings):
    model = PolynomialFeatures(**settings)
    compared(model, numbers(), numbers(seed=1), relative=0, absolute=0)
    compared(model, numbers(), numbers(seed=1).astype("f"), relative=0, absolute=0, kind="float")


UNIT = np.random.default_rng(0).uniform(0.01, 0.99, (60, 3))
ANY = np.concatenate([UNIT, UNIT * 1e-9, UNIT * 30, -UNIT * 1e-7, -UNIT * 3, UNIT * 0])
SMALL = {"log1p": UNIT * 1e-8, "logit": UNIT, "arctanh": UNIT * 1e-8}
LARGE = ("log", "log2", "log10", "sqrt")
# fmt: off
EVERYWHERE = [
    "exp", "expm1", "exp2", "square", "absolute", "fabs", "sin", "cos", "tan",
    "tanh", "sign", "floor", "ceil", "rint", "trunc", "sinh", "cosh", "arcsinh",
    "cbrt", "negative", "positive", "deg2rad", "rad2deg", "radians", "degrees", "expit",
]
# fmt: on


@pytest.mark.parametrize("name", [*SMALL, *LARGE, *EVERYWHERE, "reciprocal"])
def test_functions(name):
    function = getattr(np, name, None) or getattr(scipy.special, name)
    rows = {**SMALL, **dict.fromkeys(LARGE, UNIT * 1e6), "reciprocal": UNIT}.get(name, ANY)
    compared(FunctionTransformer(function), rows, rows, relative=1e-12, absolute=0)
    lost = holes(rows)
    compared(FunctionTransformer(function), lost, lost, relative=1e-12, absolute=0)


def test_functions_with_settings():
    X, new = holes(numbers()), holes(numbers(seed=1))
    for function, settings in (
        (np.clip, {"a_min": -1, "a_max": 2}),
        (partial(np.clip, min=-1, max=None), {}),
        (np.round, {"decimals": 2}),
        (np.around, {"decimals": -1}),
        (np.nan_to_num, {"nan": -7.0}),
        (None, None),
    ):
        model = FunctionTransformer(function, kw_args=settings or None)
        model.fit(X)
        said = answered(model, new)["transformed"]
        np.testing.assert_allclose(said, model.transform(new), rtol=1e-13)


@pytest.mark.parametrize(
    "function",
    [lambda X: X + 1, partial(np.cumsum, axis=1), partial(np.power, 2), partial(np.clip, out=None)],
    ids=["lambda", "cumsum", "positions", "setting"],
)
def test_unknown_functions_are_refused_with_those_that_are_known(function, tmp_path):
    settings = {"a_min": 0, "a_max": 1} if getattr(function, "func", None) is np.clip else None
    step = FunctionTransformer(function, kw_args=settings)
    model = make_pipeline(step, StandardScaler()).fit(UNIT)
    with pytest.raises(ExportError, match=r"(?s)step 'functiontransformer'.*log1p"):
        export_onnx(model, tmp_path / "m.onnx", UNIT)
    assert not (tmp_path / "m.onnx").exists()


def test_one_file_of_many_steps(tmp_path):
    X, new = holes(numbers()), holes(numbers(seed=1, spread=1.4))
    y = np.nan_to_num(X[:, 0]) + np.nan_to_num(X[:, 1]) / 5 > 4
    model = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True),
        QuantileTransformer(n_quantiles=40, output_distribution="normal"),
        PolynomialFeatures(2, include_bias=False),
        PowerTransformer(),
        LogisticRegression(max_iter=500),
    ).fit(X, y)
    export_onnx(model, tmp_path / "m.onnx", X)
    said = load_onnx(tmp_path / "m.onnx").predict_proba(new)
    np.testing.assert_allclose(said, model.predict_proba(new), atol=1e-6)
