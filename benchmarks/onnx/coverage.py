"""Print which estimators of scikit-learn become ONNX files: by skl2onnx alone, and by unifml.

Every public estimator is fitted on a few rows of its kind (``tests/export/coverage_cases.py``).
skl2onnx converts it with its defaults for float32, and the file's answers to seen and new rows are
compared by the policy of unifml's proof: *yes*, *wrong* or *fails*. Then ``unifml.export_onnx``
proves its own file of it, or refuses. The last columns say who wrote the parts, and the largest
difference of a number. The documentation shows what ``--json docs/onnx_coverage.json`` wrote.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from export.coverage_cases import CASES, NOTHING, REFUSED, Case
from upstream import alone, first_line, quiet

import unifml
from unifml.errors import UnifmlError
from unifml.export.describe import predictor

PACKAGES = ("scikit-learn", "skl2onnx", "onnx", "onnxruntime")
Result = dict[str, Any]


def result(case: Case, folder: Path) -> Result:
    """What became of one estimator."""
    model, rows = case.fitted()
    by_others = alone(model, rows)
    return {
        "name": case.name,
        "task": predictor(model)[1],
        "alone": {
            "verdict": by_others.verdict,
            "difference": by_others.difference,
            "reason": by_others.reason,
        },
        "unifml": ours(model, rows.new, folder / f"{case.name}.onnx"),
    }


def ours(model: Any, X: Any, path: Path) -> Result:
    try:
        report = unifml.export_onnx(model, path, X)
    except UnifmlError as error:
        return {"verdict": "refused", "reason": REFUSED.get(path.stem, first_line(error))}
    return {
        "verdict": "proven",
        "difference": report.max_abs_diff,
        "exporter": report.exporter,
        "bytes": report.bytes,
    }


def line(found: Result) -> str:
    others, own = found["alone"], found["unifml"]
    cells = (f"{found['name']:<31}", f"{others['verdict']:<7}", f"{own['verdict']:<9}")
    if own["verdict"] == "refused":
        return "".join((*cells, own["reason"]))
    return "".join((*cells, f"{own['exporter']:<22}", f"{own['difference']:.1e}"))


def totals(results: list[Result]) -> str:
    others = Counter(found["alone"]["verdict"] for found in results)
    proven = sum(found["unifml"]["verdict"] == "proven" for found in results)
    said = ", ".join(f"{verdict} {number}" for verdict, number in sorted(others.items()))
    lost = [
        found["name"]
        for found in results
        if found["alone"]["verdict"] == "yes" and found["unifml"]["verdict"] != "proven"
    ]
    return (
        f"{len(results)} estimators: skl2onnx alone {said}; unifml proves {proven}.\n"
        f"By skl2onnx alone, and not by unifml: {', '.join(lost) or 'none'}.\n"
        f"Nothing to export, for want of predict and transform: {', '.join(NOTHING)}."
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", metavar="PATH", help="write the results there")
    parser.add_argument("--only", default="", metavar="WORD", help="names with this in them")
    args = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for case in (case for name, case in CASES.items() if args.only in name):
            with quiet():
                results.append(result(case, Path(folder)))
            print(line(results[-1]), flush=True)
    print(f"\n{totals(results)}")
    if args.json:
        record = {
            "packages": {name: version(name) for name in PACKAGES},
            "nothing": list(NOTHING),
            "cases": results,
        }
        Path(args.json).write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
