"""The ``backend`` fixture and the markers that excuse a backend, seen from outside."""

from __future__ import annotations

import pytest

from laws.source import BACKENDS, ROOT

pytest_plugins = ["pytester"]


@pytest.fixture
def run(pytester):
    """Run one test module under our conftest, with the markers of pyproject.toml."""
    pytester.makeconftest((ROOT / "tests" / "conftest.py").read_text("utf-8"))
    pytester.makepyprojecttoml((ROOT / "pyproject.toml").read_text("utf-8"))

    def run(text: str, *args: str) -> pytest.RunResult:
        module = pytester.makepyfile(f"import pytest\n{text}")
        return pytester.runpytest_subprocess(module, *args)

    return run


def test_the_fixture_runs_a_test_on_every_backend(run):
    result = run("def test_it(backend): print('on', backend)", "-s")
    result.stdout.fnmatch_lines_random([f"*on {name}*" for name in BACKENDS])
    result.assert_outcomes(passed=len(BACKENDS))


@pytest.mark.parametrize("name", BACKENDS)
def test_a_backends_marker_chooses_its_tests(run, name):
    result = run("def test_it(backend): print('on', backend)", "-s", "-m", name)
    result.stdout.fnmatch_lines([f"*on {name}*"])
    result.assert_outcomes(passed=1, deselected=len(BACKENDS) - 1)


RAISES_ON_TORCH = """
@pytest.mark.{}(["torch"], raises=KeyError, reason="why")
def test_it(backend):
    if backend == "torch":
        raise KeyError
"""


@pytest.mark.parametrize("kind", ["notimpl", "notyet", "never"])
def test_an_excused_failure_is_expected(run, kind):
    result = run(RAISES_ON_TORCH.format(kind))
    result.stdout.fnmatch_lines([f"XFAIL*{kind}: why*"])
    result.assert_outcomes(passed=len(BACKENDS) - 1, xfailed=1)


def test_another_failure_than_the_excused_one_fails(run):
    other = RAISES_ON_TORCH.format("never").replace("raise KeyError", "raise TypeError")
    run(other).assert_outcomes(passed=len(BACKENDS) - 1, failed=1)


def test_an_excuse_that_is_no_longer_needed_fails(run):
    mended = RAISES_ON_TORCH.format("notimpl").replace("raise KeyError", "pass")
    run(mended).assert_outcomes(passed=len(BACKENDS) - 1, failed=1)


@pytest.mark.parametrize(
    "excuse",
    [
        '@pytest.mark.never(["troch"], raises=KeyError, reason="misspelt")',
        '@pytest.mark.never([], raises=KeyError, reason="of nobody")',
        '@pytest.mark.never("torch", raises=KeyError, reason="not a list")',
        '@pytest.mark.never(["torch"], reason="raises nothing")',
        "@pytest.mark.notyet(['torch'], raises=KeyError)",
        "@pytest.mark.notyet(['torch'], raises=KeyError, reason='')",
    ],
)
def test_a_bad_excuse_stops_the_run(run, excuse):
    result = run(f"{excuse}\ndef test_it(backend): pass", "-m", "keras")
    assert result.ret == pytest.ExitCode.USAGE_ERROR


ON_JAX = """
import os
@pytest.mark.keras
@pytest.mark.never(["keras-jax"], raises=KeyError, reason="why")
def test_it():
    if os.environ.get("KERAS_BACKEND") == "jax":
        raise KeyError
"""


@pytest.mark.parametrize(("engine", "outcome"), [("jax", "xfailed"), ("torch", "passed")])
def test_an_engine_of_keras_is_excused_alone(run, monkeypatch, engine, outcome):
    monkeypatch.setenv("KERAS_BACKEND", engine)
    run(ON_JAX).assert_outcomes(**{outcome: 1})


def test_an_excuse_without_the_fixture_stops_the_run(run):
    result = run('@pytest.mark.never(["torch"], raises=KeyError, reason="x")\ndef test_it(): pass')
    assert result.ret == pytest.ExitCode.USAGE_ERROR
