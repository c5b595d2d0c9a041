"""`Regressor`."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if

from unifml.core.fitted import Fitted
from unifml.core.history import History
from unifml.core.inputs import first_of
from unifml.core.table import Table
from unifml.core.task import Task
from unifml.data import check_numbers, check_weights, feeds_of, has_validation, training_rows
from unifml.data.streams import Survey
from unifml.errors import DataError
from unifml.estimators.base import Base, Scored, Validation
from unifml.estimators.course import Course, fit_rows, fit_untouched
from unifml.estimators.methods import learns_in_steps
from unifml.estimators.planning import Choices
from unifml.estimators.steps import step_network
from unifml.estimators.untouched import step
from unifml.training.job import Steps


class Regressor(Scored, RegressorMixin, Base):
    """Learns numbers with any model, on any backend.

    Parameters
    ----------
    model : Model, str or native model, default="mlp"
        A model of unifml or its name; a ``torch.nn.Module`` or ``keras.Model`` as instance, class
        or factory; any scikit-learn compatible regressor or Pipeline; or `unifml.Native`.
    training : Training or None, default=None
        How it is trained; None leaves everything to the model.
    backend : str or None, default=None
        Who runs it. None: a native model's own, else the configured one, else the model's default.
    device : str or None, default=None
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"``; None takes the configured one.
    inputs : dict or None, default=None
        How a frame is cut into the inputs of a network of several: ``{"tabular": ["age", "size"],
        "image": "pixels"}``; a single name is a column that holds an array in each row.
    random_state : int, RandomState or None, default=None
        The seed of initial weights, batch order, splits and dropout. None draws one and keeps it
        in ``seed_``. A scikit-learn native gets it only where its own is None.
    verbose : int or None, default=None
        0 silent, 1 a bar, 2 a line per epoch; None shows a bar on long work only.

    Attributes
    ----------
    model_ : object
        The plain native model; the ``mlp`` returns standardised targets.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : array of str
        Names of columns, if all were text.
    history_ : History
        Losses and times per epoch.
    backend_, device_ : str
        Where it was fitted.
    seed_ : int
        The seed used.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from unifml import Regressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> Regressor("linear", backend="sklearn").fit(X, y).predict(X[:2]).shape
    (2,)
    """

    def _learn(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation: Validation,
        groups: Any = None,
        classes: Any = None,
    ) -> Steps[Self]:
        choices, scratch = self._choices(), self._scratch()
        if self._rules_itself(anew=True):
            fitted, history = yield from self._learn_as_is(
                choices, X, y, sample_weight, validation, groups
            )
            return self._keep(fitted, history, fitted.native)
        rows = self._rows(scratch, X, y, sample_weight, min_samples=2, reset=True)
        held_out = None
        if has_validation(*validation):
            held_out = self._rows(scratch, *validation, known=feeds_of(rows.X))
            _require_shape(held_out, rows.y.shape[1:])
        names = getattr(scratch, "feature_names_in_", None)
        fitted, history = yield from fit_rows(
            choices, _task(rows), rows, held_out, groups, feature_names=names
        )
        self._flat = rows.y.ndim == 1
        return self._keep(fitted, history, scratch)

    @staticmethod
    def _learn_as_is(
        choices: Choices, X: Any, y: Any, sample_weight: Any, validation: Validation, groups: Any
    ) -> Course:
        held_out = None
        if has_validation(*validation):
            held_out = Table(validation[0], np.asarray(validation[1]), validation[2])
        n_targets = y.shape[1] if len(getattr(y, "shape", ())) > 1 else 1
        rows = Table(X, y, sample_weight)
        task = Task("regression", n_targets)
        return (yield from fit_untouched(choices, task, rows, held_out, groups=groups))

    @available_if(learns_in_steps)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn one more epoch from rows, going on from the calls before.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        Regressor
            Itself; writes what `fit` writes.
        """
        if self._steps_as_is():
            step(self, X, y, sample_weight)
            return self
        first = not self.__sklearn_is_fitted__()
        choices, scratch = self._choices(go_on=not first), self._scratch()
        known = None if first else self._fitted.plan.signature.feeds
        rows = self._rows(scratch, X, y, sample_weight, reset=first, known=known)
        if not first:
            _require_shape(rows, () if self._flat else (self._fitted.plan.task.n_targets,))
        fitted, history = step_network(
            choices.settled(_task(rows), rows.X),
            None if first else self._fitted,
            rows,
            task=_task(rows),
            feature_names=getattr(scratch, "feature_names_in_", None),
        )
        self._flat = rows.y.ndim == 1
        return self._keep(fitted, history, scratch)

    def predict(self, X: Any) -> Any:
        """Return the target of each row.

        Parameters
        ----------
        X : table of shape (n, features)
            With the columns of `fit`, by name and in the same order if they had names.

        Returns
        -------
        array of shape (n,) or (n, outputs)
        """
        self._state()
        if self._estimator() is not None:
            return self._ask("predict", X)
        values = self._outputs(X)
        return values[:, 0] if self._flat else values

    # Inner methods ------------------------------------------------------------------------------

    def _survey(self, classes: Any) -> dict[str, Any]:
        return {"numeric": True}

    def _task_of(self, found: Survey) -> Task:
        return _task(found.sample)

    def _keep_stream(self, fitted: Fitted, history: History, scratch: Any, found: Survey) -> Self:
        self._flat = found.sample.y.ndim == 1
        return self._keep(fitted, history, scratch)

    def _rows(self, scratch: Any, X: Any, y: Any, sample_weight: Any, **rules: Any) -> Table:
        values = training_rows(scratch, X, y, **rules, **self._rules())
        return Table(values, check_numbers(y), check_weights(sample_weight, first_of(values)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        native = self._untouched()
        if native is None:
            tags.target_tags.multi_output = True
        else:
            tags.regressor_tags = get_tags(native).regressor_tags or tags.regressor_tags
        return tags


def _require_shape(rows: Table, shape: tuple[int, ...]) -> None:
    if rows.y.shape[1:] != shape:
        raise DataError(
            "targets of these rows",
            found=f"y of shape {rows.y.shape}",
            rule=f"the shape (n{''.join(f', {width}' for width in shape)}) of fit is needed",
        )


def _task(rows: Table) -> Task:
    return Task("regression", 1 if rows.y.ndim == 1 else rows.y.shape[1])
