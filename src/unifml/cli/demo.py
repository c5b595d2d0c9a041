"""``unifml demo``."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from unifml.cli.codes import OK


def add(commands: Any) -> None:
    """Add the command."""
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


def _demo(args: argparse.Namespace) -> int:
    from unifml.tasks.demo import run_demo
    from unifml.tasks.demo_table import as_text, save_picture

    result = run_demo(seed=args.seed, verbose=1 if sys.stderr.isatty() else 2)
    print(as_text(result))
    if result.drawable:
        print(f"picture: {save_picture(result, args.png)}")
    return OK
