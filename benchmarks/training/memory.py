"""The most memory that a fit of 50,000 x 100 takes, a process for each contender (Linux)."""

from __future__ import annotations

import gc
from dataclasses import replace
from pathlib import Path

from training.cases import WIDE, generated
from training.contender import Contender

OURS = Path("/proc/self")


def peak(kind: type[Contender], epochs: int = 3) -> dict[str, float]:
    """Return the MiB that rows and fit take at most, counted from two moments.

    From when the framework was imported, and from when it had made a small fit: what it loads at
    first use lies between them.
    """
    imported = _status("VmRSS")
    kind(replace(WIDE, batch=64), *generated((512, 100))).fit(1)
    gc.collect()
    warm = _status("VmRSS")
    X, y = WIDE.load()
    (OURS / "clear_refs").write_text("5", "ascii")  # the peak so far is forgotten
    kind(WIDE, X, y).fit(epochs)
    most = _status("VmHWM")
    return {"imported": most - imported, "warm": most - warm}


def _status(name: str) -> float:
    lines = (OURS / "status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))
