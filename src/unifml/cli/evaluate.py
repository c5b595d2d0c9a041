"""``unifml evaluate``."""

from __future__ import annotations

import argparse
from secrets import randbelow
from typing import Any

from unifml.cli.codes import OK
from unifml.cli.fit import add_model, made
from unifml.cli.folding import add_folding, answer, check_html, scoring
from unifml.cli.rows import Table, add_rows, check_column, read_table
from unifml.cli.subject import is_file, named, opened, output_for_results, rows_for
from unifml.errors import ParameterError

_EXAMPLES = """\
examples:
  unifml evaluate train.csv --target price --model mlp --set epochs=50 --cv 5
  unifml evaluate new.csv --target price --model model.unifml --by town --html report.html
"""


def add(commands: Any) -> None:
    """Add the command."""
    evaluate = commands.add_parser(
        "evaluate",
        help="score a model on rows that it has not learned from, with intervals",
        description="Score a model on rows that it has not learned from, with intervals.\n"
        "A model by its name is fitted in each fold; that of a file is scored as it is.",
        usage="unifml evaluate DATA --target COLUMN --model MODEL [options]",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_rows(evaluate)
    model = evaluate.add_argument_group("the model")
    model.add_argument(
        "--model",
        required=True,
        metavar="MODEL",
        help="mlp, random_forest, ..., mlp/torch, or a file: MODEL.unifml, MODEL.onnx",
    )
    add_model(model)
    add_folding(evaluate, "5 folds for a name; none for a file, which is scored as fitted")
    evaluate.add_argument(
        "--by", metavar="COLUMN", help="column for whose values scores are told apart"
    )
    evaluate.set_defaults(run=_evaluate)


def _evaluate(args: argparse.Namespace) -> int:
    check_html(args)
    model, backend = _model(args)
    table = read_table(args)
    if args.by is not None:
        check_column(args.by, table.X.columns, args.data)
    with output_for_results():
        result = _scored(args, model, backend, table)
        text = answer(result, args)
        if args.by is not None and not args.json:
            text = f"{text}\n\n{_slices(result)}"
    print(text)
    return OK


def _slices(result: Any) -> str:
    """Return the scores of each slice as a table."""
    from unifml.tasks.table import number, text_table

    values = [[found.get(name) for name in result.scores] for found in result.slices]
    rows = [
        [found["slice"], str(found["n"]), *("-" if v is None else number(v) for v in line)]
        for found, line in zip(result.slices, values, strict=True)
    ]
    return text_table(["slice", "rows", *result.scores], rows)


def _model(args: argparse.Namespace) -> tuple[Any, str | None]:
    if not is_file(args.model):
        return named(args.model, args.backend)
    if args.settings:
        raise ParameterError(
            f"--set for {args.model}",
            found="a fitted model has its settings",
            fix="leave --set out, or give the model by its name",
        )
    return opened(args.model, args.trust), args.backend


def _scored(args: argparse.Namespace, model: Any, backend: str | None, table: Table) -> Any:
    from unifml.tasks import evaluate

    X = table.X if isinstance(model, str) else rows_for(model, table, args.data)
    options = scoring(args, table)
    if args.by is not None:
        options["by"] = table.X[[args.by]]  # the model may not take it
    if args.settings:
        options["random_state"] = args.seed = randbelow(2**31) if args.seed is None else args.seed
        model, backend = made(args, model, backend, X, table.y), None
    return evaluate(model, X, table.y, backend=backend, **options)
