"""What `translate` prints is code that runs."""

from __future__ import annotations

import pytest

import unifml
from unifml.models import MLP

pytestmark = pytest.mark.keras


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "gelu"])
def test_the_construction_runs_and_is_the_network(activation):
    model = MLP((8, 4), activation=activation, dropout=0.1, norm="batch")
    text = unifml.translate(unifml.Classifier(model, backend="keras"))
    code = text.partition("model.compile")[0]
    names: dict = {}
    exec(compile(code, "translated", "exec"), names)
    built = [type(layer).__name__ for layer in names["model"].layers]
    assert built.count("Dense") == 3
    assert names["model"].count_params() > 0
    assert names["model"].output_shape == (None, 1)
