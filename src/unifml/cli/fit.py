"""``unifml fit``."""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from unifml.cli.codes import OK, remark
from unifml.cli.files import writable
from unifml.cli.rows import Table, add_rows, read_table
from unifml.cli.subject import add_task, add_trust, is_file, named, opened, output_for_results
from unifml.cli.words import setting
from unifml.errors import CapabilityError

_EXAMPLE = """\
example:
  unifml fit train.csv --target price --model mlp --backend torch --set epochs=50 \\
    --set hidden=64,32 -o model.unifml
"""


def add(commands: Any) -> None:
    """Add the command."""
    fit = commands.add_parser(
        "fit",
        help="learn a column of a table from the others, and save the model",
        description="Learn a column of a table from the others, and save the model.\n"
        "Text, dates and missing values are taken as they come.",
        usage="unifml fit DATA --target COLUMN --model NAME -o MODEL.unifml [options]",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_rows(fit)
    model = fit.add_argument_group("the model")
    model.add_argument(
        "--model",
        required=True,
        metavar="NAME",
        help="mlp, random_forest, ..., mlp/torch, or a MODEL.unifml to fit again",
    )
    add_model(model)
    model.add_argument("--seed", type=int, metavar="N", help="random state (drawn, and told)")
    fit.add_argument("-o", "--output", required=True, metavar="MODEL.unifml", help="the file")
    fit.add_argument("--json", action="store_true", help="print what was done as JSON")
    fit.set_defaults(run=_fit)


def add_model(group: Any) -> None:
    """Add the arguments that say what a model is like."""
    group.add_argument("--backend", metavar="NAME", help="who runs it: sklearn, torch, keras, ...")
    group.add_argument(
        "--set",
        action="append",
        default=[],
        type=setting,
        dest="settings",
        metavar="NAME=VALUE",
        help="a setting of the model or its training, as epochs=50, hidden=64,32",
    )
    add_task(group)
    add_trust(group)


def _fit(args: argparse.Namespace) -> int:
    writable(args.output, ".onnx", ".csv", ".parquet")
    model, backend = _model(args)
    table = read_table(args)
    with output_for_results():
        from unifml.tasks import save
        from unifml.tasks.wrap import called

        start = time.perf_counter()
        fitted = _learn(args, model, backend, table)
        seconds = time.perf_counter() - start
        path = save(fitted, args.output)
        _explain(fitted)
    report = {
        "model": called(fitted),
        "rows": len(table.y),
        "columns": list(table.X.columns),
        "seed": _seed(fitted),
        "fit_seconds": seconds,
        "path": str(path),
        "bytes": path.stat().st_size,
    }
    print(json.dumps(report) if args.json else _told(report))
    return OK


def _model(args: argparse.Namespace) -> tuple[Any, str | None]:
    if not is_file(args.model):
        return named(args.model, args.backend)
    if args.model.endswith(".onnx"):
        raise CapabilityError(
            f"fitting {args.model}",
            found="an ONNX file predicts only",
            fix="fit a MODEL.unifml, or a model by its name",
        )
    return opened(args.model, args.trust), args.backend


def _learn(args: argparse.Namespace, model: Any, backend: str | None, table: Table) -> Any:
    from unifml.tasks import fit

    weight = table.beside.get("sample_weight")
    return fit(made(args, model, backend, table.X, table.y), table.X, table.y, weight)


def made(args: argparse.Namespace, model: Any, backend: str | None, X: Any, y: Any) -> Any:
    """Return the estimator that is asked for, with its settings, not fitted."""
    from unifml.tasks.make import make_for

    settings = dict(args.settings)
    if args.seed is not None and not isinstance(model, str):
        settings["random_state"] = args.seed
    how = {"task": args.task, "backend": backend, "random_state": args.seed}
    return make_for(model, X, y, settings, **how)


def _explain(fitted: Any) -> None:
    """Say what was done with each column of a table that was prepared for the model."""
    if hasattr(fitted, "steps") and hasattr(fitted[0], "explain"):
        remark(fitted[0].explain())


def _seed(fitted: Any) -> int | None:
    """Return the seed that a model, or the last step of a Pipeline, was fitted with."""
    last = fitted[-1] if hasattr(fitted, "steps") else fitted
    seed = getattr(last, "seed_", None)
    return None if seed is None else int(seed)


def _told(report: dict[str, Any]) -> str:
    seed = "" if report["seed"] is None else f" (random_state={report['seed']})"
    return (
        f"{report['model']}\n"
        f"learned from {report['rows']} rows, {len(report['columns'])} columns, in "
        f"{report['fit_seconds']:.2f} s{seed}\n"
        f"saved: {report['path']} ({report['bytes']:,} bytes)"
    )
