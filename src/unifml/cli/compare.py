"""``unifml compare``."""

from __future__ import annotations

import argparse
from typing import Any

from unifml.cli.codes import OK
from unifml.cli.folding import add_folding, answer, check_html, scoring
from unifml.cli.rows import Table, add_rows, read_table
from unifml.cli.subject import add_task, add_trust, is_file, named, opened, output_for_results
from unifml.cli.words import names

_EXAMPLES = """\
examples:
  unifml compare train.csv --target price --models mlp/torch,random_forest,linear
  unifml compare train.csv --target price --models "mlp/*" --cv 0.2 --html report.html
"""


def add(commands: Any) -> None:
    """Add the command."""
    compare = commands.add_parser(
        "compare",
        help="score several models on the same folds, and say which differences are real",
        description="Score several models on the same folds, rank them, and test which\n"
        "differences are more than chance.",
        usage="unifml compare DATA --target COLUMN --models A,B [options]",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_rows(compare)
    models = compare.add_argument_group("the models")
    models.add_argument(
        "--models",
        required=True,
        type=names,
        metavar="A,B",
        help="as mlp/torch,random_forest; mlp/* is mlp on every backend; MODEL.unifml is a file",
    )
    models.add_argument(
        "--backends", type=names, metavar="A,B", help="backends that each model is to run on"
    )
    add_task(models)
    add_trust(models)
    add_folding(compare, "5 folds")
    compare.set_defaults(run=_compare)


def _compare(args: argparse.Namespace) -> int:
    check_html(args)
    models = _models(args)
    table = read_table(args)
    with output_for_results():
        result = _compared(args, models, table)
        text = answer(result, args)
    print(text)
    return OK


def _models(args: argparse.Namespace) -> Any:
    """Return names that are known; with files among them, a dict of names and models."""
    for text in args.models:
        if not is_file(text):
            named(text.removesuffix("/*"), None)
    if not any(map(is_file, args.models)):
        return args.models
    return {text: opened(text, args.trust) if is_file(text) else text for text in args.models}


def _compared(args: argparse.Namespace, models: Any, table: Table) -> Any:
    from unifml.tasks.compare import compare

    options = scoring(args, table)
    if args.backends is not None:
        options["backends"] = args.backends
    return compare(models, table.X, table.y, **options)
