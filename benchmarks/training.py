"""Measure what training and prediction cost, side by side with what one writes by hand.

Each framework has a process of its own, in which all its contenders take turns: unifml, the
textbook loop, the best loop that we know, and the wrappers skorch, Lightning and scikeras where
they are installed (``pip install skorch lightning scikeras``). Everyone trains the same network on
the same rows, with Adam at 1e-3 and nothing else. A ratio says how many times the CPU time of
unifml a contender takes: above 1 unifml is faster.

Tables: ``epochs`` (the difference of two fits, so that what comes before the first and after the
last falls out), ``fits`` (first and again), ``folds`` (five), ``trials`` (twenty), ``predictions``
(one row to many), ``memory`` (a process each).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from training import report
from training.measure import summary
from training.targets import held
from training.worker import WORLDS

HERE = Path(__file__).parent
TABLES = ("epochs", "fits", "folds", "trials", "predictions", "memory")


def worker(world: str, args: argparse.Namespace, *more: str) -> Iterator[dict[str, Any]]:
    """Run a process for a framework, and yield what it says as it says it."""
    options = ["--threads", str(args.threads), "--repeats", str(args.repeats), *more]
    options += ["--quick"] * args.quick
    command = [sys.executable, "-m", "training.worker", world, *options]
    path = os.pathsep.join(filter(None, (str(HERE), os.environ.get("PYTHONPATH"))))
    errors = None if args.verbose else subprocess.DEVNULL
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    ) as process:
        assert process.stdout is not None
        yield from map(json.loads, process.stdout)
    if process.returncode:
        print(f"\n{world}: the process ended with {process.returncode}; see --verbose")


def timed(world: str, args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield the rows of all tables of a framework."""
    for record in worker(world, args, "--tables", *args.tables):
        if "contenders" in record:
            contenders = record["contenders"]
        else:
            yield {"world": world, **record}
    if "memory" in args.tables:
        names = [name for name, installed, _ in contenders if installed]
        peaks = {name: measured(world, args, name) for name in names}
        for part, row in (("imported", "above the import"), ("warm", "above a small fit")):
            yield {"world": world, "table": "memory", "row": row, "found": compared(peaks, part)}


def measured(world: str, args: argparse.Namespace, name: str) -> list[dict[str, float]]:
    runs = range(1 if args.quick else 3)
    return [found for _ in runs for found in worker(world, args, "--memory", name)]


def compared(peaks: dict[str, list[dict[str, float]]], part: str) -> dict[str, Any]:
    """Return medians of memory in the form of times; no clock has been looked at."""
    values = {name: [(each[part], each[part]) for each in found] for name, found in peaks.items()}
    failed = {name: {"missing": "failed"} for name, found in values.items() if not found}
    return summary({name: found for name, found in values.items() if found}) | failed


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=WORLDS, default=list(WORLDS))
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--threads", type=int, default=1, help="for everyone alike")
    parser.add_argument("--repeats", type=int, help="turns of each contender: 5, or 3 if quick")
    parser.add_argument("--quick", action="store_true", help="fewer rows of tables, shorter turns")
    parser.add_argument("--json", type=Path, help="keep ratios there: docs/training_benchmark.json")
    parser.add_argument(
        "--verbose", action="store_true", help="show what the processes complain of"
    )
    args = parser.parse_args()
    args.repeats = args.repeats or (3 if args.quick else 5)
    results = []
    for world in args.only:
        for result in timed(world, args):
            results.append(result)
            report.show(**result)
            if args.json:
                report.keep(args.json, results, args)
    print("\nPromised ratios", *held(results), sep="\n")


if __name__ == "__main__":
    main()
