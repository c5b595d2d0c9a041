"""The project's tasks: ``nox`` runs the tests and the lint, ``nox -s NAME`` one of them.

Every session installs with pip into an environment of its own and takes the tested versions
from ``constraints.txt``. uv is not used: it does not see a torch wheel that pip finds locally.
"""

from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["tests", "lint"]

ROOT = Path(__file__).parent
CONSTRAINTS = ROOT / "constraints.txt"
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")["project"]
BACKENDS = tuple(PROJECT["entry-points"]["unifml.adapters"])

# One pytest process each: a process that holds one framework cannot lean on another.
GROUPS = {name: f"{name} and not cross and not gpu" for name in BACKENDS} | {
    "cross": "cross and not gpu",
    "shared": " and not ".join(["not cross and not gpu", *BACKENDS]),
}
# Keras on another backend of its own, which a process takes from its environment. JAX compiles
# each small test for itself, so that its whole suite takes half an hour: it runs when asked for.
ENGINES = {f"keras-{engine}": {"KERAS_BACKEND": engine} for engine in ("jax", "torch")}
ENGINES["keras-jax-all"] = ENGINES["keras-jax"]
CORE = ("tests/keras", "tests/layers", "tests/conformance")  # what an engine computes
PATHS = {"keras-jax": (*CORE, "-k", "not drawn")}  # JAX would compile every network that is drawn
GROUPS |= dict.fromkeys(("keras-torch", "keras-jax"), GROUPS["keras"])
ON_REQUEST = {"gpu": "gpu", "keras-jax-all": GROUPS["keras"]}


def install(session: nox.Session, extras: str, *others: str) -> None:
    """Install unifml with ``extras``, and ``others``, at the tested versions."""
    session.env["PIP_CONSTRAINT"] = CONSTRAINTS.as_uri()  # reaches the build environment too
    session.install("-c", str(CONSTRAINTS), f".[{extras}]", *others)


def run_all(
    session: nox.Session,
    commands: dict[str, tuple[str, ...]],
    environments: dict[str, dict[str, str]] | None = None,
) -> None:
    """Run every command, also after one that failed, and fail if any did."""
    failed = []
    for name, command in commands.items():
        try:
            session.run(*command, env=(environments or {}).get(name))
        except nox.command.CommandFailed:
            failed.append(name)
    if failed:
        session.error(f"failed: {', '.join(failed)}")


@nox.session(venv_backend="virtualenv")
def tests(session: nox.Session) -> None:
    """Run the tests, a process a backend; ``nox -s tests -- torch -k mlp`` narrows both."""
    install(session, "all,test")
    session.env["UNIFML_PARITY"] = str(ROOT / "docs/_generated/parity.json")  # a page shows it
    known = GROUPS | ON_REQUEST
    chosen = [arg for arg in session.posargs if arg in known] or list(GROUPS)
    rest = [arg for arg in session.posargs if arg not in known]
    for group in sorted(ON_REQUEST.keys() - set(chosen)):
        session.log(f"not run unless asked for: nox -s tests -- {group}")
    pytest = ("python", "-m", "pytest", *rest)
    run_all(
        session,
        {
            f"tests of {group}": (*pytest, "-m", known[group], *PATHS.get(group, ()))
            for group in chosen
        },
        {f"tests of {group}": environment for group, environment in ENGINES.items()},
    )


@nox.session(venv_backend="virtualenv")
def lint(session: nox.Session) -> None:
    """Check style, format and types."""
    install(session, "lint")
    checks = ("ruff check .", "ruff format --check .", "mypy")
    run_all(session, {check: tuple(check.split()) for check in checks})


@nox.session(venv_backend="virtualenv")
def docs(session: nox.Session) -> None:
    """Build the documentation, examples included; a warning is an error."""
    install(session, "all,docs")
    session.run(
        *("python", "-m", "sphinx", "-b", "html", "-W", "--keep-going"),
        *("docs", "docs/_build/html", *session.posargs),
    )


@nox.session(venv_backend="virtualenv")
def bench(session: nox.Session) -> None:
    """Run the benchmarks, or those named: ``nox -s bench -- import_time``."""
    install(session, "all")
    scripts = sorted((ROOT / "benchmarks").glob("[!_]*.py"))
    chosen = [script for script in scripts if not session.posargs or script.stem in session.posargs]
    if not chosen:
        session.error(f"no such benchmark; there are {', '.join(s.stem for s in scripts)}")
    for script in chosen:
        session.run("python", str(script))
