"""Models that are linear in the columns: scores or values are x @ coef.T + intercept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import linear_model as lm
from sklearn._loss.link import IdentityLink, LogLink
from sklearn.linear_model._base import LinearClassifierMixin, LinearModel
from sklearn.linear_model._glm.glm import _GeneralizedLinearRegressor
from sklearn.svm import LinearSVC, LinearSVR

from unifml.export.algebra import Algebra
from unifml.export.own import by_unifml, dense, doubles, halved, judged, scored
from unifml.export.values import Answers, Rows

if TYPE_CHECKING:
    from unifml.export.writer import Rule, Writer


def linear_scores(a: Algebra, model: Any, x: str) -> tuple[str, int]:
    """Write x @ coef.T + intercept, and return it (n, outputs) with the number of outputs."""
    coef = np.atleast_2d(dense(model.coef_))
    intercept = np.broadcast_to(np.atleast_1d(dense(model.intercept_)), (len(coef),))
    return a.affine(x, coef.T, intercept, name="scores"), len(coef)


def _regressor(w: Writer, model: Any, rows: Rows) -> Answers:
    a, x = doubles(w, rows)
    values, width = linear_scores(a, model, x)
    return w.predicted(values, "double", width)


def _generalized(w: Writer, model: Any, rows: Rows) -> Answers:
    a, x = doubles(w, rows)
    values, width = linear_scores(a, model, x)
    link = model._base_loss.link
    if isinstance(link, LogLink):
        values = a.op("Exp", values)
    elif not isinstance(link, IdentityLink):
        raise w.refusal(model, f"link {type(link).__name__}", rule="the link is log or identity")
    return w.predicted(values, "double", width)


def _classifier(w: Writer, model: Any, rows: Rows) -> Answers:
    """Say the label of the largest score; probabilities as the model's loss has them."""
    a, x = doubles(w, rows)
    scores, width = linear_scores(a, model, x)
    shares = _shares(a, model, scores, width) if hasattr(model, "predict_proba") else None
    if width == 1:
        return halved(w, scores, model.classes_, shares)
    return scored(w, scores, model.classes_, shares)


def _shares(a: Algebra, model: Any, scores: str, width: int) -> str:
    if getattr(model, "loss", None) == "modified_huber":
        return _clipped(a, scores, width)
    if width == 1:
        return logistic(a, scores)
    if isinstance(model, lm.SGDClassifier):
        return uniform_if_none(a, a.sigmoid(scores), width)
    return a.op("Softmax", scores, axis=1, name="probabilities")


def logistic(a: Algebra, score: str) -> str:
    """Write the probabilities of two classes by a score (n, 1): small ones stay exact."""
    return a.stack(a.sigmoid(a.op("Neg", score)), a.sigmoid(score))


def _clipped(a: Algebra, scores: str, width: int) -> str:
    """Write (clip(score, -1, 1) + 1) / 2, as the modified Huber loss has it."""
    yes = a.div(a.add(a.op("Clip", scores, -1.0, 1.0), 1.0), 2.0)
    return a.pair(yes) if width == 1 else uniform_if_none(a, yes, width)


def uniform_if_none(a: Algebra, shares: str, width: int) -> str:
    """Write rows that sum to 1; rows of zeros become uniform."""
    total = a.sum(shares, keep=True)
    none = a.g.op("Equal", total, a.of(0.0))
    safe = a.where(none, 1.0, total)
    return a.where(none, 1.0 / width, a.div(shares, safe))


def _ridge_classifier(w: Writer, model: Any, rows: Rows) -> Answers:
    """Say each label by itself where there are several."""
    if not model._label_binarizer.y_type_.startswith("multilabel"):
        return _classifier(w, model, rows)
    a, x = doubles(w, rows)
    scores, _ = linear_scores(a, model, x)
    label = a.whole(w.g.op("Greater", scores, a.of(0.0)))
    return Answers(label, scores=scores, classes=np.asarray(model.classes_))


def _one_class(w: Writer, model: Any, rows: Rows) -> Answers:
    a, x = doubles(w, rows)
    return judged(w, a.affine(x, dense(model.coef_).T, -dense(model.offset_)))


_REGRESSORS = (
    lm.ARDRegression, lm.BayesianRidge, lm.ElasticNet, lm.ElasticNetCV, lm.HuberRegressor,
    lm.Lars, lm.LarsCV, lm.Lasso, lm.LassoCV, lm.LassoLars, lm.LassoLarsCV, lm.LassoLarsIC,
    lm.LinearRegression, lm.MultiTaskElasticNet, lm.MultiTaskElasticNetCV, lm.MultiTaskLasso,
    lm.MultiTaskLassoCV, lm.OrthogonalMatchingPursuit, lm.OrthogonalMatchingPursuitCV,
    lm.PassiveAggressiveRegressor, lm.QuantileRegressor, lm.Ridge, lm.RidgeCV, lm.SGDRegressor,
    lm.TheilSenRegressor, LinearModel, LinearSVR,
)  # fmt: skip
_CLASSIFIERS = (
    lm.LogisticRegression, lm.LogisticRegressionCV, lm.PassiveAggressiveClassifier,
    lm.Perceptron, lm.SGDClassifier, LinearClassifierMixin, LinearSVC,
)  # fmt: skip
_GENERALIZED = (
    lm.GammaRegressor, lm.PoissonRegressor, lm.TweedieRegressor, _GeneralizedLinearRegressor,
)  # fmt: skip

RULES: dict[type, Rule] = by_unifml(
    dict.fromkeys(_REGRESSORS, _regressor)
    | dict.fromkeys(_CLASSIFIERS, _classifier)
    | dict.fromkeys(_GENERALIZED, _generalized)
    | dict.fromkeys((lm.RidgeClassifier, lm.RidgeClassifierCV), _ridge_classifier)
    | {lm.SGDOneClassSVM: _one_class}
)
