"""XGBoost, LightGBM and CatBoost: read from what these libraries write of their models."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from unifml.export.boosted.catboost import read_catboost
from unifml.export.boosted.lightgbm import read_lightgbm
from unifml.export.boosted.model import Boosted, write_boosted
from unifml.export.boosted.xgboost import read_xgboost
from unifml.export.own import ROAD
from unifml.export.values import Answers, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer

Reader = Callable[["Writer", Any, Rows], Boosted]


def _by(read: Reader) -> Rule:
    def rule(w: Writer, model: Any, rows: Rows) -> Answers:
        w.road(model, ROAD)
        return write_boosted(w, model, rows, read(w, model, rows))

    return rule


_LIBRARIES: dict[tuple[str, str], Rule] = {
    ("xgboost", "XGBModel"): _by(read_xgboost),
    ("lightgbm", "LGBMModel"): _by(read_lightgbm),
    ("catboost", "CatBoost"): _by(read_catboost),
}


def rule_of(kind: type) -> Rule | None:
    """Return the rule for a type of these libraries, known by its name: none is imported here."""
    return _LIBRARIES.get((kind.__module__.split(".")[0], kind.__name__))


RULES: dict[type, Rule] = {}
