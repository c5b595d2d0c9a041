"""``unifml export``."""

from __future__ import annotations

import argparse
from typing import Any

from unifml.cli.codes import OK, remark


def add(commands: Any) -> None:
    """Add the command."""
    export = commands.add_parser(
        "export", help="write a saved model as one ONNX file, proven on the rows of a file"
    )
    export.add_argument("model", metavar="MODEL.unifml", help="what unifml.save wrote")
    export.add_argument(
        "data",
        metavar="DATA",
        help="rows as the model takes them, for the proof: .csv, .parquet, or .npy",
    )
    export.add_argument("-o", "--output", required=True, metavar="MODEL.onnx", help="the ONNX file")
    export.add_argument("--opset", type=int, default=18, help="version of operators (%(default)s)")
    export.add_argument(
        "--precision",
        default="float32",
        choices=("float32", "fp16", "int8", "int8_static"),
        help="of networks (%(default)s); what is smaller is judged by a metric",
    )
    export.add_argument(
        "--target", metavar="COLUMN", help="column of DATA that holds the truth, for the metric"
    )
    export.add_argument("--metric", help="what judges a smaller file: a name as in evaluate")
    export.add_argument(
        "--max-loss", type=float, default=0.01, help="by how much it may be worse (%(default)s)"
    )
    export.add_argument("--delimiter", default=",", help="between cells of a .csv (%(default)r)")
    export.add_argument(
        "--trust", action="append", default=[], metavar="TYPE", help="type that MODEL may hold"
    )
    export.add_argument("--json", action="store_true", help="print the report as JSON")
    export.set_defaults(run=_export)


def _export(args: argparse.Namespace) -> int:
    from unifml.export import export_onnx
    from unifml.export.rows import read_rows
    from unifml.tasks import load

    model = load(args.model, trusted=args.trust)
    X, y, left = read_rows(args.data, model, args.target, delimiter=args.delimiter)
    if left:
        remark(f"not taken by the model, left out: {', '.join(left)}")
    report = export_onnx(model, args.output, X, opset=args.opset, **_smaller(args, y))
    print(report.to_json() if args.json else report)
    return OK


def _smaller(args: argparse.Namespace, y: Any) -> dict[str, Any]:
    """Return the settings of smaller files."""
    if args.precision == "float32":
        return {}
    return {
        "precision": args.precision,
        "y": y,
        "metric": args.metric,
        "max_loss": args.max_loss,
    }
