"""`Classifier`."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if

from unifml.core.table import Table
from unifml.core.task import Task
from unifml.data import LabelCodes, balanced, check_weights, has_validation, training_rows
from unifml.estimators.base import Base
from unifml.estimators.methods import gives_probabilities, learns_in_steps, native_has
from unifml.estimators.planning import Choices
from unifml.estimators.steps import step_network
from unifml.training import Training
from unifml.training.outputs import one_table, probabilities


class Classifier(ClassifierMixin, Base):
    """Learns classes with any model, on any backend.

    Parameters
    ----------
    model : Model, str or native model, default="mlp"
        A model of unifml or its name; a ``torch.nn.Module`` or ``keras.Model`` as instance, class
        or factory; any scikit-learn compatible classifier or Pipeline; or `unifml.Native`.
    training : Training or None, default=None
        How it is trained; None leaves everything to the model.
    backend : str or None, default=None
        Who runs it. None: a native model's own, else the configured one, else the model's default.
    device : str or None, default=None
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"``; None takes the configured one.
    class_weight : "balanced", dict or None, default=None
        Weights of classes, multiplied into those of the rows, by scikit-learn's formula.
    random_state : int, RandomState or None, default=None
        The seed of initial weights, batch order, splits and dropout. None draws one and keeps it
        in ``seed_``. A scikit-learn native gets it only where its own is None.
    verbose : int or None, default=None
        0 silent, 1 a bar, 2 a line per epoch; None shows a bar on long work only.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
        The labels, sorted, in the user's own type.
    model_ : object
        The plain native model; networks of ours return logits.
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
    >>> from sklearn.datasets import load_iris
    >>> from unifml import Classifier, Training
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = Classifier("mlp", backend="sklearn", training=Training(epochs=60), random_state=0)
    >>> clf.fit(X, y).score(X, y) > 0.9
    True
    """

    def __init__(
        self,
        model: Any = "mlp",
        *,
        training: Training | None = None,
        backend: str | None = None,
        device: str | None = None,
        class_weight: Any = None,
        random_state: Any = None,
        verbose: int | None = None,
    ) -> None:
        self.model = model
        self.training = training
        self.backend = backend
        self.device = device
        self.class_weight = class_weight
        self.random_state = random_state
        self.verbose = verbose

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
        """Learn from rows and their labels.

        Parameters
        ----------
        X : table of shape (n, features)
            NumPy, list, pandas, polars, Arrow. scikit-learn natives get it untouched.
        y : array-like of shape (n,), or (n, labels) of 0 and 1
            Labels of any type; a matrix of 0 and 1 is a multilabel problem.
        sample_weight : array-like of shape (n,) or None
            Not negative, with a positive sum. A row of weight 0 counts as an absent row.
        X_val, y_val, sample_weight_val : optional
            Rows to validate on after each epoch.

        Returns
        -------
        Classifier
            Itself. Writes ``classes_``, ``n_features_in_``, ``feature_names_in_``, ``history_``
            and the state behind ``model_``, all at the end: a fit that fails changes nothing.

        Raises
        ------
        CapabilityError, DataError, DivergedError, ParameterError
            Before work starts, but for a diverged loss.
        """
        if self._rules_itself(anew=True):
            return self._fit_as_is(X, y, sample_weight, X_val, y_val, sample_weight_val)
        choices = self._choices()
        scratch = self._scratch()
        values = training_rows(scratch, X, y, allow_nd=self._takes_nd())
        labels = LabelCodes.of(y)
        rows = self._rows(labels, values, y, sample_weight)
        labels.require_two(rows.y if rows.weight is None else rows.y[rows.weight > 0])
        held_out = self._held_out(scratch, labels, X_val, y_val, sample_weight_val)
        fitted, history = self._fit_rows(
            choices, labels.task, rows, held_out, scratch, labels.classes
        )
        return self._keep_classes(fitted, history, scratch, labels)

    @available_if(learns_in_steps)
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Learn one more epoch from rows, going on from the calls before.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        classes : array-like or None
            All labels there will be; needed at the first call if these rows have not all.

        Returns
        -------
        Classifier
            Itself; writes what `fit` writes.
        """
        if self._steps_as_is():
            return self._step_as_is(X, y, classes, sample_weight)
        first = not self.__sklearn_is_fitted__()
        choices = self._choices(None if first else self.seed_)
        scratch = self._scratch()
        values = training_rows(scratch, X, y, min_samples=1, allow_nd=self._takes_nd(), reset=first)
        labels = LabelCodes.of(y, classes) if first else self._labels
        rows = self._rows(labels, values, y, sample_weight)
        if first:
            labels.require_two(np.arange(len(labels.classes)))
        else:
            labels.require_same(classes)
        fitted, history = step_network(
            self._settled(choices, labels.task, rows.X) if first else self._resumed(choices),
            None if first else self._fitted,
            None if first else self._fitted.plan,
            rows,
            task=labels.task,
            feature_names=getattr(scratch, "feature_names_in_", None),
            classes=labels.classes,
        )
        return self._keep_classes(fitted, history, scratch, labels)

    def predict(self, X: Any) -> Any:
        """Return the most probable label of each row; for several labels, those above 1/2.

        Parameters
        ----------
        X : table of shape (n, features)
            With the columns of `fit`, by name and in the same order if they had names.

        Returns
        -------
        array of shape (n,) or (n, labels)
        """
        self._state()
        if self._estimator() is not None:
            return self._decoded(self._ask("predict", X))
        share = self.predict_proba(X)
        if self._labels.multilabel:
            return (share > 0.5).astype(np.int64)
        return self._labels.decode(share.argmax(axis=1).astype(np.int64))

    @available_if(gives_probabilities)
    def predict_proba(self, X: Any) -> Any:
        """Return the probability of each class.

        Returns
        -------
        array of shape (n, classes)
            Columns as in ``classes_``, two for two classes; (n, labels) for several labels, each
            the probability of being on.
        """
        self._state()
        if self._estimator() is not None:
            return one_table(self._ask("predict_proba", X), self._fitted.plan.task)
        plan = self._fitted.plan
        return probabilities(self._outputs(X), plan.task, plan.output)

    @available_if(gives_probabilities)
    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithm of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    @available_if(native_has("decision_function"))
    def decision_function(self, X: Any) -> Any:
        """Return the scores of a scikit-learn estimator that has them."""
        return self._ask("decision_function", X)

    # Inner methods ------------------------------------------------------------------------------

    @property
    def _labels(self) -> LabelCodes:
        return LabelCodes(np.asarray(self.classes_), self._state().plan.task.multilabel)

    def _takes_nd(self) -> bool:
        return not isinstance(self._nested("model"), str) and not hasattr(
            self._nested("model"), "network"
        )

    def _rows(self, labels: LabelCodes, X: Any, y: Any, sample_weight: Any) -> Table:
        codes = labels.encode(y)
        weight = check_weights(sample_weight, X)
        return Table(X, codes, balanced(weight, self.class_weight, labels, codes))

    def _held_out(
        self, scratch: Any, labels: LabelCodes, X: Any, y: Any, sample_weight: Any
    ) -> Table | None:
        if not has_validation(X, y, sample_weight):
            return None
        values = training_rows(scratch, X, y, min_samples=1, allow_nd=self._takes_nd(), reset=False)
        return Table(values, labels.encode(y), check_weights(sample_weight, values))

    def _fit_as_is(
        self, X: Any, y: Any, sample_weight: Any, X_val: Any, y_val: Any, weight_val: Any
    ) -> Self:
        choices = self._choices()
        coded = self._needs_codes(choices)
        labels = LabelCodes.of(y) if coded or self.class_weight is not None else None
        if self.class_weight is not None and labels is not None:
            weight = check_weights(sample_weight, X)
            sample_weight = balanced(weight, self.class_weight, labels, labels.encode(y))
        target = labels.encode(y) if coded and labels is not None else y
        stepped = bool(choices.training.explicit()) or self._untouched(anew=True) is None
        classes = LabelCodes.of(y).classes if stepped else None
        held_out = None
        if X_val is not None:
            held_out = Table(X_val, LabelCodes.of(y).encode(y_val), weight_val)
        task = Task("classification", 1, 0 if classes is None else len(classes))
        self._fit_untouched(choices, task, Table(X, target, sample_weight), held_out, classes)
        self._fitted_codes = labels if coded else None
        return self._take_classes()

    def _step_as_is(self, X: Any, y: Any, classes: Any, sample_weight: Any) -> Self:
        from unifml.estimators.untouched import step

        step(self, X, y, sample_weight, classes=classes)
        return self._take_classes()

    def _take_classes(self) -> Self:
        codes = self.__dict__.get("_fitted_codes")
        native = self._fitted.model
        if codes is not None:
            self.classes_ = codes.classes
        elif hasattr(native, "classes_"):
            self.classes_ = native.classes_
        return self

    def _needs_codes(self, choices: Choices) -> bool:
        native = self._untouched(anew=True)
        return native is not None and choices.adapter.traits(native).label_codes

    def _decoded(self, labels: Any) -> Any:
        codes = self.__dict__.get("_fitted_codes")
        return labels if codes is None else codes.decode(np.asarray(labels).astype(np.int64))

    def _keep_classes(self, fitted: Any, history: Any, scratch: Any, labels: LabelCodes) -> Self:
        self._fitted_codes = None
        self.classes_ = labels.classes
        return self._keep(fitted, history, scratch)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        native = self._untouched()
        if native is None:
            tags.classifier_tags.multi_label = True
        else:
            from sklearn.utils import get_tags

            tags.classifier_tags = get_tags(native).classifier_tags or tags.classifier_tags
        return tags
