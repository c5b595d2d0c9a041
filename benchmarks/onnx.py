"""Measure ONNX files: which estimators become one, and what an answer costs.

``coverage`` (every estimator of scikit-learn, by skl2onnx alone and by unifml) and ``latency``
(native model, onnxruntime by hand, `OnnxEstimator`) have options of their own, after their names::

    python benchmarks/onnx.py latency --json docs/onnx_latency.json

Without a name both tables are made.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

TABLES = ("coverage", "latency")


def main() -> int:
    if sys.argv[1:2] in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    chosen, options = TABLES, sys.argv[1:]
    if options and options[0] in TABLES:
        chosen, options = (options[0],), options[1:]
    # This script has the name of a library: where it stands must not be searched for `onnx`.
    sys.path[0] = str(Path(__file__).with_suffix(""))
    failed = 0
    for table in chosen:
        sys.argv = [f"onnx.py {table}", *options]
        failed += bool(import_module(table).main())
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
