"""What `Classifier` and `Regressor` share: how a fit begins, and how it ends."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from unifml.core.fitted import Fitted
from unifml.core.history import History
from unifml.core.inputs import first_of
from unifml.core.seeds import Seeds, draw_seed
from unifml.core.table import Table
from unifml.core.task import Task
from unifml.data import check_weights, has_validation, training_rows
from unifml.data.streams import (
    Batches,
    StreamGate,
    Survey,
    as_batch,
    open_stream,
    open_to_predict,
    survey,
    to_validate,
)
from unifml.errors import DataError, DataTypeError, ParameterError
from unifml.estimators.carry import Carry
from unifml.estimators.course import fit_stream, refuse_on_stream
from unifml.estimators.given import Flowing
from unifml.estimators.planning import Choices
from unifml.estimators.resolve import resolve_adapter, resolve_device, resolve_model, unknown
from unifml.training import Training
from unifml.training.checkpoint import is_folder, seed_of
from unifml.training.job import Steps, complete
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
        groups: Any = None,
    ) -> Self:
        """Learn from rows and their targets.

        Parameters
        ----------
        X : table of shape (n, features), or a stream of rows
            NumPy, list, pandas, polars, Arrow. scikit-learn natives get it untouched. Networks
            also learn from what does not fit into memory: a ``numpy.memmap``, a map-style dataset
            of torch (both in our order), a ``DataLoader``, ``tf.data.Dataset``, or a function
            that returns an iterator of batches ``(X, y)`` (in their own).
        y : array-like of shape (n,) or (n, targets)
            Labels of any type for a classifier (a matrix of 0 and 1 is a multilabel problem),
            numbers for a regressor.
        sample_weight : array-like of shape (n,) or None
            Not negative, with a positive sum. A row of weight 0 counts as an absent row.
        X_val, y_val, sample_weight_val : optional
            Rows to validate on after each epoch.
        groups : array-like of shape (n,) or None
            What rows belong together, for ``Training(validation=GroupShuffleSplit())``.

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
        return self._enter(X, y, sample_weight, (X_val, y_val, sample_weight_val), groups)

    def _enter(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation: Validation,
        groups: Any,
        classes: Any = None,
    ) -> Self:
        """Fit on what the user passed, whatever it is; natives get it as it is."""
        if self._rules_itself(anew=True):
            return complete(self._learn(X, y, sample_weight, validation, groups, classes))
        opened = open_stream(X, y, sample_weight)
        if isinstance(opened, Batches):
            return complete(self._learn_stream(opened, validation, classes))
        if opened is not None:
            X, y, sample_weight = opened
        validation = to_validate(*validation)
        return complete(self._learn(X, y, sample_weight, validation, groups, classes))

    def _learn_stream(self, batches: Batches, validation: Validation, classes: Any) -> Steps[Self]:
        """Yield the jobs of a fit on a stream, and keep what came of them."""
        asked, choices, scratch = self._survey(classes), self._choices(), self._scratch()
        refuse_on_stream(choices, batches.name, validated=has_validation(*validation))
        batches = batches.within(choices.drawing)
        gate = StreamGate(scratch, **self._rules())
        found = survey(batches, gate, choices.seeds, **asked)
        if not isinstance(gate.known, tuple):
            raise DataError("fitting on a stream", found="no rows")
        task, held_out = self._task_of(found), None
        if has_validation(*validation):
            X, y, weight = to_validate(*validation, around=choices.drawing)
            values = training_rows(scratch, X, y, known=gate.known, **self._rules())
            held_out = Table(values, found.encode(y), check_weights(weight, first_of(values)))
        fitted, history = yield from fit_stream(
            choices,
            task,
            Flowing(batches, found, gate),
            held_out,
            feature_names=getattr(scratch, "feature_names_in_", None),
            classes=None if found.labels is None else found.labels.classes,
        )
        return self._keep_stream(fitted, history, scratch, found)

    def _survey(self, classes: Any) -> dict[str, Any]:
        """Return what a first pass over a stream must look for."""
        raise NotImplementedError

    def _task_of(self, found: Survey) -> Task:
        """Return what is learned from a stream."""
        raise NotImplementedError

    def _keep_stream(self, fitted: Fitted, history: History, scratch: Any, found: Survey) -> Self:
        """Keep what was learned from a stream."""
        raise NotImplementedError

    def _learn(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation: Validation,
        groups: Any = None,
        classes: Any = None,
    ) -> Steps[Self]:
        """Yield the jobs of a fit, and keep what came of them; see `unifml.training.job`."""
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
            seeds=Seeds(self.seed_ if go_on else self._seed(training)),
            device=resolve_device(adapter, self.device),
            asked_device=self.device,
            found_by_call=unknown(model) and not self.backend and not go_on,
            verbose=resolve_verbose(self.verbose),
        )

    def _seed(self, training: Training) -> int:
        """Return the seed of a fit; a checkpoint has that of the first try."""
        begun = None
        if self.random_state is None and training.checkpoint is not None:
            if is_folder(training.checkpoint):
                raise ParameterError(
                    f"checkpoint={training.checkpoint!r} with random_state=None",
                    rule="in a folder a fit finds its file by its seed",
                    fix="set random_state, or name a file",
                )
            begun = seed_of(training.checkpoint)
        return draw_seed(self.random_state) if begun is None else begun

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
        flowing = None if type(X) is np.ndarray else open_to_predict(X)
        if flowing is None:
            return finite_outputs(self._state(), self._gate(X))
        parts = [finite_outputs(self._state(), self._gate(batch_x(batch))) for batch in flowing]
        if not parts:
            raise DataError("predicting for a stream", found="no rows")
        return np.concatenate(parts)


class Scored:
    """Scores on streams as well; it stands before scikit-learn's mixins, which know arrays."""

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
        """Return the accuracy of a classifier, the R2 of a regressor.

        Parameters
        ----------
        X : table of shape (n, features), or a stream of batches ``(X, y)``
            As in `fit`.
        y : array-like of shape (n,) or (n, targets)
            None for a stream, which brings its own.
        sample_weight : array-like of shape (n,) or None
            Weights of rows.

        Returns
        -------
        float
        """
        X, y = with_targets(X, y)
        return super().score(X, y, sample_weight)  # type: ignore[misc]


def with_targets(X: Any, y: Any) -> tuple[Any, Any]:
    """Return rows and targets to score on: a stream brings its own, and is walked once."""
    flowing = open_to_predict(X) if y is None and type(X) is not np.ndarray else None
    if flowing is None:
        return X, y
    parts = [(batch_x(batch), batch.y) for batch in flowing]
    targets = np.concatenate([np.asarray(part) for _, part in parts])
    return Batches(lambda: [part for part, _ in parts], "stream"), targets


def batch_x(batch: Any) -> Any:
    """Return the inputs of a batch of a stream.

    Raises
    ------
    DataTypeError
        For a single row: an iterator of rows is no stream.
    """
    X = as_batch(batch).X
    if np.ndim(X) == 1 and not isinstance(X, Mapping | list):
        raise DataTypeError(
            "X is an iterator of single rows",
            rule="an array, a list of rows, or a frame of pandas, polars or Arrow is needed, or an "
            "iterator of batches",
            fix="list(X)",
        )
    return X


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
