"""Measure what ``import unifml`` costs over bare Python; the budget is 50 ms.

Fresh interpreters, the contenders in turn so that both see the same machine. Wall-clock times say
what a user waits, so this is a benchmark and not a test: the laws count loaded modules instead.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

CONTENDERS = {"bare python": "pass", "import unifml": "import unifml"}
BUDGET_MS = 50


def milliseconds(code: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return 1000 * (time.perf_counter() - start)


def measure(runs: int) -> dict[str, list[float]]:
    """Time every contender ``runs`` times, interleaved, after one run each to warm the caches."""
    for code in CONTENDERS.values():
        milliseconds(code)
    times: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(runs):
        for name, code in CONTENDERS.items():
            times[name].append(milliseconds(code))
    return times


def row(name: str, values: list[float]) -> str:
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{name:<16}{middle:>10.1f}{low:>10.1f}{high:>10.1f}{min(values):>10.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=21, help="interpreters started for each")
    times = measure(parser.parse_args().runs)
    bare, ours = times.values()
    extra = [ours_ms - bare_ms for ours_ms, bare_ms in zip(ours, bare, strict=True)]
    print(f"{'milliseconds':<16}{'median':>10}{'25 %':>10}{'75 %':>10}{'min':>10}")
    for name, values in (*times.items(), ("difference", extra)):
        print(row(name, values))
    verdict = "within" if statistics.median(extra) < BUDGET_MS else "OVER"
    print(f"\n{verdict} the budget of {BUDGET_MS} ms")


if __name__ == "__main__":
    main()
