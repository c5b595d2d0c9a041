"""What loading unifml brings with it. Each test asks a fresh interpreter."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    *("numpy", "scipy", "sklearn", "pandas", "polars", "narwhals", "optuna", "matplotlib"),
    *("torch", "keras", "tensorflow", "jax", "onnx", "onnxruntime"),
}
MAX_MODULES = 60


def loaded(code: str) -> list[str]:
    """Run ``code`` in a new interpreter; the names in sys.modules, in the order of loading."""
    program = (
        f"{code}\nimport sys; names = list(sys.modules); import json; print(json.dumps(names))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def heavy(modules: list[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules} & HEAVY


def test_import_loads_nothing_heavy():
    assert heavy(loaded("import unifml")) == set()


def test_import_loads_few_modules():
    """The budget in milliseconds is measured by benchmarks/import_time.py; this is its cause."""
    assert len(set(loaded("import unifml")) - set(loaded("pass"))) <= MAX_MODULES


def test_names_are_listed_without_loading_them():
    assert heavy(loaded("import unifml; dir(unifml); unifml.__all__; unifml.__version__")) == set()


def test_a_heavy_import_is_found():
    assert heavy(loaded("import numpy")) == {"numpy"}


@pytest.mark.cross
def test_torch_is_loaded_before_tensorflow():
    order = loaded("import unifml; unifml.get_adapter('keras').devices()")
    assert "tensorflow" in order, "the keras adapter did not load its framework"
    assert order.index("torch") < order.index("tensorflow")
