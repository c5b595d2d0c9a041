"""What unifml's own metadata ask for, and what is installed of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version

CORE = ""
_REQUIREMENT = re.compile(r"([\w.-]+)[^;>]*(?:>=\s*([\w.]+))?[^;]*(?:;(.*))?")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([\w-]+)['\"]")


@dataclass(frozen=True)
class Need:
    """One package that an extra asks for.

    Attributes
    ----------
    package : str
        Name of the distribution.
    least : str
        Lowest version that will do; "" for any.
    found : str
        Version installed; "" if it is not.
    """

    package: str
    least: str
    found: str

    @property
    def state(self) -> str:
        """``ok``, ``missing`` or ``too old``."""
        if not self.found:
            return "missing"
        return "ok" if _numbers(self.found) >= _numbers(self.least) else "too old"


def extras() -> dict[str, list[Need]]:
    """Return the needs of the core (named "") and of each extra for users.

    Extras for users are those that the extra ``all`` holds whole.
    """
    asked: dict[str, list[Need]] = {CORE: []}
    for line in requires("unifml") or []:
        match = _REQUIREMENT.match(line)
        if match is not None:
            name, least, marker = match.groups()
            extra = _EXTRA.search(marker or "")
            key = extra.group(1) if extra else CORE
            asked.setdefault(key, []).append(Need(name, least or "", _installed(name)))
    everything = {need.package for need in asked.get("all", [])}
    return {
        name: needs
        for name, needs in asked.items()
        if name == CORE or {need.package for need in needs} <= everything
    }


def pip_line(extra: str) -> str:
    """Return the command that installs an extra."""
    return f'python -m pip install "unifml[{extra}]"'


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _numbers(text: str) -> tuple[int, ...]:
    """Return the leading numbers of a version, as they are compared."""
    return tuple(int(part) for part in re.findall(r"\d+", text.partition("+")[0])[:3])
