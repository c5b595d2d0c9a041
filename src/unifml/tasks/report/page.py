"""An evaluation as one page: a file that shows everything and asks no network for anything."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from unifml._version import __version__
from unifml.tasks.info import installed_version
from unifml.tasks.report.css import CSS
from unifml.tasks.report.facts import (
    done,
    notes,
    packages,
    score_rows,
)
from unifml.tasks.report.html import facts, note, picture, section, table
from unifml.tasks.report.plots import PLOTS, possible
from unifml.tasks.table import seconds


def evaluation_page(evaluation: Any, path: Any = None) -> str:
    """Return the page of an evaluation, and write it where a path is given.

    Parameters
    ----------
    evaluation : Evaluation
        What is shown.
    path : path-like or None
        Where to write it as well.
    """
    sections = [
        section("What was done", facts({**done(evaluation), **versions(packages(evaluation))})),
        section("Scores", table(score_rows(evaluation)), *map(note, notes(evaluation))),
        _plots(evaluation),
        section("Classes", *_table(evaluation.by_class)),
        section("Slices", *_table(evaluation.slices)),
        section("Folds", table(evaluation.folds)),
        section("Failures", *_table(evaluation.failures)),
        section("Times", facts(_times(evaluation))),
    ]
    return page("Evaluation", evaluation.title, sections, path)


def page(title: str, lead: str, sections: Iterable[str], path: Any = None) -> str:
    """Return a page that holds all that it needs, and write it where a path is given.

    Parameters
    ----------
    title, lead : str
        At the top.
    sections : iterable of str
        HTML, as `report.html.section` makes it; empty ones are left out.
    path : path-like or None
        Where to write it as well.
    """
    shown = [each for each in sections if each]
    text = (
        "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{escape(title)}: {escape(lead)}</title><style>{CSS}</style></head>\n"
        f"<body><header><h1>{escape(title)}</h1><p class='lead'>{escape(lead)}</p></header>"
        f"<nav>{''.join(map(_link, shown))}</nav>\n<main>\n"
        + "\n".join(shown)
        + f"\n</main><footer><p class='note'>unifml {__version__}</p></footer></body></html>\n"
    )
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text


def versions(packages: Iterable[str] = ()) -> Mapping[str, str]:
    """Return what computed it, some packages besides."""
    names = dict.fromkeys(("sklearn", "numpy", *packages))
    found = ", ".join(f"{name} {installed_version(name)}" for name in names)
    return {"Versions": f"unifml {__version__}, {found}, Python {platform.python_version()}"}


def _plots(evaluation: Any) -> str:
    if find_spec("matplotlib") is None:
        return section("Plots", note('not drawn: run python -m pip install "unifml[plot]"'))
    bare = _Untitled(evaluation)
    drawn = [picture(PLOTS[kind].draw(bare), PLOTS[kind].shows) for kind in possible(evaluation)]
    return section("Plots", f"<div class='plots'>{''.join(drawn)}</div>")


class _Untitled:
    """An evaluation whose plots do not say what the page says above them."""

    title = ""

    def __init__(self, evaluation: Any) -> None:
        self._evaluation = evaluation

    def __getattr__(self, name: str) -> Any:
        return getattr(self._evaluation, name)


def _table(records: Sequence[Mapping[str, Any]]) -> list[str]:
    return [table(records)] if records else []


def _times(evaluation: Any) -> dict[str, str]:
    several = " (mean of the folds)" if len(evaluation.folds) > 1 else ""
    found = {f"Fit{several}": seconds(evaluation.fit_seconds)}
    return found | {f"Predict{several}": seconds(evaluation.predict_seconds)}


def _link(part: str) -> str:
    found = re.match(r"<section id='([^']*)'><h2>(.*?)</h2>", part)
    return f"<a href='#{found[1]}'>{found[2]}</a>" if found else ""
