"""Codes in a dictionary, against scikit-learn's own."""

import numpy as np
import pytest
from sklearn.decomposition import DictionaryLearning, SparseCoder

import unifml
from export.data import numbers
from unifml.errors import ExportError

X = numbers() - numbers().mean(axis=0)


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("split", [False, True])
def test_thresholds_are_a_formula(tmp_path, positive, split):
    atoms = np.random.default_rng(0).normal(size=(3, 4))
    coder = SparseCoder(
        atoms,
        transform_algorithm="threshold",
        transform_alpha=0.7,
        positive_code=positive,
        split_sign=split,
    ).fit(X)
    report = unifml.export_onnx(coder, tmp_path / "m.onnx", X)
    codes = unifml.load_onnx(report.path).transform(X)
    assert (codes == 0).any()
    np.testing.assert_allclose(codes, coder.transform(X), rtol=1e-9, atol=1e-12)


def test_alpha_of_the_fit_is_that_of_the_codes(tmp_path):
    model = DictionaryLearning(3, alpha=0.4, max_iter=5, transform_algorithm="threshold").fit(X)
    assert unifml.export_onnx(model, tmp_path / "m.onnx", X).max_abs_diff < 1e-9


def test_solvers_are_refused_with_a_way_out(tmp_path):
    with pytest.raises(ExportError, match="transform_algorithm='threshold'"):
        unifml.export_onnx(DictionaryLearning(3, max_iter=5).fit(X), tmp_path / "m.onnx", X)
