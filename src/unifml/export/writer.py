"""A fitted model of any kind -> nodes of one graph: each part by the rule that knows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from unifml.errors import ExportError
from unifml.export.graph import Graph
from unifml.export.head import label_values
from unifml.export.values import Answers, Block, Rows
from unifml.runtime.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

Rule = Callable[["Writer", Any, Rows], Answers]
Shrink = Callable[["Writer", Any, Mapping[str, str]], tuple[Any, str]]
Road = tuple[str, str]


@dataclass(frozen=True)
class Stage:
    """One model that was written.

    Attributes
    ----------
    path : tuple of str
        Where it stands: names of the steps that lead to it.
    model : object
        The fitted model.
    rows : Rows
        What goes in.
    answers : Answers
        What comes out.
    """

    path: tuple[str, ...]
    model: Any
    rows: Rows
    answers: Answers


@dataclass
class Writer:
    """Writes fitted models into a graph.

    Attributes
    ----------
    g : Graph
        Receives the nodes.
    opset : int
        Version of ONNX's operators.
    shrink : callable or None
        Makes the ``onnx.ModelProto`` of a network smaller before it goes into the graph; it is
        told what the network's inputs are called there, and says what it did.
    roads : list of (part, exporter)
        Who wrote what.
    stages : list of Stage
        What was written, inner parts first.
    closed : set of str
        Inputs in which the file refuses what was not seen in fit, whatever the model makes of it.
    """

    g: Graph
    opset: int
    shrink: Shrink | None = None
    roads: list[Road] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    closed: set[str] = field(default_factory=set)
    path: tuple[str, ...] = ()

    def write(self, model: Any, rows: Rows, name: str = "") -> Answers:
        """Write a fitted model.

        Parameters
        ----------
        model : object
            Anything that predicts or transforms; None and ``"passthrough"`` hand rows through.
        rows : Rows
            What goes in.
        name : str
            What the part is called where it stands; begins the names of its nodes.

        Returns
        -------
        Answers
            What comes out.

        Raises
        ------
        ExportError
            For what has no rule and no converter.
        """
        if model is None or (isinstance(model, str) and model == "passthrough"):
            return Answers(transformed=rows)
        with self._inside(name):
            answers = self._rule(model)(self, model, rows)
            self.stages.append(Stage(self.path, model, rows, answers))
        return answers

    def road(self, model: Any, exporter: str) -> None:
        """Note who writes a part."""
        self.roads.append((type(model).__name__, exporter))

    def convert(self, model: Any, rows: Rows, kind: Kind = "float") -> Answers:
        """Let skl2onnx write one estimator that takes one tensor.

        Parameters
        ----------
        model : estimator
            Fitted.
        rows : Rows
            What goes in.
        kind : Kind
            What it takes: numbers of a precision, or ``"string"``.
        """
        from unifml.export.leaf import convert

        return convert(self, model, rows, kind)

    def inline(
        self, proto: Any, inputs: Mapping[str, str], *, convert: bool = True, name: str = "part"
    ) -> list[str]:
        """Add the graph of another model, and return the names of its outputs.

        Parameters
        ----------
        proto : onnx.ModelProto
            The other model.
        inputs : dict of str to str
            For each of its inputs, what it is called here.
        convert : bool
            Whether its operators may be of another version than this graph's.
        name : str
            Begins the names of its nodes.
        """
        return self.g.inline(proto, inputs, self.opset if convert else None, name)

    def argmax(self, values: str) -> str:
        """Return the number of the largest column in each row, int64 (n,); the first one wins."""
        return self.g.op("ArgMax", values, axis=1, keepdims=0, name="code")

    def labels(self, codes: str, classes: npt.NDArray[Any]) -> str:
        """Return class labels by their numbers."""
        values = self.g.constant("classes", *label_values(np.asarray(classes)))
        return self.g.op("Gather", values, codes, axis=0, name="label")

    def codes(self, answers: Answers, classes: npt.NDArray[Any] | None = None) -> str:
        """Return the number of each row's label in the classes, int64 (n,).

        Parameters
        ----------
        answers : Answers
            Of a classifier.
        classes : array or None
            The order to count in; None takes the classifier's own.
        """
        known = np.asarray(answers.classes if classes is None else classes)
        values, kind = label_values(known)
        if answers.label is None:
            raise ExportError("a part that needs labels", found="a part that gives none")
        if kind is object:
            return self._text_codes(answers.label, [str(value) for value in values])
        column = self.g.op("Unsqueeze", answers.label, self.g.constant("axis", [1], np.int64))
        same = self.g.op("Equal", column, self.g.constant("classes", values, np.int64))
        return self.argmax(self.g.op("Cast", same, to=7))

    def labelled(
        self, probabilities: str, classes: npt.NDArray[Any], *, scores: str | None = None
    ) -> Answers:
        """Return answers whose label is the most probable class."""
        label = self.labels(self.argmax(probabilities), classes)
        return Answers(label, probabilities, scores, classes=np.asarray(classes))

    def predicted(self, values: str, kind: Any, width: int) -> Answers:
        """Return answers of numbers (n, width)."""
        return Answers(prediction=Block(values, kind, (width,)))

    def transformed(self, values: str, kind: Any, width: int) -> Answers:
        """Return answers of one tensor of columns (n, width)."""
        return Answers(transformed=Rows.of(values, kind, width))

    def _text_codes(self, label: str, classes: list[str]) -> str:
        return self.g.op(
            "LabelEncoder",
            label,
            domain="ai.onnx.ml",
            keys_strings=classes,
            values_int64s=list(range(len(classes))),
            default_int64=-1,
        )

    def refusal(self, model: Any, found: str, *, rule: str = "", fix: str = "") -> ExportError:
        """Return an error about a part, which says where it stands."""
        where = " of ".join(f"step {part!r}" for part in self.path[::-1])
        what = f"exporting {type(model).__name__} to ONNX"
        return ExportError(f"{what}, {where}" if where else what, found=found, rule=rule, fix=fix)

    def _rule(self, model: Any) -> Rule:
        from unifml.export.rules import rule_of

        rule = rule_of(type(model))
        if rule is None:
            raise self.refusal(
                model,
                "no converter",
                rule="every part needs a converter of unifml, of skl2onnx or of its own library",
                fix="register one with skl2onnx.update_registered_converter",
            )
        return rule

    @contextmanager
    def _inside(self, name: str) -> Iterator[None]:
        """Let names of nodes begin with the part's, and errors tell where it stands."""
        before, prefix = self.path, self.g.prefix
        if name:
            self.path, self.g.prefix = (*before, name), f"{prefix}{name}/"
        try:
            yield
        finally:
            self.path, self.g.prefix = before, prefix
