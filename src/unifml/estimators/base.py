"""What `Classifier` and `Regressor` share: how a fit begins, and how it ends."""

from __future__ import annotations

import copy
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from unifml.core.fitted import Fitted
from unifml.core.history import History
from unifml.core.seeds import Seeds, draw_seed
from unifml.errors import DataError, DataTypeError
from unifml.estimators.carry import Carry
from unifml.estimators.planning import Choices
from unifml.estimators.resolve import resolve_adapter, resolve_device, resolve_model, unknown
from unifml.training import Training
from unifml.training.progress import resolve_verbose

Validation = tuple[Any, Any, Any]


class Base(Carry):
    """Begins every fit the same way, and writes the fitted state last."""

    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Learn from rows and their targets.

        Parameters
        ----------
        X : table of shape (n, features)
            NumPy, list, pandas, polars, Arrow. scikit-learn natives get it untouched.
        y : array-like of shape (n,) or (n, targets)
            Labels of any type for a classifier (a matrix of 0 and 1 is a multilabel problem),
            numbers for a regressor.
        sample_weight : array-like of shape (n,) or None
            Not negative, with a positive sum. A row of weight 0 counts as an absent row.
        X_val, y_val, sample_weight_val : optional
            Rows to validate on after each epoch.

        Returns
        -------
        object
            The estimator itself. Writes ``classes_`` (classifiers), ``n_features_in_``,
            ``feature_names_in_``, ``history_`` and the state behind ``model_``, all at the end: a
            fit that fails changes nothing.

        Raises
        ------
        CapabilityError, DataError, DivergedError, ParameterError
            Before work starts, but for a diverged loss.
        """
        return self._learn(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    def _learn(self, X: Any, y: Any, sample_weight: Any, validation: Validation) -> Self:
        raise NotImplementedError

    def _choices(self, *, go_on: bool = False) -> Choices:
        """Resolve the parameters; a missing install is found here, before any work.

        With `go_on` the seed and the backend of the steps before are kept.
        """
        model = resolve_model(self.model)
        training = Training() if self.training is None else self.training
        if not isinstance(training, Training):
            raise DataTypeError(f"training={training!r}", rule="a unifml.Training or None")
        adapter = resolve_adapter(model, self.backend)
        if go_on and not self.backend:
            adapter = self._fitted.adapter
        return Choices(
            model=model,
            adapter=adapter,
            training=training,
            seeds=Seeds(self.seed_ if go_on else draw_seed(self.random_state)),
            device=resolve_device(adapter, self.device),
            asked_device=self.device,
            found_by_call=unknown(model) and not self.backend and not go_on,
            verbose=resolve_verbose(self.verbose),
        )

    def _scratch(self) -> Any:
        """Return a copy for the gate to write on, so that a failed fit changes nothing."""
        return copy.copy(self)

    def _rules(self) -> dict[str, Any]:
        """Return what the gate must know of the model: which rows it may take."""
        model = self._nested("model")
        native = not isinstance(model, str) and not hasattr(model, "network")
        axes = None if native else getattr(model, "axes", (1,))
        return {"axes": axes, "native": native, "cut": self.inputs}

    def _keep(self, fitted: Fitted, history: History, source: Any) -> Self:
        """Write the fitted state, all at once and last; names and widths come from `source`."""
        for name in ("n_features_in_", "feature_names_in_", "_input_columns"):
            if hasattr(source, name):
                setattr(self, name, getattr(source, name))
            else:
                self.__dict__.pop(name, None)
        self.history_ = history
        self._fitted = fitted
        return self

    def _outputs(self, X: Any) -> npt.NDArray[Any]:
        return finite_outputs(self._state(), self._gate(X))


def finite_outputs(fitted: Fitted, X: Any) -> npt.NDArray[Any]:
    """Return the outputs for rows that passed the gate.

    Raises
    ------
    DataError
        For outputs that are not numbers.
    """
    outputs = fitted.outputs(X)
    strange = np.isnan if fitted.plan.network is None else _not_finite
    if strange(outputs).any():
        raise DataError(
            "predictions are NaN or infinite",
            rule=f"X must be of a size that {fitted.plan.signature.dtype} can compute with",
            fix="look for values of X far from those of fit",
        )
    return outputs


def _not_finite(outputs: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    return np.asarray(~np.isfinite(outputs))
