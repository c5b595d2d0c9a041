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
        shown = "" if value is None else number(value, 0 if name == "promised" else 1)
    return shown if kept else f"**{shown}**"


def number(value: float, digits: int) -> str:
    """Return a number as short as it can be, which no line break cuts in two."""
    if not value:
        return "0"
    digits_of, _, power = f"{value:.{digits}e}".partition("e")
    return f"{digits_of}e{int(power)}".replace("-", "\u2011")
