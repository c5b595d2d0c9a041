"""`unifml doctor`: what is installed, what works, and what to do about the rest."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec

from unifml._version import __version__
from unifml.core import registry
from unifml.tasks.installed import CORE, extras, pip_line
from unifml.tasks.table import list_table

_SECONDS = 180  # a framework that takes longer to load does not load
_LOAD = "from unifml.core.registry import get_adapter as get\n"


@dataclass(frozen=True)
class Conflict:
    """Packages that are known to disturb each other.

    Attributes
    ----------
    packages : tuple of str
        Modules that must all be there for it to matter.
    advice : str
        What to do.
    """

    packages: tuple[str, ...]
    advice: str


CONFLICTS = (
    Conflict(
        ("torch", "tensorflow"),
        "in one process torch must be imported before tensorflow, else it can crash; unifml does "
        "so, in code of your own import torch first",
    ),
)


@dataclass
class Checkup:
    """What the doctor found.

    Attributes
    ----------
    lines : list of str
        The report.
    problems : list of str
        What is wrong, each with what to do; what is merely not installed is none.
    """

    lines: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        found = [f"  ! {problem}" for problem in self.problems]
        end = ["", "Problems", *found] if found else ["", "No problems."]
        return "\n".join([*self.lines, *end])


def checkup() -> Checkup:
    """Look at this machine. Each backend is loaded in a process of its own, then all in one."""
    report = Checkup([f"unifml {__version__}, python {sys.version.split()[0]}, {sys.executable}"])
    _packages(report)
    able = _backends(report)
    _together(report, able)
    _conflicts(report)
    _settings(report)
    return report


def _packages(report: Checkup) -> None:
    rows = []
    for name, needs in extras().items():
        if name == "all":
            continue
        shown = ", ".join(f"{n.package} {n.found or 'missing'}" for n in needs)
        missing = [need for need in needs if need.state == "missing"]
        rows.append([name or "core", shown, pip_line(name) if missing and name != CORE else "ok"])
        report.problems.extend(
            f"{n.package} {n.found} is too old, {n.least} is needed: {pip_line(name or 'all')}"
            for n in needs
            if n.state == "too old"
        )
    report.lines += ["", list_table(["extra", "packages", ""], rows)]


def _backends(report: Checkup) -> list[str]:
    """Report each backend with its devices; return those that work."""
    rows, able = [], []
    for adapter in registry.adapters():
        if registry.missing_packages(adapter):
            rows.append([adapter.name, f"not installed: {pip_line(adapter.capabilities.extra)}"])
            continue
        devices, error = _probe([adapter.name])
        if error:
            report.problems.append(f"backend {adapter.name} does not load: {error}")
        else:
            able.append(adapter.name)
        rows.append([adapter.name, devices or "does not load"])
    report.lines += ["", list_table(["backend", "devices, best first"], rows)]
    return able


def _together(report: Checkup, names: Sequence[str]) -> None:
    if len(names) < 2:
        return
    _, error = _probe(names)
    state = "do not load in one process" if error else "load in one process"
    report.lines += ["", f"{', '.join(names)} {state}"]
    if error:
        report.problems.append(f"backends together: {error}; use one backend a process")


def _conflicts(report: Checkup) -> None:
    there = [c for c in CONFLICTS if all(find_spec(name) for name in c.packages)]
    if there:
        rows = [[" + ".join(c.packages), c.advice] for c in there]
        report.lines += ["", list_table(["known conflict", ""], rows)]


def _settings(report: Checkup) -> None:
    """Report the environment variables that change what unifml does."""
    shown = [f"{k}={v}" for k, v in sorted(os.environ.items()) if k.startswith("UNIFML_")]
    keras = os.environ.get("KERAS_BACKEND")
    shown += [f"KERAS_BACKEND={keras}"] if keras else []
    report.lines += ["", f"environment: {', '.join(shown) or 'nothing set'}"]


def _probe(names: Sequence[str]) -> tuple[str, str]:
    """Load backends in a fresh process; return the devices of the last, and the error if any."""
    code = _LOAD + "\n".join(f"found = get({name!r}).devices()" for name in names)
    command = [sys.executable, "-c", f"{code}\nprint('devices:', ', '.join(found))"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return "", f"nothing after {_SECONDS} seconds"
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        return "", last[0]
    lines = [line for line in done.stdout.splitlines() if line.startswith("devices:")]
    return lines[-1].removeprefix("devices: "), ""
