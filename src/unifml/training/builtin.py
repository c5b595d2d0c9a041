"""What the callbacks that come with unifml share."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from unifml.core.spec import default_of, same
from unifml.training.callbacks import Callback


class BuiltIn(Callback):
    """A callback whose parameters are the fields of a dataclass: equal ones compare as equal.

    What it finds out during a fit are plain attributes, made when the fit begins.
    """

    kind: ClassVar[str]

    def __repr__(self) -> str:
        fields = dataclasses.fields(self)  # type: ignore[arg-type]  # each subclass is a dataclass
        shown = [
            f"{field.name}={getattr(self, field.name)!r}"
            for field in fields
            if not same(getattr(self, field.name), default_of(field))
        ]
        return f"{type(self).__name__}({', '.join(shown)})"
