"""What no line of the source may do."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

import pytest

from laws.source import BACKENDS, Source, called, imports, package

MAX_LINES = 400
FRAMEWORKS = ("torch", "keras", "tensorflow", "jax")

Finding = tuple[int, str]
Rule = Callable[[Source], Iterator[Finding]]


def _strings(node: ast.AST) -> set[str]:
    """The string literals below a node."""
    constants = (n.value for n in ast.walk(node) if isinstance(n, ast.Constant))
    return {value for value in constants if isinstance(value, str)}


def no_backend_by_name(source: Source) -> Iterator[Finding]:
    """Outside adapters/ nobody asks which backend it is: Capabilities say what it can do."""
    if source.in_adapter:
        return
    for node in ast.walk(source.tree):
        match node:
            case ast.Compare() | ast.MatchValue():
                found = _strings(node)
            case ast.Call() if called(node) in {"startswith", "endswith"}:
                found = _strings(node)
            case ast.Subscript(value=ast.Dict() as table):
                found = {s for key in table.keys if key for s in _strings(key)}
            case _:
                continue
        if found & set(BACKENDS):
            yield node.lineno, "asks for a backend by its name"


def no_framework_outside_adapters(source: Source) -> Iterator[Finding]:
    """Native objects are recognised through sys.modules; only adapters import a framework."""
    for found in imports(source):
        if not source.in_adapter and found.module.split(".")[0] in FRAMEWORKS:
            yield found.line, f"imports {found.module}"


def keras_backend_is_only_read(source: Source) -> Iterator[Finding]:
    """The choice of Keras's backend is the user's: the variable is read, never written."""
    reads = set()
    for node in ast.walk(source.tree):
        match node:
            case ast.Call(args=[ast.Constant() as name, *_]) if called(node) in {"get", "getenv"}:
                reads.add(name)
            case ast.Subscript(slice=ast.Constant() as name, ctx=ast.Load()):
                reads.add(name)
            case ast.Compare(left=ast.Constant() as name, ops=[ast.In() | ast.NotIn()]):
                reads.add(name)
    for node in ast.walk(source.tree):
        match node:
            case ast.Constant(value="KERAS_BACKEND") if node not in reads:
                yield node.lineno, "may write KERAS_BACKEND"
            case ast.keyword(arg="KERAS_BACKEND"):
                yield node.value.lineno, "may write KERAS_BACKEND"


def nothing_is_swallowed(source: Source) -> Iterator[Finding]:
    """No handler catches everything; none passes over what it caught.

    Around an exporter (``export/``, and modules of adapters with ``onnx`` in their name) the rule
    is stricter: every handler raises, so that a failed exporter is never replaced in silence. The
    proof exports nothing: it asks models for rows that they may refuse, and writes down that they
    did.
    """
    exports = source.room.startswith("export") and not source.room.startswith("export/proof")
    exporter = exports or (source.in_adapter and "onnx" in source.room)
    for node in ast.walk(source.tree):
        match node:
            case ast.ExceptHandler(type=None):
                yield node.lineno, "bare except"
            case ast.ExceptHandler() if all(_does_nothing(line) for line in node.body):
                yield node.lineno, "passes over an exception"
            case ast.ExceptHandler() if exporter and not _raises(node):
                yield node.lineno, "an exporter's error ends here"
            case ast.Call() if called(node) == "suppress" and (exporter or _catches_all(node)):
                yield node.lineno, "suppresses exceptions"


def _does_nothing(line: ast.stmt) -> bool:
    empty = isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)
    return empty or isinstance(line, ast.Pass | ast.Continue)


def _raises(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.Raise) for node in ast.walk(handler))


def _catches_all(call: ast.Call) -> bool:
    names = {node.id for arg in call.args for node in ast.walk(arg) if isinstance(node, ast.Name)}
    return bool(names & {"Exception", "BaseException"})


def files_stay_small(source: Source) -> Iterator[Finding]:
    """A file that outgrows its limit is two files."""
    lines = source.text.count("\n")
    if lines > MAX_LINES:
        yield lines, f"has {lines} lines; at most {MAX_LINES}"


RULES: dict[Rule, list[tuple[str, str]]] = {
    no_backend_by_name: [
        ("unifml/tasks/x.py", "if backend == 'torch': pass"),
        ("unifml/tasks/x.py", "x = 1 if 'keras' != est.backend else 2"),
        ("unifml/tasks/x.py", "ok = backend in ('torch', 'keras')"),
        ("unifml/tasks/x.py", "ok = 'torch' in sys.modules"),
        ("unifml/tasks/x.py", "match backend:\n    case 'sklearn' | 'other':\n        pass"),
        ("unifml/tasks/x.py", "ok = backend.startswith('torch')"),
        ("unifml/tasks/x.py", "run = {'torch': 1, 'keras': 2}[backend]"),
    ],
    no_framework_outside_adapters: [
        ("unifml/core/x.py", "import torch.nn"),
        ("unifml/core/x.py", "def f():\n    from keras import layers"),
        ("unifml/core/x.py", "def f():\n    return __import__('tensorflow')"),
        ("unifml/core/x.py", "def f():\n    return importlib.import_module('jax.numpy')"),
    ],
    keras_backend_is_only_read: [
        ("unifml/adapters/keras/x.py", "os.environ['KERAS_BACKEND'] = 'jax'"),
        ("unifml/adapters/keras/x.py", "os.environ.setdefault('KERAS_BACKEND', 'jax')"),
        ("unifml/adapters/keras/x.py", "os.putenv('KERAS_BACKEND', 'jax')"),
        ("unifml/adapters/keras/x.py", "os.environ.update(KERAS_BACKEND='jax')"),
        ("unifml/adapters/keras/x.py", "os.environ |= {'KERAS_BACKEND': 'jax'}"),
        ("unifml/adapters/keras/x.py", "NAME = 'KERAS_BACKEND'\nos.environ[NAME] = 'jax'"),
    ],
    nothing_is_swallowed: [
        ("unifml/tasks/x.py", "try:\n    f()\nexcept:\n    g()"),
        ("unifml/tasks/x.py", "try:\n    f()\nexcept Exception:\n    pass"),
        ("unifml/tasks/x.py", "for _ in x:\n    try:\n        f()\n    except OSError: continue"),
        ("unifml/tasks/x.py", "try:\n    f()\nexcept ValueError:\n    'never mind'"),
        ("unifml/tasks/x.py", "with contextlib.suppress(Exception):\n    f()"),
        ("unifml/export/x.py", "with suppress(ValueError):\n    f()"),
        ("unifml/export/x.py", "try:\n    f()\nexcept ValueError:\n    g()"),
        ("unifml/adapters/keras/onnx.py", "try:\n    f()\nexcept RuntimeError as e:\n    log(e)"),
    ],
    files_stay_small: [("unifml/tasks/x.py", "x = 1\n" * (MAX_LINES + 1))],
}

LAWFUL = [
    ("unifml/adapters/torch/x.py", "import torch\nok = name == 'torch'"),
    ("unifml/models/x.py", "BACKENDS = ('sklearn', 'torch')\nHINTS = {'pytorch': 'torch'}"),
    ("unifml/core/x.py", "if TYPE_CHECKING:\n    import torch"),
    ("unifml/core/x.py", "torch = sys.modules.get('torch')"),
    ("unifml/adapters/keras/x.py", "a = environ.get('KERAS_BACKEND')\nb = 'KERAS_BACKEND is set'"),
    ("unifml/adapters/keras/x.py", "a = environ['KERAS_BACKEND']\nb = 'KERAS_BACKEND' in environ"),
    ("unifml/tasks/x.py", "try:\n    f()\nexcept ValueError:\n    x = None"),
    ("unifml/export/x.py", "try:\n    f()\nexcept ValueError as e:\n    raise E() from e"),
    ("unifml/core/x.py", "x = 1\n" * MAX_LINES),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_law(rule):
    broken = [
        f"{source.path}:{line}: {found}" for source in package() for line, found in rule(source)
    ]
    assert broken == []


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [(rule, *case) for rule, cases in RULES.items() for case in cases],
)
def test_a_breach_is_found(rule, path, text):
    assert list(rule(Source(path, text)))


@pytest.mark.parametrize(("path", "text"), LAWFUL)
def test_lawful_source_is_not_complained_of(path, text):
    assert [found for rule in RULES for found in rule(Source(path, text))] == []
