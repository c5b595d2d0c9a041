"""Hold the model ``tabular`` against others on small tables: scores, intervals, times.

Each contender is as a user gets it, with nothing set but the seed. Scores are accuracy for classes
and R2 for numbers, of five folds, shuffled (and stratified) by the seed; generated tables are drawn
from it as well. Rows of one traveller (``modechoice``) stay in one fold. One thread, on the CPU;
times are CPU times as ratios to those of ``tabular``, fit and predict together. LightGBM, XGBoost
and RealMLP take part where they are installed (``pip install lightgbm xgboost pytabkit``).

How the defaults of ``tabular`` were chosen: most of them on other tables of the kind (some are here
too: wine, breast cancer, digits, diabetes); the features of sines and cosines, and their number, on
``--half first`` with seeds 11 to 13, and confirmed on ``--half second`` with seeds 21 and 22. Give
seeds that are none of those.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
from quality import report  # noqa: E402
from quality.contenders import CONTENDERS, QUICK, Make  # noqa: E402
from quality.tables import TABLES, Table, halves  # noqa: E402
from sklearn.metrics import accuracy_score, r2_score  # noqa: E402
from sklearn.model_selection import KFold, StratifiedGroupKFold, StratifiedKFold  # noqa: E402

FOLDS = 5
Folds = dict[str, list[float]]


def folds(table: Table, make: Make, seed: int) -> Folds:
    """Return score and CPU seconds of each fold."""
    X, y, *groups = table.load(seed)
    classes = table.task == "classification"
    if classes:
        y = np.unique(y, return_inverse=True)[1]  # XGBoost wants codes
    kind = StratifiedGroupKFold if groups else StratifiedKFold if classes else KFold
    splitter = kind(FOLDS, shuffle=True, random_state=seed)
    found: Folds = {"score": [], "seconds": []}
    for train, test in splitter.split(X, y, *groups):
        begin = time.process_time()
        predicted = make(classes, seed).fit(X[train], y[train]).predict(X[test])
        found["seconds"].append(time.process_time() - begin)
        metric = accuracy_score if classes else r2_score
        found["score"].append(float(metric(y[test], np.ravel(predicted))))
    return found


def chosen(args: argparse.Namespace) -> list[Table]:
    tables = {"all": TABLES, "first": halves()[0], "second": halves()[1]}[args.half]
    tables = [t for t in tables if not args.tables or t.name in args.tables]
    return tables[::4] if args.quick else tables


def measured(args: argparse.Namespace, known: Any) -> Iterator[tuple[str, str, Folds]]:
    """Yield the folds of each table and contender that is not known already."""
    names = args.contenders or (QUICK if args.quick else tuple(CONTENDERS))
    for table in chosen(args):
        for name in names:
            if name in known.get(table.name, {}):
                continue
            found: Folds = {"score": [], "seconds": []}
            try:
                for seed in args.seeds:
                    for key, values in folds(table, CONTENDERS[name], seed).items():
                        found[key] += values
            except ModuleNotFoundError as error:
                print(f"{name} is left out: {error}")
                names = tuple(other for other in names if other != name)
                continue
            yield table.name, name, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few tables and contenders")
    parser.add_argument("--half", choices=("all", "first", "second"), default="all")
    parser.add_argument("--seeds", type=int, nargs="+", default=[20261], metavar="SEED")
    parser.add_argument("--tables", nargs="+", choices=[t.name for t in TABLES], metavar="NAME")
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, metavar="NAME")
    parser.add_argument("--json", type=Path, help="where to write; what is there is not redone")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    known: Any = {}
    if args.json and args.json.exists():
        known = json.loads(args.json.read_text("utf-8"))["folds"]
    for table, name, found in measured(args, known):
        known.setdefault(table, {})[name] = found
        print(f"{table:<22}{name:<22}{np.mean(found['score']):.4f}", flush=True)
        if args.json:
            report.write(args.json, args.seeds, known)
    print("", report.by_table(known), "", report.over_tables(known), sep="\n")


if __name__ == "__main__":
    main()
