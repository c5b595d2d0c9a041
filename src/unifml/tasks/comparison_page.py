"""A comparison as one HTML page that needs no network."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from unifml.tasks.comparison_table import brief, notes, size, standings
from unifml.tasks.report.html import facts, note, picture, section, table
from unifml.tasks.report.page import page, versions
from unifml.tasks.table import seconds

if TYPE_CHECKING:
    from unifml.tasks.comparison import Comparison

_PLOTS = {
    "scores": "scores of each model with intervals",
    "differences": "differences to the best model with intervals",
    "pareto": "quality against the time of one answer",
}


def comparison_page(comparison: Comparison, path: Any = None) -> str:
    """Return the page of a comparison, and write it where a path is given."""
    header, rows = standings(comparison, more=0)
    ranking = [dict(zip(header, row, strict=True)) for row in rows]
    sections = [
        section("Ranking", table(ranking), *map(note, notes(comparison))),
        _plots(comparison),
        section("Tests of pairs", *_table(_tests(comparison))),
        section("Costs", table(_costs(comparison))),
        section("All scores", table(_scores(comparison))),
        section("What was done", facts({"Models": ", ".join(comparison), **versions()})),
    ]
    return page("Comparison", comparison.title, sections, path)


def _plots(comparison: Comparison) -> str:
    if find_spec("matplotlib") is None:
        return section("Plots", note('not drawn: run python -m pip install "unifml[plot]"'))
    kinds = [kind for kind in _PLOTS if kind != "differences" or len(comparison) > 1]
    drawn = "".join(picture(comparison.plot(kind), _PLOTS[kind]) for kind in kinds)
    return section("Plots", f"<div class='plots'>{drawn}</div>")


def _tests(comparison: Comparison) -> list[dict[str, Any]]:
    return [
        {
            "first": first,
            "second": second,
            "difference": test.difference,
            "low": None if test.interval is None else test.interval[0],
            "high": None if test.interval is None else test.interval[1],
            "p": test.p_value,
            "p, corrected": test.adjusted,
            "test": test.name,
        }
        for (first, second), test in comparison.tests.items()
    ]


def _costs(comparison: Comparison) -> list[dict[str, Any]]:
    front = set(comparison.pareto)
    return [
        {
            "model": cost["name"],
            "fit": seconds(cost["fit_seconds"]),
            "predict": brief(cost["predict_seconds"]),
            "one row": brief(cost["latency"]),
            "size": size(cost["bytes"]),
            "weights": cost["weights"],
            "beaten by none": "yes" if cost["name"] in front else "no",
        }
        for cost in comparison.costs
    ]


def _scores(comparison: Comparison) -> list[dict[str, Any]]:
    return [{"model": name, **each.scores} for name, each in comparison.items()]


def _table(records: list[dict[str, Any]]) -> list[str]:
    return [table(records)] if records else []
