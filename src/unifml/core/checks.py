"""What the layers of a network ask of rows, beyond their shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from unifml.core.plan import Plan
from unifml.errors import DataError

Arrays = Mapping[str, Any]


def check_rows(plan: Plan, arrays: Arrays) -> None:
    """Raise for ids, codes and lengths that the plan's network has no place for.

    Raises
    ------
    DataError
    """
    for column, _ in plan.signature.levels:
        _check_codes(np.asarray(arrays["X"])[:, column], column)
    for node in plan.graph.nodes:
        layer: Any = node.layer
        source = node.inputs[0].name
        if layer.kind == "embedding" and source in arrays:
            where = f"ids of {source} for layer {node.name!r}"
            ids = np.asarray(arrays[source])
            if not layer.unknown:
                _check_ids(ids, layer.size, where)
            if layer.mask_id is not None:
                _check_padding(ids != layer.mask_id, layer.mask_id, where)
        if hasattr(layer, "max_length"):
            _check_lengths(layer, node.name, node.inputs[0].mask, arrays)


def has_demands(plan: Plan) -> bool:
    """Say whether there is anything that `check_rows` looks at."""
    layers = [node.layer for node in plan.graph.nodes]
    asks = any(layer.kind == "embedding" or hasattr(layer, "max_length") for layer in layers)
    return asks or bool(plan.signature.levels)


def _check_ids(ids: Any, size: Any, where: str) -> None:
    wrong = ids[(ids < 0) | (ids >= size) | (ids != np.floor(ids))]
    if wrong.size:
        raise DataError(
            where, found=f"{wrong[:3].tolist()}", rule=f"whole numbers, 0 <= id < {size}"
        )


def _check_padding(there: Any, mask_id: int, where: str) -> None:
    """Raise unless padding stands at the end, behind a step: backends read it so."""
    late = np.flatnonzero(~there[:, 0] | (there[:, 1:] > there[:, :-1]).any(axis=1))
    if late.size:
        raise DataError(
            where,
            found=f"padding before the end of rows {late[:3].tolist()}",
            rule=f"id {mask_id} is padding: it stands behind the other ids, and one is there",
        )


def _check_codes(codes: Any, column: int) -> None:
    broken = codes[codes != np.floor(codes)]
    if broken.size:
        raise DataError(
            f"column {column} of X, which holds codes",
            found=f"{broken[:3].tolist()}",
            rule="codes are whole numbers; those that fit did not see share one vector",
        )


def _check_lengths(layer: Any, name: str, mask: str | None, arrays: Arrays) -> None:
    lengths = arrays.get(f"{mask}_lengths") if mask else None
    if lengths is not None and layer.max_length and np.max(lengths) > layer.max_length:
        raise DataError(
            f"sequences of {mask}",
            found=f"one of {int(np.max(lengths))} steps",
            rule=f"layer {name!r} has places for {layer.max_length}",
            fix=f"set max_length={int(np.max(lengths))} or more, or cut the sequences",
        )
