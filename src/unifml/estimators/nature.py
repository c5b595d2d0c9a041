"""What an estimator is: fitted or not, a network, or a native that rules by its own tags."""

from __future__ import annotations

from typing import Any

from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from unifml.core.fitted import Fitted
from unifml.core.registry import get_adapter
from unifml.data import check_inputs
from unifml.errors import ParameterError, UnifmlError
from unifml.estimators.parameters import Parameters
from unifml.estimators.resolve import native_owner, resolve_model
from unifml.models import Native
from unifml.models.native import is_factory


class Nature(Parameters):
    """Fitted attributes, and the questions that methods and tags depend on."""

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

    def _is_native(self) -> bool:
        return isinstance(self._state().plan.model, Native)

    def _gate(self, X: Any) -> Any:
        plan, native = self._state().plan, self._is_native()
        axes = None if native else plan.model.axes
        known = plan.signature.feeds
        return check_inputs(self, X, axes=axes, native=native, cut=self.inputs, known=known)

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
            own = get_tags(native)
            tags.input_tags, tags.target_tags = own.input_tags, own.target_tags
            tags.non_deterministic, tags.no_validation = own.non_deterministic, own.no_validation
            tags.array_api_support = False
        return tags
