"""Configurations that Hypothesis draws, and those easily got wrong, in onnxruntime."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from layers.strategies import BUILDS, cases
from layers.tricky import CASES

from export.nets import close, inference
from unifml.testing import reference

DRAWN = settings(
    max_examples=20,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def agree(case):
    """Hold the first output against the oracle, where it is no padding."""
    graph = case.network.graph(case.feeds)
    weights, X = case.weights(graph, "float32"), case.rows("float32")
    found, wanted = inference(graph, weights, X), reference.run(graph, weights, X)
    feeds = X if isinstance(X, dict) else {"X": X}
    known = reference.values(graph, weights, X)
    valid = reference.valid(graph, graph.result.mask, known, feeds)
    every = np.ones(len(found), bool) if valid is None else valid
    close(found[every], wanted[graph.outputs[0][0]][every])


@pytest.mark.parametrize("kind", sorted(BUILDS))
def test_drawn(kind):
    @DRAWN
    @given(case=cases(kind))
    def holds(case):
        agree(case)

    holds()


@pytest.mark.parametrize("name", CASES)
def test_tricky(name):
    agree(CASES[name])
