"""What `Classifier` and `Regressor` share: parameters, resolution, and the course of a fit."""

from __future__ import annotations

import copy
from dataclasses import replace
from inspect import signature
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from unifml.config import get_config
from unifml.core.fitted import Fitted
from unifml.core.history import History
from unifml.core.plan import Plan
from unifml.core.registry import get_adapter
from unifml.core.seeds import Seeds, draw_seed
from unifml.core.spec import nested_params, same, split_nested
from unifml.core.table import Table
from unifml.core.task import Task
from unifml.data import check_features, hold_out, present
from unifml.errors import (
    DataError,
    DataTypeError,
    ParameterError,
    UnifmlError,
    UnknownNameError,
    closest,
)
from unifml.estimators import session
from unifml.estimators.parameters import cloned, resolved, with_changes
from unifml.estimators.planning import Choices, plan_model, plan_native, plan_untouched, sign
from unifml.estimators.resolve import (
    native_owner,
    resolve_adapter,
    resolve_device,
    resolve_model,
)
from unifml.models import Model, Native
from unifml.models.native import is_factory
from unifml.training import Training
from unifml.training.progress import resolve_verbose

_NESTED = ("model", "training")


class Base(BaseEstimator):
    """Parameters and the course of a fit; tasks fill in what is theirs."""

    model: Any
    training: Training | None
    backend: str | None
    device: str | None
    random_state: Any
    verbose: int | None
    _fitted: Fitted

    # Parameters ---------------------------------------------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name.

        Parameters
        ----------
        deep : bool, default=True
            Also those of the model and of the training, as ``model__hidden`` and
            ``training__epochs``, whether they were given as an object, a name, or not at all.
        """
        params: dict[str, Any] = super().get_params(deep=False)
        if not deep:
            return params
        return params | nested_params({name: self._nested(name) for name in _NESTED})

    def set_params(self, **params: Any) -> Self:
        """Change parameters; a nested one replaces its owner by a changed copy.

        Raises
        ------
        UnknownNameError
            For a name that does not exist, with the nearest one.
        """
        own, nested = split_nested(params)
        known = self.get_params(deep=False)
        for name in (*own, *nested):
            if name not in known:
                raise self._unknown_parameter(name)
        values = {name: own.get(name, known[name]) for name in (*own, *nested)}
        for name, inner in nested.items():
            values[name] = with_changes(resolved(name, values[name]), name, inner)
        for name, value in values.items():
            setattr(self, name, value)
        return self

    def _unknown_parameter(self, name: str) -> UnknownNameError:
        known = sorted(self.get_params())
        short = [full for full in known if full.endswith(f"__{name}")]
        close = short[0] if short else closest(name, known)
        return UnknownNameError(
            f"Invalid parameter {name!r} for estimator {self!r}",
            rule=f"Valid parameters are: {', '.join(known)}",
            fix=f"did you mean {close!r}?" if close else "",
        )

    def __sklearn_clone__(self) -> Self:
        params = {k: cloned(v) for k, v in self.get_params(deep=False).items()}
        twin = type(self)(**params)
        for name in ("_metadata_request", "_sklearn_output_config"):
            if name in self.__dict__:
                setattr(twin, name, copy.deepcopy(self.__dict__[name]))
        return twin

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:  # noqa: N803  (scikit-learn's name)
        params = super().get_params(deep=False)
        if "backend" in params:
            params["backend"] = self._backend_name() or self.backend
        shown = [
            f"{name}={params[name]!r}"
            for name, parameter in signature(type(self)).parameters.items()
            if name in params and (name == "model" or not same(params[name], parameter.default))
        ]
        text = ", ".join(shown)
        return f"{type(self).__name__}({text})"

    def _nested(self, name: str) -> Any:
        return resolved(name, getattr(self, name))

    def _backend_name(self) -> str | None:
        if "_fitted" in self.__dict__ and self.backend is None:
            return self._fitted.backend
        try:
            model = resolve_model(self.model)
            return resolve_adapter(model, self.backend).name if not _unknown(model) else None
        except UnifmlError:
            return None

    # Fitted attributes --------------------------------------------------------------------------

    @property
    def model_(self) -> Any:
        """The plain native model: a scikit-learn estimator, keras.Model or torch.nn.Module."""
        return self._state().model

    @property
    def backend_(self) -> str:
        """Name of the backend that fitted it."""
        return self._state().backend

    @property
    def device_(self) -> str:
        """The device that it was fitted on."""
        return self._state().plan.device

    @property
    def seed_(self) -> int:
        """The seed of the fit, drawn if ``random_state`` was None."""
        return self._state().plan.seeds.entropy

    def __sklearn_is_fitted__(self) -> bool:
        return "_fitted" in self.__dict__

    def _state(self) -> Fitted:
        if "_fitted" not in self.__dict__:  # asking scikit-learn would ask the tags, which ask here
            check_is_fitted(self)
        return self._fitted

    # The course of a fit ------------------------------------------------------------------------

    def _choices(self, seed: int | None = None) -> Choices:
        """Resolve the parameters; a missing install is found here, before any work."""
        model = resolve_model(self.model)
        training = Training() if self.training is None else self.training
        if not isinstance(training, Training):
            raise DataTypeError(f"training={training!r}", rule="a unifml.Training or None")
        adapter = resolve_adapter(model, self.backend)
        seeds = Seeds(draw_seed(self.random_state) if seed is None else seed)
        return Choices(model, adapter, training, seeds, resolve_device(adapter, self.device))

    def _fit_rows(
        self,
        choices: Choices,
        task: Task,
        rows: Table,
        held_out: Table | None,
        scratch: Any,
        classes: Any = None,
    ) -> tuple[Fitted, History]:
        """Fit on rows that passed the gate, in whichever way the model is fitted."""
        rows = present(rows)
        if len(rows) < 2:
            raise DataError(
                f"fitting {type(self).__name__}",
                found=f"{len(rows)} sample(s) of positive weight",
                rule="a minimum of 2 is required",
            )
        strata = rows.y if task.kind == "classification" else None
        names = getattr(scratch, "feature_names_in_", None)
        choices = self._settled(choices, task, rows.X)
        if isinstance(choices.model, Native) and choices.adapter.capabilities.untouched:
            plan, native = plan_untouched(choices, task, rows.X, classes=classes)
            labels = rows.y if classes is None else classes[rows.y]
            rows = replace(rows, y=labels)
            return session.fit_estimator(
                choices.adapter, plan, native, rows, held_out, verbose=self.verbose
            )
        if isinstance(choices.model, Native):
            plan, native = plan_native(choices, task, rows.X, feature_names=names, classes=classes)
        else:
            total = float(len(rows) if rows.weight is None else rows.weight.sum())
            plan = plan_model(choices, task, rows.X, total, feature_names=names, classes=classes)
            native = None
        kept, held_out = self._split(plan, rows, held_out, strata)
        fitted, history = self._run(choices, plan, native, kept, held_out)
        again = session.refit_plan(plan, history)
        if again is not None:
            native = None if native is None else choices.adapter.build(again)
            fitted, refitted = self._run(choices, again, native, rows, None)
            history = replace(history, initial_loss=refitted.initial_loss)
        return fitted, history

    def _settled(self, choices: Choices, task: Task, X: npt.NDArray[Any]) -> Choices:
        """Find the backend of a factory by what it builds, where nobody said it before."""
        if self.backend or not _unknown(choices.model) or get_config()["backend"]:
            return choices
        adapter = resolve_adapter(choices.model, None, sign(X, task, choices))
        return replace(choices, adapter=adapter, device=resolve_device(adapter, self.device))

    def _resumed(self, choices: Choices) -> Choices:
        """Go on with the backend of the steps before."""
        return choices if self.backend else replace(choices, adapter=self._fitted.adapter)

    def _split(
        self, plan: Plan, rows: Table, held_out: Table | None, strata: Any
    ) -> tuple[Table, Table | None]:
        if held_out is not None:
            return rows, held_out
        stopping, rule = plan.settings.early_stopping, plan.settings.validation
        if rule is None and stopping is not None and stopping.monitor == "val_loss":
            rule = stopping.validation
        return hold_out(rows, rule, plan.seeds, strata)

    def _run(
        self, choices: Choices, plan: Plan, native: Any, rows: Table, held_out: Table | None
    ) -> tuple[Fitted, History]:
        adapter, verbose = choices.adapter, resolve_verbose(self.verbose)
        if native is not None:
            return session.fit_native_network(
                adapter, plan, native, rows, held_out, verbose=verbose
            )
        if plan.procedure == "native":
            labels = rows.y if plan.classes is None else plan.classes[rows.y]
            table = Table(rows.X, labels, rows.weight)
            built = adapter.build(plan)
            return session.fit_estimator(adapter, plan, built, table, held_out, verbose=verbose)
        assert isinstance(choices.model, Model)
        return session.fit_network(
            adapter,
            plan,
            rows,
            held_out,
            scales_target=choices.model.scales_target,
            verbose=verbose,
        )

    def _fit_untouched(
        self, choices: Choices, task: Task, table: Table, held_out: Table | None, classes: Any
    ) -> Self:
        plan, native = plan_untouched(choices, task, table.X, classes=classes)
        strata = None if classes is None else np.searchsorted(classes, np.asarray(table.y))
        coded = table if strata is None else replace(table, y=strata)
        rows, held_out = self._split(plan, coded, held_out, strata)
        if classes is not None:
            rows = replace(rows, y=classes[rows.y])
        fitted, history = session.fit_estimator(
            choices.adapter, plan, native, rows, held_out, verbose=self.verbose
        )
        return self._keep(fitted, history, fitted.native)

    def _keep(self, fitted: Fitted, history: History, source: Any) -> Self:
        """Write the fitted state, all at once and last; names and widths come from `source`."""
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(source, name):
                setattr(self, name, getattr(source, name))
            else:
                self.__dict__.pop(name, None)
        self.history_ = history
        self._fitted = fitted
        return self

    def _scratch(self) -> Any:
        """Return a copy for the gate to write on, so that a failed fit changes nothing."""
        return copy.copy(self)

    def _outputs(self, X: Any) -> npt.NDArray[Any]:
        fitted = self._state()
        outputs = fitted.outputs(self._gate(X))
        strange = np.isnan if fitted.plan.network is None else _not_finite
        if strange(outputs).any():
            raise DataError(
                "predictions are NaN or infinite",
                rule=f"X must be of a size that {fitted.plan.signature.dtype} can compute with",
                fix="look for values of X far from those of fit",
            )
        return outputs

    def _gate(self, X: Any) -> npt.NDArray[Any]:
        return check_features(self, X, allow_nd=self._is_native())

    def _is_native(self) -> bool:
        return isinstance(self._state().plan.model, Native)

    # What it is, before a fit -------------------------------------------------------------------

    def _rules_itself(self, anew: bool = False) -> bool:
        """Say whether X and y go to a native estimator as they are: its own tags rule.

        The fitted model is asked, if there is one; with `anew` the parameters, which may have
        changed since.
        """
        if "_fitted" in self.__dict__ and not anew:
            return self._is_native() and self._fitted.adapter.capabilities.untouched
        try:
            model = resolve_model(self.model)
            if not isinstance(model, Native):
                return False
            adapter = native_owner(model) or (get_adapter(self.backend) if self.backend else None)
        except UnifmlError:
            return False
        return adapter is not None and adapter.capabilities.untouched

    def _untouched(self, anew: bool = False) -> Any:
        """Return the native estimator whose tags rule; None before a fit of one not yet built."""
        if not self._rules_itself(anew):
            return None
        if "_fitted" in self.__dict__ and not anew:
            return self._fitted.model
        model = resolve_model(self.model)
        assert isinstance(model, Native)
        return None if is_factory(model.factory) else model.factory

    def _steps_as_is(self) -> bool:
        """Say whether a native estimator takes the next step; refuse a model changed since."""
        rules = self._rules_itself()
        if rules != self._rules_itself(anew=True):
            raise ParameterError(
                "model was changed after the first partial_fit",
                rule="later steps go on with what was begun",
                fix="call fit, which begins anew",
            )
        return rules

    def _estimator(self) -> Any:
        """Return the fitted estimator to ask, where predictions are its own; else None."""
        if "_fitted" in self.__dict__:
            fitted = self._fitted
            asks = fitted.plan.procedure == "native" or (
                self._is_native() and fitted.adapter.capabilities.untouched
            )
            return fitted.model if asks else None
        return self._untouched()

    def _ask(self, method: str, X: Any) -> Any:
        """Call a method of the estimator that predicts for itself."""
        native = self._state().model
        return getattr(native, method)(X if self._rules_itself() else self._gate(X))

    def __sklearn_tags__(self) -> Any:
        native = self._untouched()
        tags = super().__sklearn_tags__()
        if native is not None:
            from sklearn.utils import get_tags

            own = get_tags(native)
            tags.input_tags, tags.target_tags = own.input_tags, own.target_tags
            tags.non_deterministic, tags.no_validation = own.non_deterministic, own.no_validation
            tags.array_api_support = False
        return tags


def _not_finite(outputs: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    return np.asarray(~np.isfinite(outputs))


def _unknown(model: Model | Native) -> bool:
    """Whether only a call would tell what a factory builds."""
    return isinstance(model, Native) and native_owner(model) is None
