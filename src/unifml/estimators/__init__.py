"""The scikit-learn face: what users hold in their hands."""

from unifml.estimators.classifier import Classifier
from unifml.estimators.regressor import Regressor
from unifml.estimators.resolve import resolve_adapter, resolve_model

__all__ = ["Classifier", "Regressor", "resolve_adapter", "resolve_model"]
