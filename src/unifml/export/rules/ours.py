"""Estimators of unifml: networks from their spec and weights, natives by their framework."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from unifml.core.exported import road_of, takes_names
from unifml.core.fitted import Fitted
from unifml.estimators import Classifier, Regressor, Transformer
from unifml.estimators.halved import encoder_of
from unifml.export.emit import emit, network_model
from unifml.export.head import (
    write_label,
    write_prediction,
    write_probabilities,
    write_scored_label,
)
from unifml.export.values import Answers, Block, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer

EMITTER = "unifml"


def _classifier(w: Writer, model: Any, rows: Rows) -> Answers:
    inner, classes = model._estimator(), np.asarray(model.classes_)
    if inner is not None:
        return _decoded(w, w.write(inner, rows), model)
    fitted: Fitted = model._fitted
    raw, width = _raw(w, model, rows)
    task, output = fitted.plan.task, fitted.plan.output
    if output == "scores":
        label = write_scored_label(w.g, raw, task, width, classes)
        return Answers(label, scores=raw, classes=classes)
    probabilities = write_probabilities(w.g, raw, task, output, width)
    label = write_label(w.g, probabilities, task, classes)
    return Answers(label, probabilities, classes=classes)


def _decoded(w: Writer, answers: Answers, model: Any) -> Answers:
    """Return the user's own labels, where the estimator inside learned their numbers."""
    if answers.outputs:
        return _one_table(w, answers, model)
    codes = model.__dict__.get("_fitted_codes")
    if codes is None:
        return answers
    label = w.labels(w.codes(answers), codes.classes)
    return Answers(label, answers.probabilities, answers.scores, classes=np.asarray(codes.classes))


def _one_table(w: Writer, answers: Answers, model: Any) -> Answers:
    """Return how probable it is that each label is on, side by side."""
    classes = np.asarray(model.classes_)
    given = [output.probabilities for output in answers.outputs if output.probabilities]
    if len(given) < len(answers.outputs):
        return Answers(answers.label, classes=classes)
    on = w.g.constant("on", [1], np.int64)
    each = [w.g.op("Gather", probabilities, on, axis=1) for probabilities in given]
    shares = w.g.op("Concat", *each, axis=1, name="probabilities")
    return Answers(answers.label, shares, classes=classes)


def _regressor(w: Writer, model: Any, rows: Rows) -> Answers:
    inner = model._estimator()
    if inner is not None:
        return w.write(inner, rows)
    raw, width = _raw(w, model, rows)
    return w.predicted(write_prediction(w.g, raw, model._fitted), "float", width)


def _transformer(w: Writer, model: Any, rows: Rows) -> Answers:
    inner = model._estimator()
    if inner is not None:
        return w.write(inner, rows)
    encoder = encoder_of(model._fitted)
    raw, width = _network(w, encoder, _inputs(w, encoder, rows), repr(model))
    return w.transformed(raw, "float", width)


def _raw(w: Writer, model: Any, rows: Rows) -> tuple[str, int]:
    """Write a network or a native model, and return its raw outputs and their width."""
    fitted: Fitted = model._fitted
    inputs = _inputs(w, fitted, rows)
    if fitted.weights is not None and fitted.plan.network is not None:
        return _network(w, fitted, inputs, repr(model))
    return _native(w, model, fitted, inputs)


def _inputs(w: Writer, fitted: Fitted, rows: Rows) -> dict[str, Block]:
    """Return the inputs of a network by name."""
    signature = fitted.plan.signature
    if any(block.key for block in rows.blocks):
        return {block.key: block for block in rows.blocks}
    if len(rows.blocks) == 1:
        return {signature.feeds[0].name: rows.blocks[0]}
    return {signature.feeds[0].name: rows.joined(w.g)}


def _network(w: Writer, fitted: Fitted, inputs: Mapping[str, Block], part: str) -> tuple[str, int]:
    plan = fitted.plan
    assert fitted.weights is not None
    width = plan.task.width
    if w.shrink is None:
        w.roads.append((part, EMITTER))
        return emit(w.g, _known(w, inputs), plan.graph, fitted.weights, _double(inputs)), width
    floats = {name: _as_fed(w, block).name for name, block in inputs.items()}
    proto, how = w.shrink(w, network_model(plan.graph, fitted.weights, w.opset), floats)
    w.roads.append((part, f"{EMITTER}, {how}"))
    return w.inline(proto, floats, name="network")[0], width


def _known(w: Writer, inputs: Mapping[str, Block]) -> dict[str, str]:
    """Return names of tensors that a network can take: float32, float64 or lengths."""
    return {
        name: (b if b.kind in ("float", "double", "lengths") else b.cast(w.g, "double")).name
        for name, b in inputs.items()
    }


def _double(inputs: Mapping[str, Block]) -> frozenset[str]:
    return frozenset(n for n, b in inputs.items() if b.kind not in ("float", "lengths"))


def _as_fed(w: Writer, block: Block) -> Block:
    return block if block.kind == "lengths" else block.cast(w.g, "float")


def _native(w: Writer, model: Any, fitted: Fitted, inputs: Mapping[str, Block]) -> tuple[str, int]:
    adapter, plan = fitted.adapter, fitted.plan
    if not adapter.capabilities.onnx:
        raise w.refusal(
            model,
            f"a native model of backend {adapter.name!r}",
            rule="the adapter must have the capability 'onnx'",
        )
    proto = adapter.to_onnx(fitted.model, plan, w.opset)
    road, names = road_of(proto, adapter.name), {name: b.name for name, b in inputs.items()}
    if w.shrink is not None:
        proto, how = w.shrink(w, proto, names)
        road = f"{road}, {how}"
    w.roads.append((repr(model), road))
    (raw,) = w.inline(proto, names, name="native")
    return w.g.as_float(raw), _native_width(fitted)


def _native_width(fitted: Fitted) -> int:
    """Ask a native model how many outputs it has."""
    signature = fitted.plan.signature
    row: dict[str, Any] = {}
    for feed in signature.feeds:
        sides = (1, *(1 if side < 0 else side for side in feed.shape))
        row[feed.name] = np.zeros(sides, dtype=signature.dtype)
        if feed.ragged:
            row[feed.lengths] = np.ones(1, dtype=np.int64)
    X: Any = row if takes_names(signature) else row["X"]
    return int(fitted.outputs(X).shape[1])


RULES: dict[type, Rule] = {
    Classifier: _classifier,
    Regressor: _regressor,
    Transformer: _transformer,
}
