"""The table of scikit-learn's estimators as ONNX files: the last committed run of the benchmark."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from models import row

RESULTS = Path(__file__).parents[1] / "onnx_coverage.json"
TASKS = {
    "classification": "Classifiers",
    "regression": "Regressors",
    "clustering": "Clusterers and mixtures",
    "outliers": "Outlier detectors",
    "transformation": "Transformers",
}
COLUMNS = ("estimator", "skl2onnx alone", "unifml", "written by", "largest difference")

Case = dict[str, Any]


def page() -> str:
    record = json.loads(RESULTS.read_text("utf-8"))
    parts = [summary(record["cases"])]
    parts += [text for task in TASKS for text in of_task(task, record["cases"])]
    parts += refused(record["cases"])
    parts += ["## Nothing to export", "", *nothing(record["nothing"])]
    return "\n".join([*parts, "", measured(record["packages"]), ""])


def summary(cases: list[Case]) -> str:
    others = [case["alone"]["verdict"] for case in cases]
    proven = sum(case["unifml"]["verdict"] == "proven" for case in cases)
    return (
        f"Of {len(cases)} estimators that predict or transform, skl2onnx by itself converts "
        f"{others.count('yes')} right and {others.count('wrong')} wrong; unifml exports {proven}, "
        "each with its proof.\n"
    )


def of_task(task: str, cases: list[Case]) -> list[str]:
    mine = [case for case in cases if case["task"] == task]
    lines = [row(*COLUMNS), row("---", "---", "---", "---", "---:")]
    return [f"## {TASKS[task]}", "", *lines, *map(line, mine), ""]


def line(case: Case) -> str:
    found = case["unifml"]
    if found["verdict"] != "proven":
        return row(f"`{case['name']}`", alone(case["alone"]), "refused", "", "")
    differs = number(found["difference"])
    return row(f"`{case['name']}`", alone(case["alone"]), "proven", found["exporter"], differs)


def alone(found: dict[str, Any]) -> str:
    """What skl2onnx does: its reason only where that is short."""
    if found["verdict"] == "wrong" and found["difference"]:
        return f"wrong ({found['reason']}, off by {number(found['difference'])})"
    if found["reason"] in ("no converter", "transform only") or found["verdict"] == "wrong":
        return f"{found['verdict']} ({found['reason']})"
    return str(found["verdict"])


def refused(cases: list[Case]) -> list[str]:
    lines = [
        row(f"`{case['name']}`", case["unifml"]["reason"])
        for case in cases
        if case["unifml"]["verdict"] != "proven"
    ]
    return ["## Refused, and why", "", row("estimator", "why"), row("---", "---"), *lines, ""]


def nothing(names: list[str]) -> list[str]:
    listed = ", ".join(f"`{name}`" for name in names)
    return [f"They neither predict nor transform new rows: {listed}."]


def measured(packages: dict[str, str]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in packages.items())
    return f"Measured with {versions}, on rows that float32 holds exactly."


def number(value: float) -> str:
    """Return a number as short as it can be, which no line break cuts in two."""
    if not value:
        return "0"
    digits, _, power = f"{value:.1e}".partition("e")
    return f"{digits}e{int(power)}".replace("-", "\u2011")
