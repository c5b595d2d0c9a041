"""The closed vocabulary of a file: a key names a class, and nothing is imported by a string."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from unifml.core.fitted import Scaling
from unifml.core.history import History
from unifml.core.registry import get_model, models
from unifml.core.seeds import Seeds
from unifml.core.signature import Feed, Signature
from unifml.core.task import Task
from unifml.data import LabelCodes
from unifml.data.augment import AUGMENTATIONS
from unifml.errors import DataTypeError, UntrustedTypeError
from unifml.estimators import Classifier, Regressor, Transformer
from unifml.layers import VOCABULARY
from unifml.models import Model
from unifml.training import CALLBACKS, LOSS_CLASSES, OPTIMIZERS, EarlyStopping, Settings, Training
from unifml.training.schedules import SCHEDULES

ESTIMATORS: dict[str, type[Any]] = {
    cls.__name__: cls for cls in (Classifier, Regressor, Transformer)
}
"""Estimators that a file can hold, by key: the one place to add a new class to."""

_DATA = (Feed, History, LabelCodes, Scaling, Seeds, Settings, Signature, Task)


@cache
def vocabulary() -> dict[str, type[Any]]:
    """Return all dataclasses that a file can hold, by key."""
    found: dict[str, type[Any]] = {f"data/{cls.__name__}": cls for cls in _DATA}
    found |= {f"{cls.kind}/{cls.kind}": cls for cls in (Training, EarlyStopping)}
    found |= {f"optimizer/{kind}": cls for kind, cls in OPTIMIZERS.items()}
    found |= {f"schedule/{kind}": cls for kind, cls in SCHEDULES.items()}
    found |= {f"loss/{kind}": cls for kind, cls in LOSS_CLASSES.items()}
    found |= {f"augment/{kind}": cls for kind, cls in AUGMENTATIONS.items()}
    found |= {f"callback/{kind}": cls for kind, cls in CALLBACKS.items()}
    found |= {f"layer/{kind}": cls for kind, cls in VOCABULARY.items()}
    return found | {f"model/{name}": get_model(name) for name in models()}


@cache
def keys() -> dict[type[Any], str]:
    """Return the key of each class of the vocabulary."""
    return {cls: key for key, cls in vocabulary().items()}


def full_name(cls: Any) -> str:
    """Return the name under which a class of the user's stands in a file."""
    return f"{cls.__module__}.{cls.__qualname__}"


@dataclass(frozen=True)
class Trust:
    """What the caller of `unifml.load` vouches for.

    Attributes
    ----------
    names : frozenset of str
        Types that scikit-learn parts may hold, by full name.
    classes : mapping of str to type
        Classes of the user's, by full name.
    """

    names: frozenset[str] = frozenset()
    classes: Mapping[str, type[Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, trusted: Iterable[str | type[Any]]) -> Trust:
        """Read the argument ``trusted``.

        Raises
        ------
        DataTypeError
            For what is neither a name nor a class.
        """
        given = (trusted,) if isinstance(trusted, str | type) else tuple(trusted)
        for item in given:
            if not isinstance(item, str | type):
                raise DataTypeError(f"trusted={item!r}", rule="names of types, or classes")
        classes = {full_name(item): item for item in given if isinstance(item, type)}
        named = {item if isinstance(item, str) else full_name(item) for item in given}
        return cls(frozenset(named), classes)

    def find(self, name: object) -> type[Any]:
        """Return a class of the user's by the name in the file.

        Raises
        ------
        UntrustedTypeError
            If the caller did not give it.
        """
        self.require({str(name)})
        return self.classes[str(name)]

    def require(self, names: Iterable[str]) -> None:
        """Raise unless the caller gave all these classes.

        Raises
        ------
        UntrustedTypeError
            The message lists those that are missing.
        """
        missing = sorted(name for name in map(str, names) if name not in self.classes)
        if missing:
            short = ", ".join(name.rpartition(".")[2] for name in missing)
            raise UntrustedTypeError(
                f"the file holds objects of type {', '.join(missing):.300}",
                rule="a file holds no code, and names the classes of yours only",
                fix=f"if you know the file, import them: load(path, trusted=[{short:.300}])",
            )


def is_ours(cls: type[Any]) -> bool:
    """Say whether a class is part of unifml."""
    return cls.__module__.partition(".")[0] == Model.__module__.partition(".")[0]
