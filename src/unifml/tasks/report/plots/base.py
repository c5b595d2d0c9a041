"""What all plots of an evaluation share: a canvas, a title, colours that everybody can tell apart.

Colours are those of Okabe and Ito, "Color universal design", 2008; lines differ in dashes as well.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from unifml.tasks.drawing import INK, figure, plain

LINES = ("-", "--", "-.", ":")
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
WIDTH = 6.4


@dataclass(frozen=True)
class Plot:
    """One kind of plot.

    Attributes
    ----------
    name : str
        What `Evaluation.plot` calls it.
    shows : str
        What it shows, in words.
    draw : callable
        ``draw(evaluation)`` returns a matplotlib Figure.
    lacks : callable
        ``lacks(evaluation)`` says what it would need, or an empty string if nothing.
    """

    name: str
    shows: str
    draw: Callable[..., Any]
    lacks: Callable[[Any], str]


def canvas(title: str, evaluation: Any, height: float = 4.6, width: float = WIDTH) -> Any:
    """Return a figure with one axes, titled by what it shows and of what."""
    drawn, axes = figure(width, height)
    headline(drawn, title, evaluation)
    return drawn, axes[0, 0]


def headline(drawn: Any, title: str, evaluation: Any) -> None:
    """Write what is shown, and below it of what."""
    of = textwrap.wrap(evaluation.title, int(drawn.get_figwidth() * 15), max_lines=3)
    lines = "\n".join([title, *of])
    drawn.suptitle(plain(lines), x=0.01, ha="left", fontsize=9, color=INK, linespacing=1.4)


def style(place: int) -> dict[str, Any]:
    """Return colour and dashes of the line at a place: no two of the first 24 are alike."""
    return {
        "color": PALETTE[place % len(PALETTE)],
        "ls": LINES[place // len(PALETTE) % len(LINES)],
    }


def legend(ax: Any, **where: Any) -> None:
    """Write the legend small and without a box."""
    ax.legend(fontsize=8, **{"frameon": False, **where})


def bare(ax: Any, *sides: str) -> None:
    """Take the frame away where it says nothing."""
    for side in sides or ("top", "right"):
        ax.spines[side].set_visible(False)
