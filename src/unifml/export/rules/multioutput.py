"""One model per output, side by side or in a chain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.multioutput import (
    ClassifierChain,
    MultiOutputClassifier,
    MultiOutputRegressor,
    RegressorChain,
)

from unifml.export.head import label_values
from unifml.export.members import as_column, beside, binary, block_of
from unifml.export.values import ELEMENTS, Answers, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer


def _classifiers(w: Writer, model: Any, rows: Rows) -> Answers:
    """Write each; together their labels are one tensor (n, outputs)."""
    kinds = {label_values(np.asarray(classes))[1] for classes in model.classes_}
    if len(kinds) > 1:
        raise w.refusal(
            model,
            "labels of text beside labels of numbers",
            rule="one tensor holds text or numbers",
            fix="train on labels as text: y.astype(str)",
        )
    parts = enumerate(model.estimators_)
    each = tuple(w.write(part, rows, f"output_{i}") for i, part in parts)
    labels = [as_column(w.g, answers.label) for answers in each if answers.label is not None]
    return Answers(beside(w.g, labels), outputs=each)


def _regressors(w: Writer, model: Any, rows: Rows) -> Answers:
    parts = enumerate(model.estimators_)
    each = [w.write(part, rows, f"output_{i}").prediction for i, part in parts]
    columns = [block.cast(w.g, "double").name for block in each if block is not None]
    return w.predicted(beside(w.g, columns), "double", len(columns))


def _classifier_chain(w: Writer, model: Any, rows: Rows) -> Answers:
    """Write the chain; labels are numbers, one per output, and probabilities those of the last."""
    if any(len(classes) != 2 or list(classes) != [0, 1] for classes in model.classes_):
        raise w.refusal(
            model,
            "outputs that are not 0 and 1",
            rule="chains of binary outputs can be exported",
            fix="train on y of zeros and ones",
        )
    has = all(hasattr(part, "predict_proba") for part in model.estimators_)
    asked = ("predict", "predict_proba") if has else ("predict",)
    label, *shares = _chain(w, model, rows, model.chain_method_, asked)
    label = w.g.op("Cast", label, to=ELEMENTS["int64"])
    return Answers(label, shares[0] if shares else None)


def _regressor_chain(w: Writer, model: Any, rows: Rows) -> Answers:
    (values,) = _chain(w, model, rows, "predict", ("predict",))
    return w.predicted(values, "double", len(model.estimators_))


def _chain(w: Writer, model: Any, rows: Rows, linked: str, asked: tuple[str, ...]) -> list[str]:
    """Write model after model, and return what was asked of each, in the order of the outputs."""
    said: dict[str, list[str]] = {method: [] for method in asked}
    links = rows
    for i, part in enumerate(model.estimators_):
        answers = w.write(part, links, f"link_{i}")
        for method in asked:
            said[method].append(_asked(w, part, links, answers, method))
        link = said[linked][-1] if linked in said else _asked(w, part, links, answers, linked)
        links = Rows((*links.blocks, block_of(link, 1)))
    places = np.argsort(model.order_)
    return [beside(w.g, [columns[place] for place in places]) for columns in said.values()]


def _asked(w: Writer, part: Any, rows: Rows, answers: Answers, method: str) -> str:
    """Return one column of what a link says."""
    if method != "predict_log_proba":
        return binary(w, part, rows, answers, (method,)).values
    return w.g.op("Log", binary(w, part, rows, answers, ("predict_proba",)).values)


RULES: dict[type, Rule] = {
    MultiOutputClassifier: _classifiers,
    MultiOutputRegressor: _regressors,
    ClassifierChain: _classifier_chain,
    RegressorChain: _regressor_chain,
}
