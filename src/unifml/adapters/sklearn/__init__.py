"""The scikit-learn backend: its own networks, and every estimator that speaks its language."""

from unifml.adapters.sklearn.adapter import SklearnAdapter

adapter = SklearnAdapter()

__all__ = ["SklearnAdapter", "adapter"]
