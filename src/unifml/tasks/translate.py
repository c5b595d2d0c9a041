"""`translate`: what a backend would be told, without telling it."""

from __future__ import annotations

from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline

from unifml.core.adapter import Adapter
from unifml.core.plan import Plan
from unifml.core.registry import get_adapter
from unifml.estimators import (
    Classifier,
    Regressor,
    Transformer,
    dry_plan,
    resolve_adapter,
    resolve_model,
)
from unifml.tasks.wrap import as_estimator

Parts = list[tuple[str, Any]]


def translate(
    model: Any, X: Any = None, y: Any = None, *, task: str | None = None, backend: str | None = None
) -> str:
    """Return the native construction and training call as source code to read; nothing is fitted.

    Every value that is renamed, rescaled or defaulted on the way has a comment.

    Parameters
    ----------
    model : Estimator, Model, str or native model
        Anything that can be wrapped. Of a Pipeline each part is translated.
    X, y : optional
        Rows whose shape is to be used; without them a small shape is assumed.
    task, backend : str or None
        As in `evaluate`.

    Returns
    -------
    str
        Python source with comments.

    Raises
    ------
    CapabilityError
        What the fit would raise.

    Examples
    --------
    >>> import unifml
    >>> from unifml import Classifier
    >>> print(unifml.translate(Classifier("linear", backend="sklearn")).splitlines()[0])
    from sklearn.linear_model import LogisticRegression
    """
    estimator = as_estimator(model, task=task, backend=backend)
    if isinstance(estimator, Classifier | Regressor | Transformer):
        plan = dry_plan(estimator, X, y)
        told = "# y: the rows of X, standardised and made flat\n" if plan.task.of_inputs else ""
        return told + _adapter(estimator, plan).translate(plan)
    parts = _parts(estimator)
    if not parts:
        return f"# used as it is\nmodel = {estimator!r}"
    return "\n\n".join(f"# {name}\n{translate(part)}" for name, part in parts)


def _adapter(estimator: Any, plan: Plan) -> Adapter:
    if estimator.__sklearn_is_fitted__():
        return get_adapter(estimator.backend_)
    return resolve_adapter(resolve_model(estimator.model), estimator.backend, plan.signature)


def _parts(estimator: Any) -> Parts:
    """Return the named parts of a composite of scikit-learn that hold estimators."""
    if isinstance(estimator, Pipeline):
        steps: Parts = list(estimator.steps)
    elif isinstance(estimator, FeatureUnion):
        steps = list(estimator.transformer_list)
    elif isinstance(estimator, ColumnTransformer):
        steps = [(name, part) for name, part, _ in estimator.transformers]
    else:
        params = estimator.get_params(deep=False)
        ours = Classifier | Regressor | Transformer
        inside = any(isinstance(v, ours) for v in params.values())
        steps = [(k, v) for k, v in params.items() if hasattr(v, "fit")] if inside else []
    return [(name, part) for name, part in steps if hasattr(part, "fit")]
