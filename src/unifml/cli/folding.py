"""How rows are scored: what ``evaluate`` and ``compare`` have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from unifml.cli.codes import remark
from unifml.cli.files import writable
from unifml.cli.rows import Table
from unifml.cli.words import folds, names


def add_folding(command: Any, no_cv: str) -> None:
    """Add the arguments that say how rows are scored, and how it is told."""
    scoring = command.add_argument_group("the scoring")
    scoring.add_argument(
        "--cv",
        type=folds,
        metavar="5|0.2|NAME",
        help=f"folds, a share to hold out, or a way by its name ({no_cv})",
    )
    scoring.add_argument(
        "--metrics", type=names, metavar="A,B", help="as accuracy,roc_auc or rmse (the usual ones)"
    )
    scoring.add_argument(
        "--groups", metavar="COLUMN", help="column whose equal values stay in one fold"
    )
    scoring.add_argument("--jobs", type=int, metavar="N", help="processes; -1 for all cores (1)")
    scoring.add_argument("--seed", type=int, metavar="N", help="random state (drawn, and told)")
    command.add_argument("--html", metavar="FILE", help="write a report that a browser opens")
    command.add_argument("--json", action="store_true", help="print the result as JSON")


def check_html(args: Any) -> None:
    """Raise unless the report can be drawn and written."""
    if args.html is not None:
        writable(args.html)


def scoring(args: Any, table: Table) -> dict[str, Any]:
    """Return the arguments of `evaluate` and `compare`."""
    given = {"cv": args.cv, "metrics": args.metrics, "n_jobs": args.jobs} | table.beside
    given |= {"task": args.task, "random_state": args.seed}
    return {name: value for name, value in given.items() if value is not None}


def answer(result: Any, args: Any) -> str:
    """Return a result as text or JSON, and write its report if one is wanted."""
    if args.html is not None:
        Path(args.html).write_text(result.to_html(), "utf-8", newline="\n")
        remark(f"report: {args.html}")
    return str(result.to_json() if args.json else result)
