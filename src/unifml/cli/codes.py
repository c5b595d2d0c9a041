"""What commands end with, and what they say of a problem."""

from __future__ import annotations

import sys

from unifml.errors import UnifmlError

OK, PROBLEM, INTERRUPTED = 0, 1, 130  # argparse itself ends with 2 for wrong usage


def told(error: BaseException) -> str:
    """Return an error in words: its message, notes, and the cause, if that says something else."""
    lines = [_words(error), *getattr(error, "__notes__", ())]
    cause = error.__cause__
    if cause is not None and str(cause) and str(cause)[:200] not in lines[0]:
        lines.append(f"caused by {type(cause).__name__}: {str(cause).splitlines()[0][:300]}")
    return "\n".join(lines)


def _words(error: BaseException) -> str:
    """Return a message; of errors of others with their name, which may say the most."""
    if isinstance(error, UnifmlError) or (isinstance(error, OSError) and str(error)):
        return str(error)
    return f"{type(error).__name__}: {error}"


def remark(text: str) -> None:
    """Say something beside the output."""
    print(text, file=sys.stderr)
