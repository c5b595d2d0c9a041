"""What models of tables have in common: their columns become features."""

from __future__ import annotations

from collections.abc import Mapping

from unifml.core.signature import Signature
from unifml.errors import ParameterError
from unifml.layers import (
    Activation,
    Columns,
    Embedding,
    FeatureDense,
    Flatten,
    Layer,
    Parallel,
    PeriodicFeatures,
    PiecewiseLinear,
    Sequential,
)
from unifml.models import rules
from unifml.models.base import Model

NUMERIC: dict[str, type[Layer]] = {"periodic": PeriodicFeatures, "piecewise": PiecewiseLinear}


class TableModel(Model):
    """The base of models whose rows are columns of numbers, or codes of categories."""

    # Fields of each model, in the place that suits it.
    numeric: str | None
    numeric_dim: int
    categorical: tuple[int | str, ...]
    categorical_dim: int

    def coded_columns(self, signature: Signature) -> tuple[int, ...]:
        self._check()
        names = signature.feature_names or ()
        columns = tuple(self._column(column, names) for column in self.categorical)
        inside = all(0 <= column < signature.n_features for column in columns)
        if not inside or len(set(columns)) < len(columns):
            raise ParameterError(
                f"categorical={self.categorical!r} for {signature.n_features} columns",
                rule=f"0 <= column < {signature.n_features} must hold, and each stands there once",
            )
        return columns

    def example(self) -> Signature:
        columns = {column for column in self.categorical if not isinstance(column, str)}
        width = max(3, *columns) + len(self.categorical) if columns else 4 + len(self.categorical)
        named = iter([column for column in self.categorical if isinstance(column, str)])
        names = tuple(f"x{i}" if i in columns else next(named, f"x{i}") for i in range(width))
        return Signature((width,), 2, 2, feature_names=names)

    def _check(self) -> None:
        """Raise for parameters that no backend could make a network of."""
        rules.among_or_none("numeric", self.numeric, NUMERIC)
        rules.whole("numeric_dim", self.numeric_dim)
        rules.whole("categorical_dim", self.categorical_dim)
        fits = isinstance(self.categorical, tuple) and all(
            isinstance(column, str) or rules.is_whole(column, 0) for column in self.categorical
        )
        if not fits:
            raise ParameterError(
                f"categorical={self.categorical!r}",
                rule="categorical is a tuple of columns, each a number from 0 on or a name",
                fix="write categorical=(0,) for the first column",
            )

    def _features(self, signature: Signature, *ready: Layer) -> tuple[Layer, ...]:
        """Return what makes features of standardised columns.

        Parameters
        ----------
        signature : Signature
            The columns.
        *ready : Layer
            What columns of numbers go through first.
        """
        codes, others = self._parted(signature)
        numbers = (*ready, *self._numeric())
        if not codes:
            return numbers
        coded = self._coded(codes, dict(signature.levels))
        if not others:
            return (coded,)
        plain = Sequential((Columns(others, name="columns"), *numbers), name="numeric")
        return (Parallel((plain, coded), name="features"),)

    def _parted(self, signature: Signature) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the columns of codes, and those of numbers."""
        codes = self.coded_columns(signature)
        return codes, tuple(i for i in range(signature.n_features) if i not in codes)

    def _numeric(self) -> tuple[Layer, ...]:
        if self.numeric is None:
            return ()
        return (
            NUMERIC[self.numeric](name=self.numeric),
            FeatureDense(self.numeric_dim, name="dense"),
            Activation("relu", name="relu"),
            Flatten(name="flat"),
        )

    def _coded(self, columns: tuple[int, ...], levels: Mapping[int, int]) -> Layer:
        sizes = tuple(levels.get(column, 1) for column in columns)
        steps = (
            Columns(columns, name="columns"),
            Embedding(sizes, self.categorical_dim, unknown=True, name="embedding"),
            Flatten(name="flat"),
        )
        return Sequential(steps, name="categorical")

    def _column(self, column: int | str, names: tuple[str, ...]) -> int:
        """Return the number of a column."""
        if not isinstance(column, str):
            return int(column)
        if column not in names:
            raise ParameterError(
                f"categorical={self.categorical!r}",
                found=f"{column!r} is not among the columns {list(names)[:10]}"
                if names
                else "the columns of X have no names",
                rule="names are those of a frame's columns",
                fix="" if names else "give a frame, or the numbers of the columns",
            )
        return names.index(column)
