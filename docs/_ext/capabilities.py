"""The table of what each backend can do: fields of `Capabilities` by adapter."""

from __future__ import annotations

from dataclasses import fields

from models import row
from numpydoc.docscrape import ClassDoc

from unifml.core import registry
from unifml.core.capabilities import Capabilities


def page() -> str:
    names = registry.names()
    table = {name: registry.get_adapter(name).capabilities for name in names}
    meanings = {entry.name: " ".join(entry.desc) for entry in ClassDoc(Capabilities)["Attributes"]}
    lines = [row("", *names, "what it means"), row(*["---"] * (len(names) + 2))]
    for field in fields(Capabilities):
        values = [shown(getattr(table[name], field.name)) for name in names]
        lines.append(row(f"`{field.name}`", *values, meanings[field.name].replace("``", "`")))
    return "\n".join(lines) + "\n"


def shown(value: object) -> str:
    """A value as a reader wants it: yes or no, or a list of words."""
    match value:
        case bool():
            return "yes" if value else "no"
        case frozenset():
            return ", ".join(sorted(value)) or "none"
        case tuple():
            return ", ".join(value) or "none"
    return str(value) or "none"
