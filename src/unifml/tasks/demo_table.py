"""The demo's table, as text and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from unifml.tasks.demo import FOLDS, METRIC, Result, Row
from unifml.tasks.drawing import ACCENT, INK, PALE, figure
from unifml.tasks.table import seconds, text_table

HEADER = ("data", "model", METRIC, "95% interval", "fit", "predict", "ONNX difference")
_WIDTHS = (1.35, 2.3, 1.0, 1.6, 0.95, 1.0, 1.5)  # inches
_HEIGHT = 0.34
_NOTE = (
    f"{METRIC}: mean of {FOLDS} folds, interval by the corrected resampled t; times: of one fold; "
    "tuning is repeated inside each fold"
)


def as_text(result: Result) -> str:
    """Return the table with what it means, and what is missing."""
    lines = [text_table(HEADER, _cells(result.rows), left=2), _NOTE]
    return "\n".join([*lines, *(f"left out: {what}" for what in result.missing)])


def save_picture(result: Result, path: str) -> Path:
    """Draw the table to a PNG file.

    Raises
    ------
    MissingDependencyError
        If matplotlib is not installed.
    """
    cells = _cells(result.rows)
    width, height = sum(_WIDTHS) + 0.6, (len(cells) + 3.2) * _HEIGHT
    drawn, axes = figure(width, height)
    ax = axes[0, 0]
    ax.set(xlim=(-0.3, width - 0.3), ylim=(len(cells) + 1.4, -1.8))
    ax.axis("off")
    title = "One network, every backend: cross-validated, tuned and proven as ONNX"
    ax.text(0, -1.25, title, fontsize=13, weight="bold", color=INK, va="center")
    _line(ax, 0, HEADER, color=ACCENT, weight="bold")
    previous = ""
    for i, row in enumerate(cells, start=1):
        new = row[0] != previous
        ax.axhline(i - 0.5, color=INK if new else PALE, lw=1.0 if new else 0.5)
        _line(ax, i, (row[0] if new else "", *row[1:]), color=INK)
        previous = row[0]
    ax.axhline(len(cells) + 0.5, color=INK, lw=1.0)
    ax.text(0, len(cells) + 1.0, f"unifml demo; {_NOTE}", fontsize=8, color="#66717c", va="center")
    drawn.savefig(path, dpi=160)
    return Path(path)


def _line(ax: object, y: float, cells: Sequence[str], **style: str) -> None:
    left = 0.0
    for i, (cell, width) in enumerate(zip(cells, _WIDTHS, strict=True)):
        words = i < 2
        x = left if words else left + width
        ax.text(  # type: ignore[attr-defined]
            x, y, cell, fontsize=10, ha="left" if words else "right", va="center", **style
        )
        left += width


def _cells(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    return [
        (
            row.data,
            row.model,
            f"{row.score:.3f}",
            "{:.3f} to {:.3f}".format(*row.interval),
            seconds(row.fit_seconds),
            seconds(row.predict_seconds),
            "-" if row.onnx_difference is None else f"{row.onnx_difference:.1e}",
        )
        for row in rows
    ]
