"""Who may import what: the table of rooms, and the names that go with a backend."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from laws.source import BACKENDS, PACKAGE, PROJECT, ROOT, Source, imports, package


@dataclass(frozen=True)
class Room:
    """What a room may import: rooms of unifml, third parties anywhere, and inside functions."""

    unifml: tuple[str, ...] = ()
    top: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()


NOUNS = ("errors", "config", "core", "layers", "models", "training")
BELOW_TASKS = (*NOUNS, "data", "columns", "metrics", "estimators")
BELOW_ADAPTERS = ("core", "layers", "models", "training", "errors")
ENGINE = ("adapters/_torch_engine",)

# The standard library, `_version` and a room's own modules are open to everybody. A longer path
# goes before a shorter one. A new room is a new line here.
ROOMS = {
    "__init__": Room(("errors", "config")),  # other public names are loaded when asked for
    "_version": Room(),
    "errors": Room(),
    "config": Room(("errors",)),
    "core": Room(("errors", "config"), ("numpy",), ("pandas", "matplotlib")),  # of History
    "layers": Room(("core", "errors"), ("numpy",)),
    "data": Room(
        ("core", "layers", "errors", "config"), ("numpy", "scipy", "sklearn.utils", "narwhals")
    ),
    "training": Room(
        ("core", "layers", "errors", "config"),
        ("numpy", "scipy", "threadpoolctl"),
        ("rich", "safetensors"),
    ),
    "models": Room(("layers", "core", "errors")),
    "columns": Room(("core", "data", "errors"), ("numpy", "sklearn")),
    "metrics": Room(("core", "errors"), ("numpy", "sklearn")),
    "estimators": Room(
        ("core", "data", "metrics", "models", "training", "config", "errors"),
        ("numpy", "sklearn.base", "sklearn.utils"),
    ),
    "adapters": Room(),
    "adapters/_torch_engine": Room(BELOW_ADAPTERS, ("torch", "numpy"), ("onnx", "onnxruntime")),
    "adapters/sklearn": Room(
        BELOW_ADAPTERS, ("sklearn", "scipy", "numpy"), ("onnx", "skl2onnx", "torch")
    ),
    "adapters/keras": Room(
        BELOW_ADAPTERS + ENGINE,
        ("keras", "tensorflow", "jax", "torch", "numpy"),
        ("onnx", "onnxruntime", "tf2onnx"),
    ),
    "adapters/torch": Room(BELOW_ADAPTERS + ENGINE, ("torch", "numpy"), ("onnx", "onnxscript")),
    "tasks": Room(
        BELOW_TASKS,
        ("numpy", "scipy", "sklearn", "threadpoolctl"),  # the last comes with scikit-learn
        ("optuna", "pandas", "matplotlib", "rich"),
    ),
    "tasks/persist": Room((*BELOW_TASKS, "tasks"), ("numpy", "sklearn"), ("safetensors", "skops")),
    # The demo is written as a user would write it: against the public names.
    "tasks/demo": Room(("", *BELOW_TASKS), ("numpy", "sklearn"), ("pandas", "matplotlib", "rich")),
    "export": Room(
        (*BELOW_TASKS, "runtime"),
        ("numpy", "scipy", "sklearn"),
        ("onnx", "onnxruntime", "onnxscript", "skl2onnx", "tf2onnx", "pandas", "matplotlib"),
    ),
    # scikit-learn only when it asks for tags, so it is there already.
    "runtime": Room(("errors",), ("numpy", "onnxruntime"), ("sklearn",)),
    "serve": Room(("errors", "runtime"), ("numpy", "onnxruntime")),
    "cli": Room(
        ("tasks", "export", "runtime", "serve", "core/registry", "config", "errors"), (), ("rich",)
    ),
    "testing": Room(BELOW_TASKS, ("numpy", "sklearn")),
}


def inside(path: str, rooms: tuple[str, ...]) -> bool:
    """Whether ``path`` is one of ``rooms`` or below one; works for dotted names too."""
    return any(path == room or path.startswith((f"{room}/", f"{room}.")) for room in rooms)


def row(path: str) -> str | None:
    """The line of the table that rules a module: the longest that holds it."""
    return max((room for room in ROOMS if inside(path, (room,))), key=len, default=None)


def violations(sources: list[Source]) -> Iterator[str]:
    for source in sources:
        name = row(source.room)
        if name is None:
            yield f"{source.path}: no line in the table of rooms"
            continue
        for found in imports(source):
            top, _, below = found.module.partition(".")
            if top == "unifml":
                ok = _own_import_allowed(name, below.replace(".", "/"))
            else:
                third = ROOMS[name].top + (ROOMS[name].inside if found.nested else ())
                ok = top in sys.stdlib_module_names or inside(found.module, third)
            if not ok:
                where = "inside a function" if found.nested else "at module top"
                yield f"{source.path}:{found.line}: {name} may not import {found.module} {where}"


def _own_import_allowed(name: str, target: str) -> bool:
    """Whether a room may import ``target``; "" in a room's line means the public names."""
    allowed = ("_version", name, *ROOMS[name].unifml)
    return inside(target, allowed) or ("" in allowed and row(target) is None)


