"""The memory that backends keep between fits, given back."""

from __future__ import annotations

import gc
import sys

from unifml.core.registry import adapters


def release() -> None:
    """Free what backends keep between fits: compiled programs, and cached memory of devices.

    Fitted estimators stay as they are; the next fit compiles anew. Only frameworks that were used
    in this process are asked.

    Examples
    --------
    >>> import unifml
    >>> unifml.release()
    """
    gc.collect()
    for adapter in adapters():
        if all(package in sys.modules for package in adapter.capabilities.packages):
            adapter.release()
