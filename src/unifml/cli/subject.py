"""What a command works with: a model's name, or a file that holds a fitted one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

from unifml.cli.codes import remark
from unifml.cli.rows import Table
from unifml.core import registry


def add_task(command: Any) -> None:
    """Add the argument that says what learning the target is."""
    command.add_argument(
        "--task",
        choices=("classification", "regression"),
        help="what the target is: classes or numbers (told from its values)",
    )


def add_trust(command: Any) -> None:
    """Add the argument that files of models may need."""
    command.add_argument(
        "--trust", action="append", default=[], metavar="TYPE", help="type that MODEL.unifml holds"
    )


def is_file(text: str) -> bool:
    """Say whether a model is given as a file."""
    return text.endswith((".unifml", ".onnx")) or (
        text not in registry.models() and os.path.isfile(text)
    )


def named(text: str, backend: str | None) -> tuple[str, str | None]:
    """Return the name and the backend of ``mlp`` or ``mlp/torch``, both known.

    Raises
    ------
    UnknownNameError
        For a model or a backend that nobody has registered, with the nearest one.
    MissingDependencyError
        If the backend is not installed.
    """
    name, _, place = text.partition("/")
    backend = place or backend
    registry.get_model(name)
    if backend is not None:
        registry.require(registry.get_adapter(backend))
    return name, backend


def opened(path: str, trusted: list[str]) -> Any:
    """Return the fitted model that a file holds."""
    if path.endswith(".onnx"):
        from unifml.runtime import load_onnx

        return load_onnx(path)
    from unifml.tasks import load

    return load(path, trusted=trusted)


def rows_for(model: Any, table: Table, path: str) -> Any:
    """Return the rows as a model of a file takes them: its own columns, by their names."""
    from unifml.export.rows import rows_for as taken
    from unifml.tasks.wrap import is_fitted

    if not is_fitted(model):
        return table.X
    X, left = taken(model, table.X, path)
    if left:
        remark(f"not taken by the model, left out: {', '.join(left)}")
    return X


@contextmanager
def output_for_results() -> Iterator[None]:
    """Send what verbs print while they work to standard error: results alone go to the output."""
    with redirect_stdout(sys.stderr):
        yield