def test_every_room_imports_only_what_the_table_allows():
    assert list(violations(package())) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("unifml/core/x.py", "import unifml.data"),
        ("unifml/core/x.py", "from unifml import data"),
        ("unifml/core/x.py", "from ..data import gate"),
        ("unifml/core/x.py", "from .. import data"),
        ("unifml/core/x.py", "def f():\n    from unifml.tasks import tune"),
        ("unifml/core/x.py", "def f():\n    import optuna"),
        ("unifml/core/x.py", "import unifml"),
        ("unifml/core/x.py", "from unifml import Classifier"),
        ("unifml/core/__init__.py", "from ..data import gate"),
        ("unifml/errors.py", "import numpy"),
        ("unifml/models/x.py", "import numpy as np"),
        ("unifml/data/x.py", "from sklearn.base import clone"),
        ("unifml/tasks/x.py", "import optuna"),
        ("unifml/tasks/x.py", "try:\n    import optuna\nexcept ImportError:\n    optuna = None"),
        ("unifml/tasks/x.py", "class A:\n    import optuna"),
        ("unifml/tasks/x.py", "from unifml.adapters.torch import adapter"),
        ("unifml/tasks/x.py", "import importlib\nimportlib.import_module('unifml.adapters.torch')"),
        ("unifml/adapters/torch/x.py", "from unifml.data import gate"),
        ("unifml/adapters/torch/x.py", "from unifml.adapters.sklearn import adapter"),
        ("unifml/adapters/sklearn/x.py", "from unifml.adapters import _torch_engine"),
        ("unifml/runtime/x.py", "from unifml.core import table"),
        ("unifml/runtime/x.py", "import onnx"),
        ("unifml/cli.py", "from unifml.core import signature"),
        ("unifml/attic/x.py", ""),
    ],
)
def test_a_forbidden_import_is_found(path, text):
    assert list(violations([Source(path, text)]))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("unifml/core/x.py", "import os.path\nfrom unifml.core import y\nfrom . import z"),
        ("unifml/core/x.py", "if TYPE_CHECKING:\n    from unifml.data import gate"),
        ("unifml/tasks/x.py", "def f():\n    import optuna.study"),
        ("unifml/tasks/demo.py", "import unifml\nfrom unifml import Classifier, evaluate"),
        ("unifml/data/x.py", "from sklearn.utils.validation import check_array"),
        ("unifml/adapters/torch/x.py", "from unifml.adapters._torch_engine import flat"),
        ("unifml/cli.py", "from unifml.core import registry\nimport unifml.core.registry"),
        ("unifml/cli.py", "from unifml._version import __version__"),
    ],
)
def test_an_allowed_import_is_not_complained_of(path, text):
    assert list(violations([Source(path, text)])) == []


def test_a_backend_has_one_name_as_entry_point_folder_and_extra():
    folders = {f.name for f in (PACKAGE / "adapters").iterdir() if f.name.isidentifier()}
    assert set(BACKENDS) == {name for name in folders if not name.startswith("_")}
    assert set(BACKENDS) <= set(PROJECT["optional-dependencies"])
    named = {name: f"unifml.adapters.{name}:adapter" for name in BACKENDS}
    assert PROJECT["entry-points"]["unifml.adapters"] == named


def test_tests_load_frameworks_only_when_they_run():
    """Every process collects all test modules, and must hold none but its own framework."""
    heavy = {"torch", "tensorflow", "keras", "jax"}
    early = [
        f"{path.relative_to(ROOT)}:{found.line}: {found.module}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for found in imports(Source(path.relative_to(ROOT).as_posix(), path.read_text("utf-8")))
        if not found.nested and found.module.split(".")[0] in heavy
    ]
    assert early == []
