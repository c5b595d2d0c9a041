"""What scikit-learn would be told, as source code to read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from unifml.adapters.sklearn.layers import estimator_class, mlp_params
from unifml.core.plan import Plan
from unifml.models import Native
from unifml.models.native import is_factory


def translate(plan: Plan) -> str:
    """Return the construction and the training call of a plan, with notes on what was changed."""
    if plan.network is not None and plan.procedure != "native":
        return _network(plan)
    if plan.translation is not None:
        path, params = plan.translation.estimator, plan.translation.params
        return _source(path, _call(path.rpartition(".")[2], params), plan.translation.notes)
    native = plan.model.factory if isinstance(plan.model, Native) else plan.model
    notes = ["random states that are None are drawn from the seed; X and y go in untouched"]
    yours = f"# model: yours, {native!r}" if is_factory(native) else f"model = {native!r}"
    return "\n".join([*_comments(notes), yours, "model.fit(X, y)"])


def _network(plan: Plan) -> str:
    name = estimator_class(plan).__name__
    call = _call(name, mlp_params(plan).items())
    notes = [
        *(plan.translation.notes if plan.translation else ()),
        f"l2={plan.settings.l2:g} -> alpha = l2 * (weight sum of the batch)",
        "the steps are unifml's: its initial weights, order of rows and optimizer "
        f"{plan.settings.optimizer!r}",
    ]
    steps = ["for rows in batches:", "    # the gradient is scikit-learn's own backpropagation"]
    steps += ["    weights -= optimizer.update(gradient(X[rows], y[rows]))"]
    source = _source(f"sklearn.neural_network.{name}", call, notes).splitlines()
    if plan.network is not None and plan.graph.standardized:
        source = [
            "from sklearn.pipeline import Pipeline",
            "from sklearn.preprocessing import StandardScaler",
            *(line.replace("model = ", "mlp = ") for line in source[:-1]),
            'model = Pipeline([("standardize", StandardScaler()), ("mlp", mlp)])',
        ]
    else:
        source = source[:-1]
    return "\n".join([*source, *steps])


def _source(path: str, call: str, notes: Iterable[str]) -> str:
    module, _, name = path.rpartition(".")
    lines = [f"from {module} import {name}", *_comments(notes), f"model = {call}"]
    return "\n".join([*lines, "model.fit(X, y)"])


def _call(name: str, params: Iterable[tuple[str, Any]]) -> str:
    arguments = "".join(f"    {key}={value!r},\n" for key, value in params)
    return f"{name}(\n{arguments})" if arguments else f"{name}()"


def _comments(notes: Iterable[str]) -> list[str]:
    return [f"# {note}" for note in notes]
