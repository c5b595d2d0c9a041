"""The tables of what training costs: the ratios of the last committed benchmark."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from models import row

RATIOS = Path(__file__).parents[1] / "training_benchmark.json"
TABLES = {
    "epochs": "An epoch",
    "fits": "A whole fit",
    "folds": "Cross-validation",
    "trials": "Tuning",
    "predictions": "Predictions",
    "memory": "Memory",
}
WORLDS = {
    "torch": "torch",
    "keras": "Keras on TensorFlow",
    "jax": "Keras on JAX",
    "keras-torch": "Keras on torch",
}
OURS = ("unifml", "unifml predict")

Results = list[dict[str, Any]]


def page() -> str:
    record = json.loads(RATIOS.read_text("utf-8"))
    parts = [text for table in TABLES for text in of_table(table, record["results"])]
    return "\n".join([*parts, measured(record["machine"]), ""])


def of_table(table: str, results: Results) -> list[str]:
    mine = [result for result in results if result["table"] == table]
    if not mine:
        return []
    lines = [f"## {TABLES[table]}", ""]
    for world, title in WORLDS.items():
        rows = [result for result in mine if result["world"] == world]
        lines += [f"**{title}**", "", *of_world(rows), ""] if rows else []
    return lines


def of_world(rows: Results) -> list[str]:
    names = list(dict.fromkeys(name for each in rows for name in each["found"]))
    names = [name for name in names if name not in OURS]
    lines = [row("", *names), row("---", *["---:"] * len(names))]
    return lines + [row(each["row"], *(cell(each["found"].get(n)) for n in names)) for each in rows]


def cell(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    if "missing" in found:
        return found["missing"].partition(":")[0]
    return f"{short(found['ratio'])} ± {short((found['high'] - found['low']) / 2)}"


def short(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2f}"


def measured(machine: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {found}" for name, found in machine["packages"].items())
    cores, threads = machine["cores"], machine["threads"]
    return (
        f"Measured on a CPU ({cores} cores, {threads} thread{'s' * (threads > 1)} for everyone; "
        f"{machine['system']}), {machine['repeats']} turns each, with {versions}."
    )
