"""``unifml inspect``."""

from __future__ import annotations

import argparse
from typing import Any

from unifml.cli.codes import OK


def add(commands: Any) -> None:
    """Add the command."""
    inspect = commands.add_parser(
        "inspect", help="show inputs, outputs, operators, size and proof of an ONNX file"
    )
    inspect.add_argument("model", metavar="MODEL.onnx", help="the file")
    inspect.add_argument("--json", action="store_true", help="print JSON")
    inspect.set_defaults(run=_inspect)


def _inspect(args: argparse.Namespace) -> int:
    from unifml.export.inspect import inspect_onnx

    found = inspect_onnx(args.model)
    print(found.to_json() if args.json else found)
    return OK
