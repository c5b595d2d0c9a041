"""When two answers agree: the policy by which every file is judged."""

from __future__ import annotations

import numpy as np
import pytest

from unifml.export.proof import compare

pytestmark = pytest.mark.sklearn

TIE = np.array([[0.4999999, 0.5000001, 0.0]])
SURE = np.array([[0.49, 0.51, 0.0]])


def said(probabilities, label):
    return {"label": np.array([label]), "probabilities": np.asarray(probabilities)}


def numbers(*values):
    return {"prediction": np.array(values)}


NAMES = [np.array(["a", "b", "c"])]
RIGHT = np.array([[0.5000001, 0.4999999, 0.0]])


def test_rounding_may_decide_a_tie():
    verdict = compare(said(TIE, "b"), said(RIGHT, "a"), classes=NAMES)
    assert verdict.right
    assert verdict.flips.tolist() == [True]


@pytest.mark.parametrize("label", ["c", "nobody"])
def test_a_tie_is_between_the_tied_classes_only(label):
    verdict = compare(said(TIE, "b"), said(RIGHT, label), classes=NAMES)
    assert not verdict.right
    assert verdict.output == "label"


def test_no_label_may_differ_where_nobody_says_what_the_classes_are():
    assert not compare(said(TIE, "b"), said(RIGHT, "a")).right


@pytest.mark.parametrize(("label", "right"), [(0, True), (1, True), (2, False)])
def test_ties_of_several_outputs_are_between_the_tied_classes_too(label, right):
    first, second = np.array([[0.2, 0.8]]), np.array([[0.5, 0.5, 0.0]])
    native = {"label": np.array([[1, 1]]), "probabilities_0": first, "probabilities_1": second}
    onnx = native | {"label": np.array([[1, label]])}
    assert compare(native, onnx, classes=[np.arange(2), np.arange(3)]).right == right


@pytest.mark.parametrize(("label", "right"), [(0, True), (1, True), (2, False)])
def test_ties_of_scores_and_of_distances(label, right):
    close = {"margin": np.array([[0.0, 1e-6, 3.0]]), "label": np.array([0])}
    assert compare(close, {"label": np.array([label])}, classes=[np.arange(3)]).right == right
    far = {"transformed": np.array([[2.0, 2.000001, 9.0]]), "label": np.array([0])}
    assert compare(far, far | {"label": np.array([label])}).right == right


def test_a_sure_label_may_not_differ():
    verdict = compare(said(SURE, "b"), said(SURE, "a"))
    assert not verdict.right
    assert verdict.output == "label"


def test_nan_is_a_difference_where_the_model_gives_none():
    assert not compare(said([[0.5, 0.5]], "a"), said([[np.nan, 0.5]], "a")).right
    assert not compare(numbers(1.0, 2.0), numbers(1.0, np.nan)).right
    assert compare(
        {"transformed": np.array([[np.nan]])}, {"transformed": np.array([[np.nan]])}
    ).right


@pytest.mark.parametrize(("by", "right"), [(0.9e-5, True), (1.2e-5, False)])
def test_probabilities_agree_within_1e_5(by, right):
    assert compare(said(SURE, "b"), said(SURE + by, "b")).right == right


@pytest.mark.parametrize(("by", "right"), [(0.9e-2, True), (1.2e-2, False)])
def test_numbers_agree_relative_to_what_they_are(by, right):
    assert compare(numbers(1000.0, 1000.0), numbers(1000.0 + by, 1000.0)).right == right


def test_numbers_near_zero_agree_relative_to_their_spread():
    native, spread = numbers(0.0), numbers(-1000.0, 1000.0)
    assert compare(native, numbers(9e-3), spread).right
    assert not compare(native, numbers(9e-3)).right


def test_a_scale_widens_the_tolerance():
    assert not compare(said(SURE, "b"), said(SURE + 5e-5, "b")).right
    assert compare(said(SURE, "b"), said(SURE + 5e-5, "b"), scale=10).right


def test_another_shape_is_a_difference():
    verdict = compare(numbers(1.0, 2.0), {"prediction": np.array([[1.0], [2.0]])})
    assert not verdict.right
    assert not np.isfinite(verdict.over).any()
