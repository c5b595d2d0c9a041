"""Every network gives the same model on torch and on Keras, and moves between them unchanged.

With the environment variable ``UNIFML_PARITY``, the path of a file, a run that measured all cases
writes its figures there; the documentation shows them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from estimators.parity_cases import CASES
from estimators.parity_figures import Figures, figures, write

from unifml.core import registry

pytestmark = pytest.mark.cross

COMMITTED = Path(__file__).parents[2] / "docs" / "parity.json"
GOOD = Figures(1e-7, 1e-7, 1e-7, 1e-7, bitwise=True, learned=0.1, promised=1e-5)


@pytest.fixture(scope="module")
def measured() -> Iterator[dict[str, Figures]]:
    found: dict[str, Figures] = {}
    yield found
    if os.environ.get("UNIFML_PARITY") and found.keys() == CASES.keys():
        write(os.environ["UNIFML_PARITY"], {name: found[name] for name in CASES})


@pytest.mark.parametrize("name", CASES)
def test_the_same_model_comes_out(name, measured):
    found = measured[name] = figures(name)
    assert found.kept() == dict.fromkeys(found.kept(), True), found


@pytest.mark.parametrize("name", [name for name in CASES if not name.startswith("linear")])
def test_it_has_learned_what_is_compared(name):
    assert figures(name).learned > 0.01


def test_every_model_that_is_a_network_has_a_case():
    kinds = {case.model.kind for case in CASES.values()}
    assert kinds >= set(registry.models()) - {"random_forest"}


def test_the_documentation_knows_these_cases():
    shown = json.loads(COMMITTED.read_text("utf-8"))
    assert [case["case"] for case in shown["cases"]] == list(CASES)
    assert all(all(case["kept"].values()) for case in shown["cases"])


@pytest.mark.parametrize(
    "broken",
    [{"first_loss": 2e-6}, {"one_step": 2e-5}, {"five_epochs": 2e-5}, {"moved": 2e-6}],
    ids=str,
)
def test_a_broken_promise_would_be_seen(broken):
    assert all(GOOD.kept().values())
    assert [k for k, kept in replace(GOOD, **broken).kept().items() if not kept] == [*broken]
    assert not replace(GOOD, bitwise=False).kept()["bitwise"]
