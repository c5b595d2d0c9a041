"""The table of how far backends differ: the figures of the last test run, or those committed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from models import row

DOCS = Path(__file__).parents[1]
FIGURES = (DOCS / "_generated" / "parity.json", DOCS / "parity.json")
COLUMNS = {
    "first loss": "first_loss",
    "one step": "one_step",
    "five epochs": "five_epochs",
    "promised": "promised",
    "moved": "moved",
    "weights": "bitwise",
    "learned": "learned",
}


def page() -> str:
    path = next(path for path in FIGURES if path.exists())
    figures = json.loads(path.read_text("utf-8"))
    versions = ", ".join(f"{name} {version}" for name, version in figures["packages"].items())
    lines = [row("model", *COLUMNS), row(*["---"] * (len(COLUMNS) + 1))]
    lines += [line(case) for case in figures["cases"]]
    return "\n".join([*lines, "", f"Measured with {versions}.", ""])


def line(case: dict[str, Any]) -> str:
    return row(case["case"], *(cell(case, name) for name in COLUMNS.values()))


def cell(case: dict[str, Any], name: str) -> str:
    value, kept = case[name], case["kept"].get(name, True)
    if name == "bitwise":
        shown = "bitwise" if value else "differ"
    elif name == "learned":
        shown = "" if value is None else f"{value:.2f}"
    else:
        shown = "" if value is None else f"{value:.0e}" if name == "promised" else f"{value:.1e}"
    return shown if kept else f"**{shown}**"
