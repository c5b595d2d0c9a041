"""What boosting libraries have in common: trees that are summed up, a base, a link."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sklearn.base import is_classifier

from unifml.export.algebra import Algebra
from unifml.export.forest import Tree, grown
from unifml.export.formulas import Real, log1p
from unifml.export.sets import Sets, coded
from unifml.export.values import ELEMENTS, Answers, Rows

if TYPE_CHECKING:
    from unifml.export.graph import Graph
    from unifml.export.writer import Writer


@dataclass(frozen=True)
class Boosted:
    """A model read from another library.

    Attributes
    ----------
    trees : tuple of Tree
        Their leaves have a value for each target.
    base : array of shape (targets,)
        What is added to the sums.
    link : str
        From sums to what is predicted; a key of `LINKS`.
    share : float
        What sums are multiplied with before anything else.
    coef : array of shape (features, targets), or None
        Of linear boosters, instead of trees.
    single : bool
        Whether columns count as float32, as the library rounds them.
    missing : float
        The number that stands for a missing value; NaN always does.
    zeros : tuple of int
        Columns where 0 stands for a missing value.
    sets : Sets or None
        Splits by categories.
    categories : dict of int to array
        Of columns of a frame: the categories that the library counts, in their order.
    closed : bool
        Whether categories that it does not know are refused; else they are missing ones.
    """

    trees: tuple[Tree, ...]
    base: npt.NDArray[np.float64]
    link: str
    share: float = 1.0
    coef: npt.NDArray[np.float64] | None = None
    single: bool = True
    missing: float = np.nan
    zeros: tuple[int, ...] = ()
    sets: Sets | None = None
    categories: Mapping[int, Any] = field(default_factory=dict)
    closed: bool = False

    @property
    def targets(self) -> int:
        """Columns of the sums."""
        return len(self.base)


def write_boosted(w: Writer, model: Any, rows: Rows, read: Boosted) -> Answers:
    """Write a model that was read.

    Parameters
    ----------
    w : Writer
        Receives the nodes.
    model : estimator
        The model itself, for its classes.
    rows : Rows
        What goes in.
    read : Boosted
        What was read of it.
    """
    sums = _sums(w, coded(w, rows, read.categories, closed=read.closed), read)
    if not is_classifier(model):
        return w.predicted(LINKS[read.link](sums).name, "double", read.targets)
    classes = np.asarray(model.classes_)
    if read.link == "independent":
        return _labels(w, sums, classes)
    if read.targets == 1:
        return _two(w, sums, read, classes)
    shares = LINKS[read.link](sums).name
    label = w.labels(w.argmax(sums.name), classes)
    return Answers(label, shares, classes=classes)


def _columns(g: Graph, rows: Rows, read: Boosted) -> str:
    """Return the columns as the library sees them, float64, with NaN for what is missing."""
    x = Real.of(g, rows.joined(g, "float" if read.single else None))
    if not np.isnan(read.missing):
        known = np.float32(read.missing) if read.single else read.missing
        x = x.otherwise(x.equals(float(known)), np.nan)
    if read.zeros:
        here = np.isin(np.arange(rows.width), read.zeros)
        none = x.do("Abs") <= np.where(here, _ZERO, -1.0)
        x = x.otherwise(none, np.nan)
    return x.name


_ZERO = 1.0000000180025095e-35  # LightGBM's: smaller numbers count as 0


def _sums(w: Writer, rows: Rows, read: Boosted) -> Real:
    g, x, trees = w.g, _columns(w.g, rows, read), read.trees
    if read.coef is not None:
        values = Real(g, x)
        there = values.otherwise(values.missing(), 0.0)
        return there.do("MatMul", read.coef) + read.base
    if not trees:
        return Real(g, Algebra(g).filled(x, read.base))
    if read.sets is not None:
        x, trees = read.sets.beside(w, x), tuple(read.sets.placed(trees))
    sums = Real(g, grown(g, x, trees, read.targets))
    if read.share != 1:
        sums = sums * read.share
    return sums + read.base if np.any(read.base) else sums


def _two(w: Writer, sums: Real, read: Boosted, classes: Any) -> Answers:
    """Take the second of two classes where the sum is above 0."""
    link = LINKS[read.link]
    if read.link == "hinge":
        yes = link(sums)
        no = 1.0 - yes
    else:  # a small share of the first class stays exact
        no, yes = link(-sums), link(sums)
    shares = w.g.op("Concat", no.name, yes.name, axis=1, name="probabilities")
    over = w.g.op("Cast", sums > 0.0, to=ELEMENTS["int64"])
    codes = w.g.op("Reshape", over, w.g.constant("flat", [-1], np.int64))
    return Answers(w.labels(codes, classes), shares, classes=classes)


def _labels(w: Writer, sums: Real, classes: Any) -> Answers:
    """Take every label whose sum is above 0."""
    label = w.g.op("Cast", sums > 0.0, to=ELEMENTS["int64"])
    return Answers(label, sums.do("Sigmoid").name, classes=classes)


def _signed_square(x: Real) -> Real:
    return x * x.do("Abs")


def _softplus(x: Real) -> Real:
    return log1p((-x.do("Abs")).do("Exp")) + x.do("Max", 0.0)


LINKS: dict[str, Callable[[Real], Real]] = {
    "identity": lambda x: x,
    "exp": lambda x: x.do("Exp"),
    "sigmoid": lambda x: x.do("Sigmoid"),
    "independent": lambda x: x.do("Sigmoid"),
    "softmax": lambda x: x.do("Softmax", axis=1),
    "hinge": lambda x: Real(x.g, x.g.op("Cast", x > 0.0, to=ELEMENTS["double"])),
    "signed square": _signed_square,
    "softplus": _softplus,
}
"""From sums to what is predicted."""
