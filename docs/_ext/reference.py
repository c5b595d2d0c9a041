"""The names for users, module by module, for autosummary to write a page each.

Of a module below the first, these are the names with an example, and the errors: the rest of a
room's ``__all__`` is for other rooms.
"""

from __future__ import annotations

import importlib
import inspect

MODULES = {
    "unifml": "The public names",
    "unifml.models": "Models",
    "unifml.training": "Training",
    "unifml.layers": "Layers",
    "unifml.testing": "For authors of adapters",
    "unifml.errors": "Errors",
}


def page() -> str:
    lines = ["API", "===", ""]
    listed: set[int] = set()
    for name, title in MODULES.items():
        module = importlib.import_module(name)
        public = {n: getattr(module, n) for n in module.__all__}
        shown = [n for n, obj in public.items() if for_users(obj) and id(obj) not in listed]
        listed |= {id(obj) for obj in public.values()}
        lines += [title, "-" * len(title), "", f".. currentmodule:: {name}", ""]
        lines += [".. autosummary::", "   :toctree: .", "", *(f"   {n}" for n in shown), ""]
    return "\n".join(lines)


def for_users(obj: object) -> bool:
    if inspect.isclass(obj) and issubclass(obj, Exception):
        return True
    documented = inspect.isclass(obj) or inspect.isroutine(obj)
    return documented and "\nExamples\n---" in (inspect.getdoc(obj) or "")
