"""What torch cannot do, in unifml's words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from unifml.core.memory import guarded
from unifml.errors import CapabilityError
from unifml.training import Settings

OUT_OF_MEMORY: tuple[type[BaseException], ...] = (torch.OutOfMemoryError, MemoryError)
WORDS = ("DefaultCPUAllocator: not enough memory", "DefaultCPUAllocator: can't allocate memory")


def memory_for(rows: int, *, training: bool) -> guarded:
    """Return a context that tells what to do where memory runs out; see `guarded`."""
    return guarded(rows, OUT_OF_MEMORY, WORDS, training=training)


@contextmanager
def explained(settings: Settings) -> Iterator[None]:
    """Say which setting asked for what torch refuses inside a block.

    Raises
    ------
    CapabilityError
        For an operation that is not deterministic, or a module that cannot be compiled.
    """
    try:
        yield
    except Exception as error:
        if settings.deterministic and "deterministic" in str(error):
            raise _refused("deterministic=True", error) from error
        if settings.compile is True and type(error).__module__.startswith(_COMPILERS):
            raise _refused("compile=True", error) from error
        raise


def _refused(setting: str, error: Exception) -> CapabilityError:
    name = setting.partition("=")[0]
    return CapabilityError(
        f"{setting} on backend 'torch'",
        found=str(error).strip().partition("\n")[0],
        fix=f"leave {name} out, or change the model",
    )


_COMPILERS = ("torch._dynamo", "torch._inductor")
