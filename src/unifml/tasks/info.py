"""What there is: backends, models, versions."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from typing import Any

from unifml._version import __version__
from unifml.core import registry
from unifml.models.capable import capable_backends, example_signature, example_task
from unifml.tasks.installed import extras
from unifml.tasks.table import html_table, list_table


class Listing(tuple[str, ...]):
    """Names, with a table of what they are.

    It is a tuple of the names: ``"mlp" in unifml.list_models()``.

    Attributes
    ----------
    header : list of str
        Titles of the columns.
    rows : list of list of str
        One line per name.
    """

    header: list[str]
    rows: list[list[str]]

    @classmethod
    def of(cls, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Listing:
        """Make a listing whose first column holds the names."""
        listing = cls(row[0] for row in rows)
        listing.header, listing.rows = list(header), [list(row) for row in rows]
        return listing

    def __repr__(self) -> str:
        return list_table(self.header, self.rows)

    def _repr_html_(self) -> str:
        return html_table("", self.header, self.rows)

    def to_frame(self) -> Any:
        """Return a pandas DataFrame."""
        import pandas as pd

        return pd.DataFrame(self.rows, columns=self.header)


def list_backends() -> Listing:
    """Return the backends: those of missing frameworks included, with the line that installs them.

    Returns
    -------
    Listing
        A tuple of names that shows itself as a table.

    Examples
    --------
    >>> import unifml
    >>> "torch" in unifml.list_backends()
    True
    """
    rows = []
    for adapter in registry.adapters():
        missing = registry.missing_packages(adapter)
        extra = adapter.capabilities.extra
        state = f'pip install "unifml[{extra}]"' if missing else "installed"
        versions = ", ".join(f"{p} {installed_version(p)}" for p in adapter.capabilities.packages)
        rows.append([adapter.name, state, versions, adapter.capabilities.natives])
    return Listing.of(["backend", "state", "packages", "native models"], rows)


def list_models() -> Listing:
    """Return the models, what they learn and where they run.

    Returns
    -------
    Listing
        A tuple of names that shows itself as a table.

    Examples
    --------
    >>> import unifml
    >>> "mlp" in unifml.list_models()
    True
    """
    rows = []
    for name in registry.models():
        model = registry.get_model(name)
        about = (model.__doc__ or "").strip().partition("\n")[0]
        rows.append([name, ", ".join(model.tasks), ", ".join(_homes(model())), about])
    return Listing.of(["model", "tasks", "backends", "what it is"], rows)


def show_versions() -> None:
    """Print versions of unifml, Python and everything unifml may use, for a report of a bug.

    Examples
    --------
    >>> import unifml
    >>> unifml.show_versions()  # doctest: +SKIP
    """
    rows = [["unifml", __version__], ["python", sys.version.split()[0]]]
    rows += [["platform", platform.platform()], ["cores", str(os.cpu_count())]]
    names = dict.fromkeys(need.package for needs in extras().values() for need in needs)
    rows += [[name, installed_version(name)] for name in names]
    print(list_table(["", "version"], rows))


def _homes(model: Any) -> tuple[str, ...]:
    return capable_backends(model, example_task(model), example_signature(model))


def installed_version(package: str) -> str:
    """Return the version of a module's or a distribution's install, without importing it."""
    names = _distributions().get(package, [package])
    try:
        return version(names[0])
    except PackageNotFoundError:
        return "missing"


@cache
def _distributions() -> Mapping[str, list[str]]:
    """Return the distributions that each module comes from."""
    return packages_distributions()
