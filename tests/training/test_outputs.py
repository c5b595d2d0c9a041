"""What is made of raw outputs: probabilities, classes, values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, softmax

from unifml.core.task import Task
from unifml.errors import CapabilityError
from unifml.training.outputs import decide, predicted_values, probabilities

RNG = np.random.default_rng(0)
CLASSES, TWO, LABELS = (
    Task("classification", 1, 3),
    Task("classification", 1, 2),
    Task("classification", 4, 2),
)


@pytest.mark.parametrize("output", ["logits", "scores", "probabilities", "log_probabilities"])
@pytest.mark.parametrize(
    ("width", "task"), [(3, CLASSES), (1, TWO), (2, TWO), (4, LABELS)], ids=str
)
def test_the_class_is_the_likeliest(output, width, task):
    z = RNG.normal(size=(30, width)) * 3
    on_off = task.multilabel or width == 1
    shares = expit(z) if on_off else softmax(z, axis=1)
    turned = {"probabilities": shares, "log_probabilities": np.log(shares)}
    found = decide(turned.get(output, z), task, output)
    wanted = (z > 0).astype(int) if on_off else z.argmax(axis=1)
    np.testing.assert_array_equal(found, wanted if task.multilabel else wanted.reshape(-1))
    assert found.dtype == np.int64
    if output != "scores":
        table = probabilities(turned.get(output, z), task, output)
        chosen = table > 0.5 if task.multilabel else table.argmax(axis=1)
        np.testing.assert_array_equal(found, chosen)


def test_scores_are_no_probabilities():
    with pytest.raises(CapabilityError, match="largest score wins"):
        probabilities(np.zeros((2, 3)), CLASSES, "scores")


def test_logarithms_become_values():
    z = RNG.normal(size=(5, 2))
    np.testing.assert_array_equal(predicted_values(z, "log_values"), np.exp(z))
    assert predicted_values(z, "values") is z
