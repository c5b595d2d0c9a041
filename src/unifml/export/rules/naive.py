"""Naive Bayes, and dummies that do not look at the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import naive_bayes as nb
from sklearn.dummy import DummyClassifier, DummyRegressor

from unifml.export.algebra import Algebra
from unifml.export.own import by_unifml, dense, doubles, several
from unifml.export.rules.mixtures import squared_lengths
from unifml.export.values import Answers, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer


def _said(w: Writer, a: Algebra, joint: str, classes: Any) -> Answers:
    """Say the class of the largest joint log-likelihood."""
    label = w.labels(w.argmax(joint), classes)
    shares = a.op("Softmax", joint, axis=1, name="probabilities")
    return Answers(label, shares, classes=np.asarray(classes))


def _gaussian(w: Writer, model: Any, rows: Rows) -> Answers:
    a, x = doubles(w, rows)
    variances = dense(model.var_)
    lengths = squared_lengths(a, x, model.theta_, variances**-0.5)
    sizes = np.log(dense(model.class_prior_)) - 0.5 * np.log(2 * np.pi * variances).sum(axis=1)
    return _said(w, a, a.add(a.mul(lengths, -0.5), sizes), model.classes_)


def _multinomial(w: Writer, model: Any, rows: Rows) -> Answers:
    a, x = doubles(w, rows)
    joint = a.affine(x, dense(model.feature_log_prob_).T, dense(model.class_log_prior_))
    return _said(w, a, joint, model.classes_)


def _complement(w: Writer, model: Any, rows: Rows) -> Answers:
    a, x = doubles(w, rows)
    alone = len(model.classes_) == 1
    bias = dense(model.class_log_prior_) if alone else None
    return _said(w, a, a.affine(x, dense(model.feature_log_prob_).T, bias), model.classes_)


def _bernoulli(w: Writer, model: Any, rows: Rows) -> Answers:
    a, x = doubles(w, rows)
    if model.binarize is not None:
        x = a.number(w.g.op("Greater", x, a.of(float(model.binarize))))
    yes = dense(model.feature_log_prob_)
    no = np.log(1 - np.exp(yes))
    joint = a.affine(x, (yes - no).T, dense(model.class_log_prior_) + no.sum(axis=1))
    return _said(w, a, joint, model.classes_)


def _categorical(w: Writer, model: Any, rows: Rows) -> Answers:
    """Look each column's category up; one that was never seen is an error, as in scikit-learn."""
    a, x = doubles(w, rows)
    tables = [dense(table).T for table in model.feature_log_prob_]
    counts = np.array([len(table) for table in tables])
    codes = a.whole(x)
    known = w.g.op("Less", codes, w.g.constant("counts", counts, np.int64))
    positive = w.g.op("GreaterOrEqual", codes, a.ints(0))
    starts = w.g.constant("starts", np.cumsum(counts) - counts, np.int64)
    places = w.g.op("Add", codes, starts)
    inside = w.g.op("And", known, positive)
    places = w.g.op("Where", inside, places, a.ints(int(counts.sum())))
    joint = a.add(a.sum(a.take(np.concatenate(tables), places)), dense(model.class_log_prior_))
    return _said(w, a, joint, model.classes_)


def _dummy_regressor(w: Writer, model: Any, rows: Rows) -> Answers:
    values = dense(model.constant_).reshape(1, -1)
    name = Algebra(w.g).filled(rows.blocks[0].name, values)
    return w.predicted(name, "double", values.shape[1])


def _dummy_classifier(w: Writer, model: Any, rows: Rows) -> Answers:
    if model._strategy in ("stratified", "uniform"):
        raise w.refusal(
            model,
            f"strategy={model._strategy!r}, which draws at random",
            fix="use strategy='prior', 'most_frequent' or 'constant'",
        )
    one = model.n_outputs_ == 1
    classes = [model.classes_] if one else model.classes_
    priors = [model.class_prior_] if one else model.class_prior_
    said = [
        _constant(w, model, rows, c, p, k)
        for k, (c, p) in enumerate(zip(classes, priors, strict=True))
    ]
    return said[0] if one else several(w, said)


def _constant(w: Writer, model: Any, rows: Rows, classes: Any, prior: Any, k: int) -> Answers:
    """Say the same label of each row, and the same probabilities."""
    a, x = Algebra(w.g), rows.blocks[0].name
    hot = np.arange(len(classes)) == np.argmax(prior)
    if model._strategy == "constant":
        hot = np.asarray(classes) == np.ravel(model.constant)[k]
    shares = prior if model._strategy == "prior" else hot.astype(np.float64)
    codes = a.flat(a.whole(a.filled(x, [float(np.argmax(hot))])))
    return Answers(w.labels(codes, classes), a.filled(x, shares), classes=np.asarray(classes))


RULES: dict[type, Rule] = by_unifml(
    {
        nb.GaussianNB: _gaussian,
        nb.MultinomialNB: _multinomial,
        nb.ComplementNB: _complement,
        nb.BernoulliNB: _bernoulli,
        nb.CategoricalNB: _categorical,
        DummyRegressor: _dummy_regressor,
        DummyClassifier: _dummy_classifier,
    }
)
