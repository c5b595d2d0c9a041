"""The exceptions of unifml.

::

    UnifmlError
    ├── ParameterError          (ValueError)       a setting has a value it cannot have
    ├── UnknownNameError        (ValueError)       no such model, backend, metric, parameter
    ├── CapabilityError         (ValueError)       this backend or model cannot do that; others may
    ├── DeviceError             (ValueError)       the device asked for is not here
    ├── DataError               (ValueError)       X, y or the weights are not usable
    ├── DataTypeError           (TypeError)        an argument is of a type nobody can use
    ├── MissingDependencyError  (ImportError)      an extra is not installed
    ├── DeviceMemoryError       (MemoryError)      the device's memory is too small for a batch
    ├── DivergedError           (ArithmeticError)  the loss became NaN or infinite
    ├── FileFormatError         (ValueError)       not a file of unifml, damaged, or too new
    ├── UntrustedTypeError      (ValueError)       a file holds types that nobody has vouched for
    └── ExportError             (RuntimeError)     the file could not be made
        └── ExportMismatchError                    it was made, and differs from the model

Every message has up to five parts: what was asked, what was found, the rule, the next step,
and the cause, which Python shows through ``raise ... from``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches

__all__ = [
    "CapabilityError",
    "DataError",
    "DataTypeError",
    "DeviceError",
    "DeviceMemoryError",
    "DivergedError",
    "ExportError",
    "ExportMismatchError",
    "FileFormatError",
    "MissingDependencyError",
    "ParameterError",
    "UnifmlError",
    "UnknownNameError",
    "UntrustedTypeError",
]


@contextmanager
def told(where: str) -> Iterator[None]:
    """Add to errors in a block where they happened; nothing for an empty text."""
    try:
        yield
    except Exception as error:
        if where:
            error.add_note(f"unifml: {where} ({type(error).__name__})")
        raise


class UnifmlError(Exception):
    """The root of all errors that unifml raises on purpose.

    Parameters
    ----------
    asked : str
        What the user asked for.
    found : str, optional
        What was found instead: value, shape, type.
    rule : str, optional
        The rule that was broken, as code where possible.
    fix : str, optional
        The next step, ready to paste.
    """

    def __init__(self, asked: str, *, found: str = "", rule: str = "", fix: str = "") -> None:
        head = f"{asked}: {found}" if found else asked
        super().__init__(" ".join(_sentence(part) for part in (head, rule, fix) if part))
        self.asked, self.found, self.rule, self.fix = asked, found, rule, fix


def _sentence(text: str) -> str:
    return text if text[-1:] in ".?!" else f"{text}."


class ParameterError(UnifmlError, ValueError):
    """A setting has a value that it cannot have."""


class UnknownNameError(UnifmlError, ValueError):
    """A name that nobody has registered or declared."""

    @classmethod
    def among(cls, kind: str, name: object, known: Iterable[str]) -> UnknownNameError:
        """Say that `name` is not one of `known`, and which one may have been meant."""
        names = sorted(known)
        close = closest(str(name), names)
        return cls(
            f"unknown {kind} {name!r}",
            rule=f"known: {', '.join(names) or 'none'}",
            fix=f"did you mean {close!r}?" if close else "",
        )


class CapabilityError(UnifmlError, ValueError):
    """A backend or a model cannot do what was asked; the message names those that can."""


class DeviceError(UnifmlError, ValueError):
    """The device asked for is not on this machine."""


class DataError(UnifmlError, ValueError):
    """The data cannot be used as they are."""


class DataTypeError(UnifmlError, TypeError):
    """An argument is of a type that cannot be used."""


class MissingDependencyError(UnifmlError, ImportError):
    """An optional dependency is not installed; the message holds the pip line."""

    @classmethod
    def of(cls, asked: str, packages: Iterable[str], extra: str) -> MissingDependencyError:
        """Say which `packages` are missing for `asked`, and the `extra` that brings them."""
        return cls(
            asked,
            found=f"not installed: {', '.join(packages)}",
            fix=f'run: python -m pip install "unifml[{extra}]"',
        )


class DeviceMemoryError(UnifmlError, MemoryError):
    """The memory of the device is too small for a batch; the message names a size to try."""


class DivergedError(UnifmlError, ArithmeticError):
    """The loss became NaN or infinite during training."""


class FileFormatError(UnifmlError, ValueError):
    """A file is not one of unifml, is damaged, or was written by a newer version."""


class UntrustedTypeError(UnifmlError, ValueError):
    """A file holds types that neither unifml nor the caller of `unifml.load` has vouched for."""


class ExportError(UnifmlError, RuntimeError):
    """A model could not be exported."""


class ExportMismatchError(ExportError):
    """An exported file does not agree with the native model."""


_ALIASES = {
    "pytorch": "torch",
    "tf": "keras",
    "tensorflow": "keras",
    "scikit-learn": "sklearn",
    "lstm": "rnn",
    "gru": "rnn",
    "convnet": "cnn",
    "resnet": "cnn",
    "vit": "transformer",
}


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name most like `name`, or None."""
    names = list(known)
    alias = _ALIASES.get(name.lower())
    if alias in names:
        return alias
    found = get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    return found[0] if found else None
