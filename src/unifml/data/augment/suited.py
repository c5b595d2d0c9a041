"""Which changes suit which inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from unifml.core.inputs import by_name, valid_steps
from unifml.core.plan import Plan
from unifml.core.table import FloatArray, Table
from unifml.data.augment.base import About, Augmentation, InputKind
from unifml.data.statistics import Moments
from unifml.errors import CapabilityError, ParameterError
from unifml.layers import Standardize

_KINDS: dict[int, InputKind] = {1: "table", 2: "series", 3: "image"}
_SHAPES = {"table": "(F,)", "series": "(T, F)", "image": "(H, W, C)"}


def input_kinds(plan: Plan) -> dict[str, InputKind]:
    """Return what each input is, by its number of axes; inputs of ids are left out."""
    ids = _ids(plan)
    return {
        feed.name: _KINDS[len(feed.shape)]
        for feed in plan.signature.feeds
        if feed.name not in ids and len(feed.shape) in _KINDS
    }


def check_changes(plan: Plan) -> None:
    """Raise for augmentations and mixtures that do not suit the inputs, before any work.

    Raises
    ------
    CapabilityError
        For one that fits none of the inputs.
    ParameterError
        For an augmentation whose own values cannot be.
    """
    settings, kinds = plan.settings, input_kinds(plan)
    for augmentation in settings.augment:
        if not isinstance(augmentation, Augmentation):
            raise ParameterError(
                f"augment={augmentation!r:.60}", rule="a unifml.Augmentation, such as Flip()"
            )
        augmentation.check()
        if not set(augmentation.kinds) & set(kinds.values()):
            wanted = " or ".join(f"{kind} {_SHAPES[kind]}" for kind in augmentation.kinds)
            raise _unsuited(f"augment={augmentation!r}", plan, f"it changes inputs of {wanted}")
    if settings.mixup and (len(kinds) < len(plan.signature.feeds) or plan.signature.levels):
        rule = "ids and codes of categories cannot be mixed"
        raise _unsuited(f"mixup={settings.mixup}", plan, rule)
    if settings.cutmix and list(kinds.values()) != ["image"]:
        rule = "it takes one input, of images (H, W, C)"
        raise _unsuited(f"cutmix={settings.cutmix}", plan, rule)


def describe(plan: Plan, rows: Table) -> dict[str, About]:
    """Return what augmentations are told of each input.

    Parameters
    ----------
    plan : Plan
        What is trained.
    rows : Table
        Rows as a program takes them, in memory: deviations of what is not standardised are theirs.
    """
    coded = tuple(column for column, _ in plan.signature.levels)
    return {
        name: About(kind, _deviation(plan, rows, name), coded if kind == "table" else ())
        for name, kind in input_kinds(plan).items()
    }


def _deviation(plan: Plan, rows: Table, name: str) -> FloatArray:
    """Return 1 for features that are standardised, and for others what they have."""
    arrays, feeds = by_name(rows.X), {feed.name: feed for feed in plan.signature.feeds}
    columns = _standardized(plan, name, arrays[name].shape[-1])
    if columns.all():
        return np.ones(len(columns))
    moments = Moments.of_features(arrays[name], rows.weight, valid_steps(feeds[name], arrays))
    return np.where(columns, 1.0, moments.scaling().scale)


def _standardized(plan: Plan, name: str, width: int) -> np.ndarray:
    """Return which features of an input are standardised."""
    nodes: Any = plan.graph.nodes if plan.network else ()
    for node in nodes:
        if isinstance(node.layer, Standardize) and node.inputs[0].name == name:
            columns = node.layer.columns
            return np.isin(np.arange(width), range(width) if columns is None else columns)
    return np.zeros(width, dtype=bool)


def _ids(plan: Plan) -> set[str]:
    """Return the inputs that hold ids: an `Embedding` looks them up."""
    names = {feed.name for feed in plan.signature.feeds}
    nodes: Any = plan.graph.nodes if plan.network else ()
    return {
        node.inputs[0].name
        for node in nodes
        if node.layer.kind == "embedding" and node.inputs[0].name in names
    }


def _unsuited(asked: str, plan: Plan, rule: str) -> CapabilityError:
    feeds = ", ".join(f"{feed.name} {feed.shape}" for feed in plan.signature.feeds)
    ids = f" of ids: {', '.join(sorted(_ids(plan)))}" if _ids(plan) else ""
    return CapabilityError(asked, found=f"rows of {feeds}{ids}", rule=rule, fix="leave it out")
