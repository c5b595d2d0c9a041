"""`Transformer`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if

from unifml.core.fitted import Fitted
from unifml.core.history import History
from unifml.core.inputs import first_of
from unifml.core.table import Table
from unifml.core.task import Task
from unifml.data import check_inputs, check_weights, feeds_of, has_validation
from unifml.errors import CapabilityError, DataError
from unifml.estimators.arguments import shows_weights_it_takes
from unifml.estimators.base import Base, Validation, finite_outputs
from unifml.estimators.course import fit_rows, fit_untouched
from unifml.estimators.halved import code_size, decoder_of, encoder_of
from unifml.estimators.methods import learns_in_steps, native_has
from unifml.estimators.planning import Choices, plan_untouched
from unifml.estimators.steps import step_network
from unifml.estimators.transformable import (
    check_codes,
    inputs_task,
    ours,
    require_transform,
)
from unifml.estimators.untouched import step
from unifml.models import Native
from unifml.training import Training
from unifml.training.job import Steps, complete


def _unless_native_lacks(method: str) -> Callable[[Any], bool]:
    has = native_has(method)
    return lambda estimator: estimator._estimator() is None or has(estimator)


def _is_network(estimator: Any) -> bool:
    return estimator._estimator() is None


class Transformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Base):
    """Learns codes of rows, and rows from codes, without targets, on any backend.

    Parameters
    ----------
    model : Model, str or native model, default="autoencoder"
        A model of unifml for transformation or its name; any scikit-learn compatible transformer
        or Pipeline of them, which gets X and y untouched.
    training : Training or None, default=None
        How it is trained; None leaves everything to the model.
    backend : str or None, default=None
        Who runs it. None: a native model's own, else the configured one, else the model's default.
    device : str or None, default=None
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"``; None takes the configured one.
    random_state : int, RandomState or None, default=None
        The seed of initial weights, batch order, splits and dropout. None draws one and keeps it
        in ``seed_``. A scikit-learn native gets it only where its own is None.
    verbose : int or None, default=None
        0 silent, 1 a bar, 2 a line per epoch; None shows a bar on long work only.

    Attributes
    ----------
    model_ : object
        The plain native model; an autoencoder returns standardised rows, made flat.
    n_features_in_ : int
        Number of columns of X; of images and signals, the length of the last axis.
    feature_names_in_ : array of str
        Names of columns, if all were text.
    history_ : History
        Losses and times per epoch; the loss is half the `reconstruction_error`.
    backend_, device_ : str
        Where it was fitted.
    seed_ : int
        The seed used.

    See Also
    --------
    unifml.models.Autoencoder : The model that is the default.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from unifml import Training, Transformer
    >>> from unifml.models import Autoencoder
    >>> X = load_iris().data
    >>> coder = Transformer(Autoencoder(code=2), training=Training(epochs=5), random_state=0)
    >>> Z = coder.fit_transform(X)
    >>> Z.shape, coder.inverse_transform(Z).shape
    ((150, 2), (150, 4))
    """

    inputs: Any = None  # one array is rebuilt: there is nothing to cut

    def __init__(
        self,
        model: Any = "autoencoder",
        *,
        training: Training | None = None,
        backend: str | None = None,
        device: str | None = None,
        random_state: Any = None,
        verbose: int | None = None,
    ) -> None:
        self.model = model
        self.training = training
        self.backend = backend
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @shows_weights_it_takes
    def fit(  # type: ignore[override]  # there are no targets to validate with
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        sample_weight_val: Any = None,
        groups: Any = None,
    ) -> Self:
        """Learn from rows.

        Parameters
        ----------
        X : table of shape (n, features), or array of shape (n, ..., features)
            Tables, signals, images or volumes. scikit-learn natives get it untouched.
        y : ignored
            Only scikit-learn natives get it.
        sample_weight : array-like of shape (n,) or None
            Not negative, with a positive sum. A row of weight 0 counts as an absent row.
        X_val, sample_weight_val : optional
            Rows to validate on after each epoch.
        groups : array-like of shape (n,) or None
            What rows belong together, for ``Training(validation=GroupShuffleSplit())``.

        Returns
        -------
        Transformer
            Itself. Writes ``n_features_in_``, ``feature_names_in_``, ``history_`` and the state
            behind ``model_``, all at the end: a fit that fails changes nothing.

        Raises
        ------
        CapabilityError, DataError, DivergedError, ParameterError
            Before work starts, but for a diverged loss.
        """
        validation = X_val, None, sample_weight_val
        return complete(self._learn(X, y, sample_weight, validation, groups))

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """Learn from rows, and return their codes.

        A scikit-learn native does it by its own ``fit_transform``.

        Parameters
        ----------
        X, y, **fit_params
            As in `fit`.

        Returns
        -------
        array of shape (n, code)
        """
        if fit_params or not self._rules_itself(anew=True):
            return super().fit_transform(X, y, **fit_params)
        choices = self._as_is()
        plan, native = plan_untouched(choices, Task("regression"), X)
        if not hasattr(native, "fit_transform"):
            return super().fit_transform(X, y)
        require_transform(native)
        codes = native.fit_transform(X) if y is None else native.fit_transform(X, y)
        self._keep(Fitted(plan, choices.adapter.name, native=native), History(), native)
        return codes

    @available_if(learns_in_steps)
    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn one more epoch from rows, going on from the calls before.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        Transformer
            Itself; writes what `fit` writes.
        """
        if self._steps_as_is():
            step(self, X, y, sample_weight)
            return self
        first = not self.__sklearn_is_fitted__()
        choices, scratch = self._choices(go_on=not first), self._scratch()
        known = None if first else self._fitted.plan.signature.feeds
        rows = self._rows(scratch, X, sample_weight, reset=first, known=known)
        task = inputs_task(rows.X)
        fitted, history = step_network(
            ours(choices.settled(task, rows.X), task, rows.X),
            None if first else self._fitted,
            rows,
            task=task,
            feature_names=getattr(scratch, "feature_names_in_", None),
        )
        return self._keep(fitted, history, scratch)

    def transform(self, X: Any) -> Any:
        """Return the code of each row.

        Parameters
        ----------
        X : table of shape (n, features), or array of shape (n, ..., features)
            With the columns of `fit`, by name and in the same order if they had names.

        Returns
        -------
        array of shape (n, code)
        """
        fitted = self._state()
        if self._estimator() is not None:
            return self._ask("transform", X)
        return finite_outputs(encoder_of(fitted), self._gate(X))

    @available_if(_unless_native_lacks("inverse_transform"))
    def inverse_transform(self, X: Any) -> Any:
        """Return rows from codes, in the shape and the units of the rows of `fit`.

        Parameters
        ----------
        X : array of shape (n, code)
            Codes, as `transform` returns them.

        Returns
        -------
        array of shape (n, features), or (n, ..., features)
        """
        fitted = self._state()
        native = self._estimator()
        if native is not None:
            return native.inverse_transform(X)
        codes = check_codes(X, code_size(fitted), fitted.plan.signature.dtype)
        flat = finite_outputs(decoder_of(fitted), codes)
        return flat.reshape(-1, *fitted.plan.signature.input_shape)

    @available_if(_is_network)
    def reconstruction_error(self, X: Any) -> npt.NDArray[Any]:
        """Return how badly each row is rebuilt from its code: rows unlike those of fit stand out.

        Parameters
        ----------
        X : table of shape (n, features), or array of shape (n, ..., features)
            As in `transform`.

        Returns
        -------
        array of shape (n,)
            The mean squared error over the values of a row, after each feature was divided by its
            standard deviation in `fit`: 1 is as bad as guessing the mean.
        """
        fitted, values = self._state(), self._gate(X)
        error = np.asarray(values, np.float64).reshape(len(values), -1)
        error = error - finite_outputs(fitted, values)
        if fitted.target is not None:
            error /= fitted.target.scale
        return np.asarray(np.mean(error * error, axis=1))

    @available_if(_unless_native_lacks("score"))
    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
        """Return the mean `reconstruction_error` with a minus before it: greater is better.

        Parameters
        ----------
        X : table of shape (n, features), or array of shape (n, ..., features)
            As in `transform`.
        y : ignored
            Only scikit-learn natives get it, whose own ``score`` is called.
        sample_weight : array-like of shape (n,) or None
            Weights of rows.

        Returns
        -------
        float
        """
        self._state()
        native = self._estimator()
        if native is not None:
            weights = {} if sample_weight is None else {"sample_weight": sample_weight}
            return native.score(X, y, **weights)
        error = self.reconstruction_error(X)
        return -float(np.average(error, weights=check_weights(sample_weight, error)))

    @available_if(_unless_native_lacks("get_feature_names_out"))
    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Return the names of the numbers in a code: ``transformer0``, ``transformer1``, ...

        Parameters
        ----------
        input_features : array-like of str or None
            Ignored but by scikit-learn natives, whose own names these are.

        Returns
        -------
        array of str
        """
        self._state()
        native = self._estimator()
        if native is not None:
            return native.get_feature_names_out(input_features)
        return super().get_feature_names_out(input_features)

    # Inner methods ------------------------------------------------------------------------------

    @property
    def _n_features_out(self) -> int:
        return code_size(self._state())

    def _learn(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation: Validation,
        groups: Any = None,
        classes: Any = None,
    ) -> Steps[Self]:
        if self._rules_itself(anew=True):
            as_is = self._as_is()
            return (yield from self._learn_as_is(as_is, X, y, sample_weight, validation, groups))
        choices, scratch = self._choices(), self._scratch()
        rows = self._rows(scratch, X, sample_weight, min_samples=2, reset=True)
        task = inputs_task(rows.X)
        choices = choices.settled(task, rows.X)
        if isinstance(choices.model, Native) and choices.adapter.capabilities.untouched:
            return (yield from self._learn_as_is(choices, X, y, sample_weight, validation, groups))
        choices, held_out = ours(choices, task, rows.X), None
        if has_validation(*validation):
            known = feeds_of(rows.X)
            held_out = self._rows(scratch, validation[0], validation[2], known=known)
        names = getattr(scratch, "feature_names_in_", None)
        fitted, history = yield from fit_rows(
            choices, task, rows, held_out, groups, feature_names=names
        )
        return self._keep(fitted, history, scratch)

    def _learn_as_is(
        self,
        choices: Choices,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation: Validation,
        groups: Any,
    ) -> Steps[Self]:
        held_out = Table(*validation) if has_validation(*validation) else None
        rows = Table(X, y, sample_weight)
        require_transform(self._untouched(anew=True))
        fitted, history = yield from fit_untouched(
            choices, Task("regression"), rows, held_out, groups=groups
        )
        require_transform(fitted.native)
        return self._keep(fitted, history, fitted.native)

    def _as_is(self) -> Choices:
        """Resolve the parameters for a native, which no training settings mean anything to."""
        choices = self._choices()
        if choices.training.explicit():
            raise CapabilityError(
                f"{choices.training!r} for {self.model!r}",
                found="it is fitted by its own fit",
                fix="leave training out",
            )
        return choices

    def _rows(self, scratch: Any, X: Any, sample_weight: Any, **rules: Any) -> Table:
        values = check_inputs(scratch, X, **rules, **self._rules())
        if isinstance(values, Mapping):
            raise DataError(
                "X of several inputs, or of sequences of unequal length",
                rule="a Transformer rebuilds one array of rows of one shape",
            )
        weight = check_weights(sample_weight, first_of(values))
        return Table(values, values.reshape(len(values), -1), weight)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        native = self._untouched()
        if native is None:
            tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        else:
            tags.transformer_tags = get_tags(native).transformer_tags or tags.transformer_tags
        return tags
