"""What is shown, and what is kept: ratios, for times belong to one machine."""

from __future__ import annotations

import json
import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "tensorflow", "keras", "jax", "scikit-learn", "optuna", "numpy")
OTHERS = ("skorch", "lightning", "scikeras")


def show(world: str, table: str, row: str, found: dict[str, Any]) -> None:
    """Print one row of a table: times, and how often each is as much as unifml's."""
    print(f"\n{world} | {table} | {row}")
    unit = "MiB" if table == "memory" else "ms CPU"
    print(f"  {'':<28}{unit:>12}{'wall':>12}{'ratio':>9}{'middle half':>18}{'wall ratio':>12}")
    for name, each in found.items():
        if "missing" in each:
            print(f"  {name:<28}{each['missing']}")
            continue
        factor = 1 if table == "memory" else 1000
        cells = f"{factor * each['cpu']:>12.3f}{factor * each['wall']:>12.3f}"
        if "ratio" in each:
            middle = f"{each['low']:.2f} to {each['high']:.2f}"
            cells += f"{each['ratio']:>9.2f}{middle:>18}{each['ratio_wall']:>12.2f}"
        print(f"  {name:<28}{cells}", flush=True)


def keep(path: Path, results: list[dict[str, Any]], args: Any) -> None:
    """Write ratios as JSON, over those of an earlier run where they were measured again."""
    before = json.loads(path.read_text("utf-8")) if path.exists() else {}
    kept = {key(each): each for each in before.get("results", [])}
    kept |= {key(each): ratios(each) for each in results}
    machine = {
        "cores": os.cpu_count(),
        "threads": args.threads,
        "repeats": args.repeats,
        "system": f"{platform.system()}, {platform.machine()}, Python {platform.python_version()}",
        "packages": {name: found for name in PACKAGES + OTHERS if (found := _version(name))},
    }
    record = {"machine": machine, "results": list(kept.values())}
    path.write_text(_compact(json.dumps(record, indent=1)) + "\n", "utf-8")


def key(result: dict[str, Any]) -> tuple[str, ...]:
    return result["world"], result["table"], result["row"]


def ratios(result: dict[str, Any]) -> dict[str, Any]:
    """Return a result without its times."""
    names = ("ratio", "low", "high", "ratio_wall", "missing")
    found = {
        name: {part: _short(each[part]) for part in names if part in each}
        for name, each in result["found"].items()
    }
    return {**result, "found": found}


def _short(value: Any) -> Any:
    return float(f"{value:.3g}") if isinstance(value, float) else value


def _compact(text: str) -> str:
    """Put the numbers of one contender on one line."""
    return re.sub(r"\{[^{}]*\}", lambda found: re.sub(r"\s+", " ", found[0]), text)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
