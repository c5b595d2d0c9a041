"""Backends in tests: one fixture, one marker each, and excuses that must stay true.

A test that asks for the ``backend`` fixture runs once for every adapter in the registry, under a
marker of the adapter's name. What a backend cannot do is said by one of three markers, each with
the backends, the exception that is raised today and the reason::

    @pytest.mark.notimpl(["keras"], raises=CapabilityError, reason="no builder for Attention yet")
    @pytest.mark.notyet(["torch"], raises=RuntimeError, reason="pytorch issue 1234")
    @pytest.mark.never(["sklearn"], raises=CapabilityError, reason="its MLP has no dropout")

The test then has to fail with that very exception on those backends, or the run fails.

Keras runs on one engine in a process, the one that ``KERAS_BACKEND`` names. ``"keras-jax"`` and
``"keras-torch"`` excuse Keras on that engine only, also where a test is marked ``keras`` without
asking for the fixture.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator

import pytest

# Before any framework is loaded: small tests on shared cores, the same sums in every process.
for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "Agg")
for _variable in ("UNIFML_BACKEND", "UNIFML_DEVICE", "UNIFML_VERBOSE"):
    os.environ.pop(_variable, None)

from unifml.core import registry  # noqa: E402  (NumPy reads the environment when it is loaded)

EXCUSES = ("notimpl", "notyet", "never")
ENGINES = ("keras-jax", "keras-tensorflow", "keras-torch")
RUNNING = f"keras-{os.environ.get('KERAS_BACKEND') or 'tensorflow'}"


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> str:
    """The name of a backend; the test runs once for each in the registry."""
    return request.param


@pytest.fixture(scope="module", autouse=True)
def _compiled_is_forgotten() -> Iterator[None]:
    """Keep a process small that holds what JAX compiled for hundreds of networks."""
    yield
    jax = sys.modules.get("jax")
    if RUNNING == "keras-jax" and jax is not None:
        jax.clear_caches()


def pytest_configure(config: pytest.Config) -> None:
    for name in registry.names():
        _register_marker(config, name)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    # Read at collection, so that an adapter registered by a test module takes part.
    if "backend" in metafunc.fixturenames:
        names = registry.names()
        for name in names:
            _register_marker(metafunc.config, name)
        params = [pytest.param(name, marks=getattr(pytest.mark, name)) for name in names]
        metafunc.parametrize("backend", params, indirect=True)


@pytest.hookimpl(tryfirst=True)  # before -m deselects, so that a misspelt name is always seen
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    wrong = []
    for item in items:
        backend = _backend(item)
        for kind in EXCUSES:
            for mark in item.iter_markers(kind):
                complaint = _complaint(mark, backend)
                if complaint:
                    wrong.append(f"{item.nodeid}: {kind}: {complaint}")
                elif {backend, RUNNING if backend == "keras" else None} & set(mark.args[0]):
                    reason = f"{kind}: {mark.kwargs['reason']}"
                    raises = mark.kwargs["raises"]
                    item.add_marker(pytest.mark.xfail(reason=reason, raises=raises, strict=True))
    if wrong:
        raise pytest.UsageError("\n".join(wrong))


def pytest_runtest_setup(item: pytest.Item) -> None:
    # torch comes before tensorflow wherever a process holds both.
    if item.get_closest_marker("cross") and importlib.util.find_spec("torch"):
        importlib.import_module("torch")


def _register_marker(config: pytest.Config, name: str) -> None:
    line = f"{name}: runs on the backend {name}"
    if line not in config.getini("markers"):
        config.addinivalue_line("markers", line)


def _backend(item: pytest.Item) -> str | None:
    """Return the backend that a test runs on, if it says so."""
    callspec = getattr(item, "callspec", None)
    asked = callspec.params.get("backend") if callspec else None
    return asked or ("keras" if item.get_closest_marker("keras") else None)


def _complaint(mark: pytest.Mark, backend: str | None) -> str:
    """Say what is wrong with an excuse, or nothing."""
    if backend is None:
        return "the test does not ask for the backend fixture"
    if len(mark.args) != 1 or not isinstance(mark.args[0], list | tuple):
        return "name the backends in one list"
    unknown = [name for name in mark.args[0] if name not in (*registry.names(), *ENGINES)]
    if unknown or not mark.args[0]:
        return f"{unknown} is not in the registry: {', '.join(registry.names())}"
    if set(mark.kwargs) != {"raises", "reason"} or not mark.kwargs["reason"]:
        return "say raises= and reason="
    return ""
