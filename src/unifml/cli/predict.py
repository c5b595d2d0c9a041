"""``unifml predict``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from unifml.cli.codes import OK, remark


def add(commands: Any) -> None:
    """Add the command."""
    predict = commands.add_parser(
        "predict", help="predict rows of a file with an ONNX file; needs onnxruntime and NumPy"
    )
    predict.add_argument("model", metavar="MODEL.onnx", help="what export wrote")
    predict.add_argument("data", metavar="DATA", help="rows: .csv, .parquet, or .npy")
    predict.add_argument("-o", "--output", metavar="FILE", help="where to write (standard output)")
    predict.add_argument("--proba", action="store_true", help="probabilities of classes as well")
    predict.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, or auto (%(default)s)")
    predict.add_argument(
        "--drop", action="append", default=[], metavar="COLUMN", help="column to leave out"
    )
    predict.add_argument("--delimiter", default=",", help="between cells of a .csv (%(default)r)")
    predict.add_argument("--json", action="store_true", help="write JSON instead of a .csv")
    predict.set_defaults(run=_predict)


def _predict(args: argparse.Namespace) -> int:
    from unifml.runtime import load_onnx
    from unifml.runtime.answers import answered, as_csv, as_json

    model = load_onnx(args.model, args.device)
    rows, left = _rows(args, model.schema)
    if left:
        remark(f"not taken by the model, left out: {', '.join(left)}")
    columns = answered(model, rows, args.proba)
    text = as_json(columns) if args.json else as_csv(columns)
    if args.output is None:
        sys.stdout.write(text)
    else:
        Path(args.output).write_text(text, "utf-8", newline="")
    return OK


def _rows(args: argparse.Namespace, schema: Any) -> tuple[Any, list[str]]:
    """Return rows, and the columns that the model does not take."""
    suffix = Path(args.data).suffix
    if suffix == ".npy":
        from unifml.export.rows import read_array

        return read_array(args.data), []
    if suffix == ".parquet":
        from unifml.export.rows import read_frame

        return _picked(read_frame(args.data).drop(columns=args.drop), schema)
    from unifml.runtime.csvfile import CsvFile

    return CsvFile(args.data, args.delimiter).rows_for(schema, args.drop)


def _picked(frame: Any, schema: Any) -> tuple[Any, list[str]]:
    """Return the columns that the model knows by name; all, if it knows no names."""
    known = schema.feature_names
    if known is None or not {*known} <= {*frame.columns}:
        return frame, []
    return frame[list(known)], [str(name) for name in frame.columns if name not in known]
