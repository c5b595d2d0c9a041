"""Every public name can be loaded, and explains itself with an example."""

from __future__ import annotations

import inspect
import re

import pytest

import unifml

DELIVERED = {
    *("Classifier", "EarlyStopping", "Estimator", "Native", "Regressor", "Training"),
    *("config_context", "evaluate", "export_onnx", "fit", "get_adapter", "list_backends"),
    *("list_models", "load_onnx", "make", "register_adapter", "set_config", "show_versions"),
    *("translate", "tune"),
}
NAMES = [name for name in unifml.__all__ if not name.startswith("__")]


def has_example(docstring: str | None) -> bool:
    """Whether a numpydoc docstring has a section Examples with code to paste."""
    return bool(re.search(r"^Examples\n-+\n(?s:.*)^>>> ", docstring or "", re.MULTILINE))


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_has_an_example(name):
    assert has_example(inspect.getdoc(getattr(unifml, name)))


def test_names_of_the_contract_are_public():
    assert set(NAMES) >= DELIVERED


def test_no_name_is_listed_twice():  # ruff keeps the list sorted
    assert len(unifml.__all__) == len(set(unifml.__all__))


def test_completion_shows_public_names_and_rooms_alone():
    shown = {name for name in dir(unifml) if not name.startswith("__")}
    assert shown >= set(NAMES)
    strangers = shown - set(NAMES)
    assert all(inspect.ismodule(getattr(unifml, name)) for name in strangers)
    assert "config" not in strangers  # its functions are public by themselves


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = unifml.no_such_name


@pytest.mark.parametrize(
    "docstring", [None, "", "Do it.", "Do it.\n\nExamples\n--------\nIn words only."]
)
def test_a_missing_example_is_found(docstring):
    assert not has_example(docstring)


def test_an_example_is_found():
    assert has_example("Do it.\n\nExamples\n--------\n>>> do_it()\n1")
