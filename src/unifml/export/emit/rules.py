"""The rule for each kind of primitive."""

from __future__ import annotations

from unifml.export.emit import (
    activations,
    attention,
    dense,
    embeddings,
    moves,
    norms,
    pools,
    recurrent,
    windows,
)
from unifml.export.emit.step import Rule

_ROOMS = (activations, attention, dense, embeddings, moves, norms, pools, recurrent, windows)
RULES: dict[str, Rule] = {kind: rule for room in _ROOMS for kind, rule in room.RULES.items()}
