"""Search spaces: what a user may write, the model's own, and what Optuna is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from unifml.core.space import Categorical, Dimension, Float, Int, Space
from unifml.errors import CapabilityError, DataTypeError, ParameterError
from unifml.estimators import Classifier, Regressor, resolve_adapter, resolve_model
from unifml.models import Native
from unifml.models.capable import restrict
from unifml.tasks.names import resolve

_PRIMITIVE = (bool, int, float, str, type(None))


@dataclass(frozen=True)
class SearchSpace:
    """A search space bound to the estimator that it is for.

    Attributes
    ----------
    estimator : Estimator
        Whose parameters are searched.
    dimensions : dict of str to dimension, or callable
        By name as the user gave it; or a function from a trial to such names and values.
    """

    estimator: Any
    dimensions: Space | Callable[[Any], Mapping[str, Any]]

    def propose(self, trial: Any) -> dict[str, Any]:
        """Return parameters by full name, asking `trial` for each."""
        if callable(self.dimensions):
            return resolve(self.estimator, _values_of(self.dimensions(trial)))
        asked = {name: ask(trial, name, one) for name, one in self.dimensions.items()}
        return resolve(self.estimator, asked)

    def decode(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return what `propose` returned for a trial that is known by Optuna's parameters."""
        from optuna.trial import FixedTrial

        return self.propose(FixedTrial(dict(params)))


def bind(space: Any, estimator: Any) -> SearchSpace:
    """Return the space that a user means, checked against the estimator's names.

    Parameters
    ----------
    space : None, mapping or callable
        None takes the model's own.

    Raises
    ------
    UnknownNameError, ParameterError
        For names that are unknown or ambiguous, and for what cannot be a dimension.
    """
    if callable(space):
        return SearchSpace(estimator, space)
    if space is None:
        return SearchSpace(estimator, default_space(estimator))
    if not isinstance(space, Mapping):
        raise DataTypeError(f"space={space!r}", rule="a dict by name, or a function of the trial")
    if not space:
        raise ParameterError("space={}", rule="there must be something to search")
    dimensions = {name: as_dimension(name, value) for name, value in space.items()}
    resolve(estimator, dimensions)
    return SearchSpace(estimator, dimensions)


def default_space(estimator: Any) -> Space:
    """Return the model's own space, cut by what the backend can, under names that `resolve` knows.

    Raises
    ------
    CapabilityError
        If there is no model of unifml inside, or several.
    """
    prefix, inner = _inner(estimator)
    model = resolve_model(inner.model)
    space = {} if isinstance(model, Native) else model.space()
    if isinstance(model, Native) or not space:
        raise CapabilityError(
            f"a search of {model!r}",
            found="it has no search space of its own",
            fix='give one: space={"name": [1, 2, 3]}',
        )
    adapter = resolve_adapter(model, inner.backend)
    cut = restrict(space, model, adapter.capabilities)
    if not prefix:
        return cut
    # Inside a pipeline a short name may mean another step as well.
    return {f"{prefix}__{full}": dimension for full, dimension in resolve(inner, cut).items()}


def as_dimension(name: str, value: Any) -> Dimension:
    """Return what a user wrote for one parameter as a dimension."""
    if isinstance(value, Float | Int | Categorical):
        dimension: Dimension = value
    elif isinstance(value, range):
        dimension = _of_range(name, value)
    elif isinstance(value, list | tuple | np.ndarray):
        choices = value.tolist() if isinstance(value, np.ndarray) else value
        dimension = Categorical(tuple(_hashable(choice) for choice in choices))
    elif hasattr(value, "to_internal_repr"):
        dimension = _of_distribution(name, value)
    elif hasattr(value, "rvs"):
        raise DataTypeError(
            f"{name}={value!r}",
            rule="a SciPy distribution cannot be searched",
            fix=f"write {name}=unifml.Float(low, high, log=True)",
        )
    else:
        dimension = Categorical((value,))
    if isinstance(dimension, Float) and dimension.log and dimension.step is not None:
        raise ParameterError(f"{name}={dimension!r}", rule="log and step exclude each other")
    return dimension


def ask(trial: Any, name: str, dimension: Dimension) -> Any:
    """Ask an Optuna trial for a value of `dimension`."""
    if isinstance(dimension, Float):
        return trial.suggest_float(
            name, dimension.low, dimension.high, log=dimension.log, step=dimension.step
        )
    if isinstance(dimension, Int):
        return trial.suggest_int(
            name, dimension.low, dimension.high, log=dimension.log, step=dimension.step
        )
    labels = _labels(dimension.choices)
    return labels[trial.suggest_categorical(name, list(labels))]


def _labels(choices: tuple[Any, ...]) -> dict[Any, Any]:
    """Return choices by what a storage can hold: themselves, their text, or their numbers."""
    if all(type(choice) in _PRIMITIVE for choice in choices) and _differ(choices):
        return {choice: choice for choice in choices}
    texts = [repr(choice) for choice in choices]
    stable = len(set(texts)) == len(texts) and not any(" at 0x" in text for text in texts)
    return dict(zip(texts if stable else map(str, range(len(texts))), choices, strict=True))


def _differ(choices: tuple[Any, ...]) -> bool:
    """Whether they differ as keys: 1, 1.0 and True do not."""
    return len(set(choices)) == len(choices)


def _of_range(name: str, value: range) -> Dimension:
    if not len(value) or value.step < 1:
        raise ParameterError(f"{name}={value!r}", rule="a range goes up and is not empty")
    return Int(value[0], value[-1], step=value.step)


def _of_distribution(name: str, value: Any) -> Dimension:
    from optuna import distributions as optuna

    if isinstance(value, optuna.FloatDistribution):
        return Float(value.low, value.high, log=value.log, step=value.step)
    if isinstance(value, optuna.IntDistribution):
        return Int(value.low, value.high, log=value.log, step=value.step)
    if isinstance(value, optuna.CategoricalDistribution):
        return Categorical(tuple(value.choices))
    raise DataTypeError(f"{name}={value!r}", rule="a float, int or categorical distribution")


def _hashable(choice: Any) -> Any:
    return tuple(_hashable(part) for part in choice) if isinstance(choice, list) else choice


def _values_of(returned: Any) -> Mapping[str, Any]:
    if isinstance(returned, Mapping):
        return returned
    raise DataTypeError(f"space(trial) returned {returned!r}", rule="a dict of parameters by name")


def _inner(estimator: Any) -> tuple[str, Any]:
    """Return the one Classifier or Regressor of an estimator, and its parameter's name."""
    ours = Classifier | Regressor
    if isinstance(estimator, ours):
        return "", estimator
    parts = {k: v for k, v in estimator.get_params(deep=True).items() if isinstance(v, ours)}
    if len(parts) == 1:
        return next(iter(parts.items()))
    raise CapabilityError(
        f"a search of {type(estimator).__name__}",
        found=f"{len(parts)} models of unifml inside" if parts else "no search space of its own",
        fix='give one: space={"name": [1, 2, 3]}',
    )
