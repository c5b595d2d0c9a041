"""The command line: ``unifml demo``, ``doctor``, ``export``, ``inspect``, ``predict``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from unifml._version import __version__
from unifml.cli import checkup, demo, export, inspect, predict
from unifml.cli.codes import INTERRUPTED, OK, PROBLEM, told

_COMMANDS = (demo, checkup, export, inspect, predict)

__all__ = ["INTERRUPTED", "OK", "PROBLEM", "main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str or None
        Arguments; None takes those of the process.

    Returns
    -------
    int
        0 if all went well, 1 if there was a problem, 130 after Ctrl-C; wrong usage ends the
        process with 2, as argparse has it.
    """
    parser = _parser()
    args = parser.parse_args(argv)
    if args.command is None:
        parser.print_help()
        return OK
    try:
        return int(args.run(args))
    except (ValueError, TypeError, ImportError, RuntimeError, OSError) as error:
        if args.traceback:
            raise
        print(f"unifml {args.command}: {told(error)}", file=sys.stderr)
        return PROBLEM
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="unifml", description="One estimator, any backend: scikit-learn, Keras and PyTorch."
    )
    parser.add_argument("--version", action="version", version=f"unifml {__version__}")
    parser.add_argument(
        "--traceback", action="store_true", help="show where in the code a problem arose"
    )
    commands = parser.add_subparsers(dest="command", metavar="command")
    for command in _COMMANDS:
        command.add(commands)
    return parser
