"""The scikit-learn face: what users hold in their hands."""

from unifml.estimators.classifier import Classifier
from unifml.estimators.dry import dry_plan
from unifml.estimators.regressor import Regressor
from unifml.estimators.resolve import resolve_adapter, resolve_model
from unifml.estimators.transformer import Transformer

__all__ = [
    "Classifier",
    "Regressor",
    "Transformer",
    "dry_plan",
    "resolve_adapter",
    "resolve_model",
]
