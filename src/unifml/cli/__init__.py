"""The command line: one module a command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from unifml._version import __version__
from unifml.cli import checkup, compare, demo, evaluate, export, fit, inspect, predict
from unifml.cli.codes import INTERRUPTED, OK, PROBLEM, told
from unifml.errors import UnifmlError

# In the order of the work: look around, learn, judge, ship, use.
_COMMANDS = (demo, checkup, fit, evaluate, compare, export, inspect, predict)
_PROBLEMS = (UnifmlError, ValueError, TypeError, ImportError, RuntimeError, OSError, MemoryError)

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
    except _PROBLEMS as error:
        if args.traceback:
            raise
        print(f"unifml {args.command}: {told(error)}", file=sys.stderr)
        return PROBLEM
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="unifml",
        description="One estimator, any backend: scikit-learn, Keras and PyTorch.",
        epilog="unifml COMMAND --help tells what a command takes. It ends with 0, with 1 for a"
        " problem, with 2 for wrong usage.",
    )
    parser.add_argument("--version", action="version", version=f"unifml {__version__}")
    parser.add_argument(
        "--traceback", action="store_true", help="show where in the code a problem arose"
    )
    commands = parser.add_subparsers(dest="command", metavar="command")
    for command in _COMMANDS:
        command.add(commands)
    return parser
