"""The models of the registry: what they learn, their parameters, and what is tuned."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from unifml.core import registry
from unifml.core.space import Categorical, Space
from unifml.models.capable import capable_backends, example_signature, example_task


def page() -> str:
    return "\n".join(line for name in registry.models() for line in section(name))


def section(name: str) -> Iterator[str]:
    cls = registry.get_model(name)
    model = cls()
    params, space = model.get_params(deep=False), model.space()
    yield f"## `{name}`\n"
    yield f"{inspect.getdoc(cls).partition(chr(10))[0]}\n"
    backends = capable_backends(model, example_task(model), example_signature(model))
    yield (
        f"{{py:class}}`unifml.models.{cls.__name__}` is for {' and '.join(model.tasks)}. Backends: "
        f"{', '.join(backends)}; `{model.default_backend}` where you name none.\n"
    )
    yield "| parameter | default | searched by `tune` |\n| --- | --- | --- |"
    for key in params:
        yield row(f"`{key}`", f"`{params[key]!r}`", searched(space, key))
    fields = sorted(model.uses)
    for key in fields:
        if key in space:
            yield row(f"`training__{key}`", "", searched(space, key))
    yield f"\nFields of `Training` that it uses: {', '.join(f'`{f}`' for f in fields) or 'none'}.\n"


def searched(space: Space, name: str) -> str:
    """A dimension as a reader wants it: choices, or bounds and scale."""
    match space.get(name):
        case None:
            return ""
        case Categorical(choices):
            return ", ".join(f"`{choice!r}`" for choice in choices)
        case dimension:
            scale = ", on a logarithmic scale" if dimension.log else ""
            return f"`{dimension.low:g}` to `{dimension.high:g}`{scale}"


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
