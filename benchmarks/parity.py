"""Print how far torch and Keras differ on every network: the same words, seed and rows.

The cases are those of the tests (``tests/estimators/parity_cases.py``), which hold them to the
promises: real rows, float32 (``linear``: as it comes), one thread, on the CPU, no dropout. Columns
are the largest differences of the loss before training, of predictions after one step, after five
epochs (``linear``: of the solutions), and of a model moved to the other backend and back. The last
number says how far training took the predictions meanwhile.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import torch  # noqa: E402, F401  (before TensorFlow, where a process holds both)
from estimators.parity_cases import CASES  # noqa: E402
from estimators.parity_figures import Figures, figures, write  # noqa: E402

COLUMNS = ("first loss", "one step", "5 epochs", "moved", "weights", "promised", "learned", "")


def row(name: str, cells: tuple[str, ...]) -> str:
    return f"{name:<36}" + "".join(f"{cell:>11}" for cell in cells)


def cells(found: Figures) -> tuple[str, ...]:
    numbers = (found.first_loss, found.one_step, found.five_epochs, found.moved)
    shown = ("-" if number is None else f"{number:.1e}" for number in numbers)
    broken = [promise for promise, kept in found.kept().items() if not kept]
    verdict = f"FAIL ({', '.join(broken)})" if broken else "pass"
    learned = "-" if found.learned is None else f"{found.learned:.2f}"
    weights = "bitwise" if found.bitwise else "DIFFER"
    return (*shown, weights, f"{found.promised:.0e}", learned, f"  {verdict}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", metavar="PATH", help="write the figures there")
    parser.add_argument("--precision", default="float32", choices=["float32", "float64"])
    parser.add_argument("--only", default="", metavar="WORD", help="cases with this in their name")
    args = parser.parse_args()
    print(row("torch against keras", COLUMNS))
    found = {}
    for name in (name for name in CASES if args.only in name):
        found[name] = figures(name, args.precision)
        print(row(name, cells(found[name])), flush=True)
    failed = sum(not all(each.kept().values()) for each in found.values())
    print(f"\n{len(found) - failed} of {len(found)} keep all promises")
    if args.json:
        write(args.json, found)
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
