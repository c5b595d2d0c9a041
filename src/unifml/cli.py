"""The command line: ``unifml demo``, ``unifml doctor``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from unifml._version import __version__
from unifml.errors import UnifmlError

OK, PROBLEM, INTERRUPTED = 0, 1, 130  # argparse itself ends with 2 for wrong usage


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
    except UnifmlError as error:
        print(f"unifml {args.command}: {error}", file=sys.stderr)
        return PROBLEM
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="unifml", description="One estimator, any backend: scikit-learn, Keras and PyTorch."
    )
    parser.add_argument("--version", action="version", version=f"unifml {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command")
    demo = commands.add_parser(
        "demo", help="run the main job on real data: every backend, tuned, shipped to ONNX"
    )
    demo.add_argument(
        "--png",
        default="unifml-demo.png",
        metavar="FILE",
        help="picture of the table (%(default)s)",
    )
    demo.add_argument("--seed", type=int, default=0, help="random state (%(default)s)")
    demo.set_defaults(run=_demo)
    doctor = commands.add_parser(
        "doctor", help="show what is installed, which devices there are, and what is wrong"
    )
    doctor.set_defaults(run=_doctor)
    return parser


def _demo(args: argparse.Namespace) -> int:
    from unifml.tasks.demo import run_demo
    from unifml.tasks.demo_table import as_text, save_picture

    result = run_demo(seed=args.seed, verbose=1 if sys.stderr.isatty() else 2)
    print(as_text(result))
    if result.drawable:
        print(f"picture: {save_picture(result, args.png)}")
    return OK


def _doctor(args: argparse.Namespace) -> int:
    from unifml.tasks.doctor import checkup

    print("loading each backend in a process of its own ...", file=sys.stderr)
    report = checkup()
    print(report)
    return PROBLEM if report.problems else OK
