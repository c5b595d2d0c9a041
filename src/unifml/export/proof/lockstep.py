"""The parts of a model, asked one after another: each with what the parts before it really give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sklearn.compose import ColumnTransformer
from sklearn.utils import _safe_indexing

from unifml.export.proof.parts import said_by_model
from unifml.export.proof.said import Said
from unifml.runtime.feeding import frame_columns

if TYPE_CHECKING:
    from unifml.export.values import Rows
    from unifml.export.writer import Stage

Names = list[str] | None


class Natives:
    """The parts of a model, asked one after another, each with what really comes to it."""

    def __init__(self, stages: Sequence[Stage], X: Any) -> None:
        self.stages = stages
        columns = frame_columns(X)
        names = None if columns is None else [str(name) for name in columns]
        self.known: dict[Rows, tuple[Any, Names]] = {stages[-1].rows: (X, names)}
        self.asked: dict[int, tuple[Said, Names]] = {}
        self.refused: set[int] = set()

    def ask(self) -> dict[int, tuple[Said, Names]]:
        """Return what each part says and what its columns are called, by its number."""
        while (i := self._next()) is not None:
            X, names = self.known[self.stages[i].rows]
            try:
                self._ask(i, X, names)
            except Exception:
                # a part that cannot be asked by itself is passed over: the one around it is asked
                self.refused.add(i)
        return self.asked

    def _next(self) -> int | None:
        for stage in self.stages:
            if isinstance(stage.model, ColumnTransformer) and stage.rows in self.known:
                self._branches(stage)
        done = self.refused.union(self.asked)
        open_ = (i for i, stage in enumerate(self.stages) if stage.rows in self.known)
        return next((i for i in open_ if i not in done), None)

    def _branches(self, stage: Stage) -> None:
        """Give each transformer its columns."""
        X, names = self.known[stage.rows]
        for name, step, columns in stage.model.transformers_:
            for inner in self.stages:
                own = inner.model is step and inner.path == (*stage.path, name)
                if own and inner.rows not in self.known:
                    places = stage.model._transformer_to_input_indices[name]
                    called = None if names is None else [names[int(place)] for place in places]
                    self.known[inner.rows] = (_safe_indexing(X, columns, axis=1), called)

    def _ask(self, i: int, X: Any, names: Names) -> None:
        stage = self.stages[i]
        said, given = said_by_model(stage, X)
        called = _names(stage.model, names)
        self.asked[i] = (said, called)
        if stage.answers.transformed is not None:
            self.known.setdefault(stage.answers.transformed, (given, called))


def _names(model: Any, names: Names) -> Names:
    try:
        return [str(name) for name in model.get_feature_names_out(names)]
    except (AttributeError, ValueError, TypeError, NotImplementedError):
        return None  # it knows none
