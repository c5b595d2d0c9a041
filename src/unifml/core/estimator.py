"""The one protocol that everything that learns satisfies."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Estimator(Protocol):
    """Anything that learns from data and has parameters, as scikit-learn means it.

    `Classifier`, `Regressor`, a loaded ONNX file and every scikit-learn compatible estimator
    satisfy it; ``isinstance(obj, unifml.Estimator)`` looks at the methods, not at the ancestors.

    Examples
    --------
    >>> import unifml
    >>> isinstance(unifml.Classifier("mlp"), unifml.Estimator)
    True
    >>> isinstance("mlp", unifml.Estimator)
    False
    """

    def fit(self, X: Any, y: Any = None) -> Any:
        """Learn from X (and y), and return the estimator."""
        ...

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name."""
        ...

    def set_params(self, **params: Any) -> Any:
        """Change parameters, and return the estimator."""
        ...
