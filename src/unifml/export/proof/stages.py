"""Where a file first differs from its model: each part that was written, asked in the data's order.

The file is run once more with the tensors between its parts as outputs; the parts of the model are
asked natively, each on what the parts before it really give.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unifml.export.graph import needed_nodes
from unifml.export.proof.compare import Verdict, compare
from unifml.export.proof.lockstep import Names, Natives
from unifml.export.proof.parts import said_by_file, tensors_of
from unifml.export.proof.said import MARGIN, Array, Said
from unifml.runtime.feeding import Feeder
from unifml.runtime.schema import Schema

if TYPE_CHECKING:
    from unifml.export.writer import Stage


@dataclass(frozen=True)
class Difference:
    """A part whose answers differ.

    Attributes
    ----------
    stage : Stage
        The part.
    native, onnx : dict of str to array
        What it says, and what its tensors in the file hold.
    verdict : Verdict or None
        How they differ; None where the file cannot compute the part.
    names : list of str or None
        Names of the columns it gives, where they are known.
    """

    stage: Stage
    native: Said
    onnx: Said
    verdict: Verdict | None
    names: Names

    @property
    def where(self) -> str:
        """The part as users know it."""
        return told(self.stage)


def told(stage: Stage) -> str:
    """Return a part as users know it: its step, and its type."""
    shown = repr(stage.model)
    if len(shown) > 60 or "\n" in shown or not shown.startswith(type(stage.model).__name__):
        shown = type(stage.model).__name__
    steps = [f"{'step ' if not i else ''}{name!r}" for i, name in enumerate(stage.path[::-1])]
    return f"{' of '.join(steps)} ({shown})" if steps else f"the model itself ({shown})"


def first_difference(
    content: bytes, stages: Sequence[Stage], X: Any, schema: Schema, scale: float = 1.0
) -> Difference | None:
    """Return the first part that differs, in the order in which data run; None if none does.

    Parameters
    ----------
    content : bytes
        The file.
    stages : sequence of Stage
        What was written, inner parts first.
    X : rows
        On which they differ.
    schema : Schema
        What the file takes.
    scale : float
        By how much tolerances are wider.
    """
    values, failed = _File(content, stages).run(Feeder(schema)(X))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        asked = Natives(stages, X).ask()
    for i in sorted(asked):
        native, names = asked[i]
        onnx = said_by_file(stages[i], values, native)
        both = {key: told for key, told in native.items() if key in onnx or key == MARGIN}
        if not onnx:
            continue
        verdict = compare(both, onnx, scale=scale, classes=_classes(stages[i]))
        if not verdict.right:
            return Difference(stages[i], native, onnx, verdict, names)
    return None if failed is None else Difference(stages[failed], {}, {}, None, None)


def _classes(stage: Stage) -> list[Any]:
    """Return the labels of each output of a part."""
    outputs = stage.answers.outputs or (stage.answers,)
    return [output.classes for output in outputs if output.classes is not None]


class _File:
    """A file that gives the tensors between its parts, as far as it still has them."""

    def __init__(self, content: bytes, stages: Sequence[Stage]) -> None:
        import onnx

        self.proto = onnx.load_from_string(content)
        self.there = {name for node in self.proto.graph.node for name in node.output}
        self.stages = stages

    def run(self, feed: dict[str, Array]) -> tuple[dict[str, Array], int | None]:
        """Return the tensors by name, and the first part that cannot be computed, if one cannot."""
        values, failure = self._outputs(self.stages, feed)
        if failure is None:
            return feed | values, None
        values = feed
        for i, stage in enumerate(self.stages):
            found, failure = self._outputs([stage], feed)
            if failure is not None:
                return values, i
            values = values | found
        return values, None

    def _outputs(
        self, stages: Sequence[Stage], feed: dict[str, Array]
    ) -> tuple[dict[str, Array], Exception | None]:
        import onnx
        import onnxruntime

        wanted = sorted({name for stage in stages for name in tensors_of(stage)} & self.there)
        part = onnx.ModelProto()
        part.CopyFrom(self.proto)
        del part.graph.output[:], part.graph.node[:]
        part.graph.node.extend(needed_nodes(self.proto.graph.node, wanted))
        part.graph.output.extend(onnx.ValueInfoProto(name=name) for name in wanted)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        try:
            session = onnxruntime.InferenceSession(
                part.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
            return dict(zip(wanted, session.run(wanted, feed), strict=True)), None
        except Exception as error:
            # onnxruntime raises what it likes; the part is named in the error that is made of it
            return {}, error
