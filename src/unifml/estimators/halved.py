"""The two halves of a fitted network for transformation: each a fitted state of its own."""

from __future__ import annotations

from dataclasses import replace

from unifml.core.fitted import Fitted
from unifml.core.plan import Plan
from unifml.core.task import Task
from unifml.models.halves import DECODER, ENCODER, code_shape, halves


def encoder_of(fitted: Fitted) -> Fitted:
    """Return the state that gives the codes of rows."""
    return fitted.part(ENCODER, lambda: _encoder(fitted))


def decoder_of(fitted: Fitted) -> Fitted:
    """Return the state that gives flat rows, in their own units, from codes."""
    return fitted.part(DECODER, lambda: _decoder(fitted))


def code_size(fitted: Fitted) -> int:
    """Return how many numbers a code has."""
    assert fitted.plan.network is not None
    return code_shape(fitted.plan.network, fitted.plan.signature.input_shape)[0]


def _encoder(fitted: Fitted) -> Fitted:
    assert fitted.plan.network is not None
    width = code_size(fitted)
    signature = replace(fitted.plan.signature, n_outputs=width)
    plan = replace(fitted.plan, signature=signature, task=Task("regression", width))
    return _part(fitted, replace(plan, network=halves(fitted.plan.network)[0]))


def _decoder(fitted: Fitted) -> Fitted:
    assert fitted.plan.network is not None
    shape = (code_size(fitted),)
    signature = replace(fitted.plan.signature, input_shape=shape, feature_names=None)
    plan = replace(fitted.plan, signature=signature, task=Task("regression", signature.n_outputs))
    part = _part(fitted, replace(plan, network=halves(fitted.plan.network)[1]))
    return replace(part, target=fitted.target)


def _part(fitted: Fitted, plan: Plan) -> Fitted:
    names = plan.graph.weight_specs()
    assert fitted.weights is not None
    return Fitted(plan, fitted.backend, weights={name: fitted.weights[name] for name in names})
