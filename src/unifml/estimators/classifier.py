"""`Classifier`."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if

from unifml.core.fitted import Fitted
from unifml.core.history import History
from unifml.core.inputs import first_of
from unifml.core.signature import Feeds
from unifml.core.table import Table
from unifml.core.task import Task
from unifml.data import (
    LabelCodes,
    balanced,
    check_weights,
    feeds_of,
    has_validation,
    training_rows,
)
from unifml.data.streams import Survey
from unifml.errors import CapabilityError
from unifml.estimators.base import Base, Scored, Validation
from unifml.estimators.course import fit_rows, fit_untouched
from unifml.estimators.methods import decides, gives_probabilities, learns_in_steps
from unifml.estimators.steps import step_network
from unifml.estimators.untouched import step
from unifml.training import Training
from unifml.training.job import Steps
from unifml.training.outputs import decide, one_table, probabilities


class Classifier(Scored, ClassifierMixin, Base):
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
    >>> faster = Training(learning_rate=0.01)
    >>> clf = Classifier("mlp", backend="sklearn", training=faster, random_state=0)
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
        inputs: Any = None,
        random_state: Any = None,
        verbose: int | None = None,
    ) -> None:
        super().__init__(
            model,
            training=training,
            backend=backend,
            device=device,
            inputs=inputs,
            random_state=random_state,
            verbose=verbose,
        )
        self.class_weight = class_weight

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
        classes: Any = None,
    ) -> Self:
        validation = X_val, y_val, sample_weight_val
        return self._enter(X, y, sample_weight, validation, groups, classes)

    fit.__doc__ = (Base.fit.__doc__ or "").replace(
        "        Returns",
        "        classes : array-like or None\n"
        "            All labels there will be, where the rows need not have all of them.\n\n"
        "        Returns",
        1,
    )

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
            if classes is not None:
                raise CapabilityError(
                    f"classes for {self.model!r}", rule="it learns its classes from y"
                )
            return (yield from self._learn_as_is(X, y, sample_weight, validation, groups))
        choices, scratch = self._choices(), self._scratch()
        values = training_rows(scratch, X, y, reset=True, min_samples=2, **self._rules())
        labels = LabelCodes.of(y, classes)
        rows = self._rows(labels, values, y, sample_weight)
        labels.require_two(rows.y if rows.weight is None else rows.y[rows.weight > 0])
        held_out = self._held_out(scratch, labels, feeds_of(values), *validation)
        names = getattr(scratch, "feature_names_in_", None)
        fitted, history = yield from fit_rows(
            choices,
            labels.task,
            rows,
            held_out,
            groups,
            feature_names=names,
            classes=labels.classes,
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
            step(self, X, y, sample_weight, classes=classes)
            return self._take_classes()
        first = not self.__sklearn_is_fitted__()
        choices, scratch = self._choices(go_on=not first), self._scratch()
        known = None if first else self._fitted.plan.signature.feeds
        values = training_rows(scratch, X, y, reset=first, known=known, **self._rules())
        labels = LabelCodes.of(y, classes) if first else self._labels
        rows = self._rows(labels, values, y, sample_weight)
        if first:
            labels.require_two(np.arange(len(labels.classes)))
        else:
            labels.require_same(classes)
        fitted, history = step_network(
            choices.settled(labels.task, rows.X),
            None if first else self._fitted,
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
        plan = self._fitted.plan
        codes = decide(self._outputs(X), plan.task, plan.output)
        return codes if plan.task.multilabel else self._labels.decode(codes)

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

    @available_if(decides)
    def decision_function(self, X: Any) -> Any:
        """Return scores, where there are some: of a hinge loss, or of a scikit-learn estimator.

        Returns
        -------
        array of shape (n,) or (n, classes)
            For two classes one column's worth: above 0 means the second.
        """
        self._state()
        if self._estimator() is not None:
            return self._ask("decision_function", X)
        scores = self._outputs(X)
        return scores[:, 0] if scores.shape[1] == 1 else scores

    # Inner methods ------------------------------------------------------------------------------

    def _survey(self, classes: Any) -> dict[str, Any]:
        return {"numeric": False, "classes": classes, "class_weight": self.class_weight}

    def _task_of(self, found: Survey) -> Task:
        assert found.labels is not None
        return found.labels.task

    def _keep_stream(self, fitted: Fitted, history: History, scratch: Any, found: Survey) -> Self:
        assert found.labels is not None
        return self._keep_classes(fitted, history, scratch, found.labels)

    @property
    def _labels(self) -> LabelCodes:
        return LabelCodes(np.asarray(self.classes_), self._state().plan.task.multilabel)

    def _rows(self, labels: LabelCodes, X: Any, y: Any, sample_weight: Any) -> Table:
        codes = labels.encode(y)
        weight = check_weights(sample_weight, first_of(X))
        return Table(X, codes, balanced(weight, self.class_weight, labels, codes))

    def _held_out(
        self, scratch: Any, labels: LabelCodes, known: Feeds, X: Any, y: Any, sample_weight: Any
    ) -> Table | None:
        if not has_validation(X, y, sample_weight):
            return None
        values = training_rows(scratch, X, y, known=known, **self._rules())
        return Table(values, labels.encode(y), check_weights(sample_weight, first_of(values)))

    def _learn_as_is(
        self, X: Any, y: Any, sample_weight: Any, validation: Validation, groups: Any
    ) -> Steps[Self]:
        """Fit a native that rules by its own tags; codes are made only where it needs them."""
        choices = self._choices()
        native = self._untouched(anew=True)
        coded = native is not None and choices.adapter.traits(native).label_codes
        stepped = bool(choices.training.explicit()) or native is None
        if not (coded or stepped or self.class_weight is not None):
            task, rows = Task("classification"), Table(X, y, sample_weight)
            held_out = Table(*validation) if has_validation(*validation) else None
            fitted, history = yield from fit_untouched(choices, task, rows, held_out, groups=groups)
            return self._keep_as_is(fitted, history, None)
        labels = LabelCodes.of(y)
        codes = labels.encode(y)
        if self.class_weight is not None:
            weight = check_weights(sample_weight, X)
            sample_weight = balanced(weight, self.class_weight, labels, codes)
        classes = np.arange(len(labels.classes)) if coded else labels.classes
        rows = Table(X, codes, sample_weight)
        held_out = None
        if has_validation(*validation):
            held_out = Table(validation[0], labels.encode(validation[1]), validation[2])
        fitted, history = yield from fit_untouched(
            choices, labels.task, rows, held_out, classes, groups
        )
        return self._keep_as_is(fitted, history, labels if coded else None)

    def _keep_as_is(self, fitted: Fitted, history: History, codes: LabelCodes | None) -> Self:
        self._fitted_codes = codes
        self._keep(fitted, history, fitted.native)
        return self._take_classes()

    def _take_classes(self) -> Self:
        codes = self.__dict__.get("_fitted_codes")
        native = self._fitted.model
        if codes is not None:
            self.classes_ = codes.classes
        elif hasattr(native, "classes_"):
            self.classes_ = native.classes_
        return self

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
            tags.classifier_tags = get_tags(native).classifier_tags or tags.classifier_tags
        return tags
