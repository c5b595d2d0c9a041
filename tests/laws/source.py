"""Reading the source: every file of the package, and what each of them imports."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src"
PACKAGE = SRC / "unifml"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
BACKENDS = tuple(PROJECT["entry-points"]["unifml.adapters"])


@dataclass(frozen=True)
class Source:
    """A module of the package: its path from ``src``, its text, its tree."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, filename=self.path)

    @property
    def room(self) -> str:
        """Path below ``unifml`` without suffix, such as ``adapters/torch/program``."""
        below = self.path.removeprefix("unifml/").removesuffix(".py")
        return below.removesuffix("/__init__")

    @property
    def in_adapter(self) -> bool:
        return self.room.startswith("adapters/")


@dataclass(frozen=True)
class Import:
    """One imported module. ``nested`` means inside a function, so not at import time."""

    module: str
    line: int
    nested: bool


def package() -> list[Source]:
    """Every module of unifml."""
    files = sorted(PACKAGE.rglob("*.py"))
    assert files, f"no source below {PACKAGE}"
    return [Source(f.relative_to(SRC).as_posix(), f.read_text("utf-8")) for f in files]


def imports(source: Source) -> Iterator[Import]:
    """What a module imports, by statement or by ``import_module`` of a literal.

    What stands under ``if TYPE_CHECKING`` is left out: it never runs. ``from a import b`` counts
    as ``a.b`` inside unifml, where b may be a module, and as ``a`` elsewhere.
    """
    yield from _imports(source, source.tree, nested=False)


def _imports(source: Source, node: ast.AST, nested: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        for module in _modules(source, child):
            yield Import(module, child.lineno, nested)
        match child:
            case ast.If(test=ast.Name("TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                yield from _imports(source, ast.Module(child.orelse, []), nested)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                yield from _imports(source, child, nested=True)
            case _:
                yield from _imports(source, child, nested)


def _modules(source: Source, node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import():
            yield from (alias.name for alias in node.names)
        case ast.ImportFrom():
            base = _base(source, node)
            inside = base.split(".")[0] == "unifml"
            yield from (f"{base}.{a.name}" for a in node.names) if inside else (base,)
        case ast.Call(args=[ast.Constant(value=str(name)), *_]) if called(node) in {
            "import_module",
            "__import__",
        }:
            yield name


def _base(source: Source, node: ast.ImportFrom) -> str:
    """The absolute name of what ``from ... import`` imports from."""
    if not node.level:
        return node.module or ""
    here = source.path.removesuffix(".py").split("/")
    above = here[: len(here) - node.level]
    return ".".join([*above, node.module] if node.module else above)


def called(call: ast.Call) -> str:
    """The last part of a called name: ``setdefault`` of ``os.environ.setdefault(...)``."""
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""
