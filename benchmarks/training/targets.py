"""What is promised, held against what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

SMALL = ("569 x 30", "1797 x 64")


@dataclass(frozen=True)
class Target:
    """The least ratio of a contender, in the rows that begin so."""

    world: str
    table: str
    contender: str
    least: float
    rows: tuple[str, ...] = ("",)


# "Never slower" allows for what repeated runs differ by.
NEVER_SLOWER = 0.95
TARGETS = (
    Target("torch", "epochs", "DataLoader loop", 1.6, SMALL),
    Target("torch", "epochs", "DataLoader loop", 1.5, ("50,000 x 100, batch 256",)),
    Target("torch", "epochs", "skorch", 2.5, SMALL),
    Target("torch", "epochs", "skorch", 2.0, ("50,000 x 100, batch 256",)),
    Target("torch", "epochs", "index batching", NEVER_SLOWER),
    *(
        target
        for world in ("keras", "jax")
        for target in (
            Target(world, "epochs", "model.fit", 10.0, SMALL),
            Target(world, "epochs", "model.fit", 1.7, ("50,000 x 100, batch 256",)),
            Target(world, "epochs", "model.fit", NEVER_SLOWER, ("50,000", "CNN", "LSTM")),
            Target(world, "fits", "model.fit", 15.0, ("refit",)),
        )
    ),
    Target("keras-torch", "epochs", "model.fit", NEVER_SLOWER),
    Target("torch", "predictions", "inference_mode", 1 / 3, ("1 row",)),
    Target("keras", "predictions", "model.predict", 50.0, ("1 row",)),
    Target("keras", "predictions", "concrete function", 1 / 3, ("1 row",)),
    Target("jax", "predictions", "jitted function", 1 / 3, ("1 row",)),
    Target("keras", "memory", "own tf.function epoch", 1 / 1.3, ("above the import",)),
    Target("jax", "memory", "lax.scan epoch", 1 / 1.3, ("above the import",)),
    Target("torch", "memory", "index batching", 1 / 1.3, ("above the import",)),
)


def held(results: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a line for each promise that something was measured for."""
    for target in TARGETS:
        for result in results:
            place = (result["world"], result["table"])
            if place != (target.world, target.table) or not result["row"].startswith(target.rows):
                continue
            ratio = result["found"].get(target.contender, {}).get("ratio")
            if ratio is not None:
                verdict = "kept" if ratio >= target.least else "MISSED"
                where = f"{target.world}, {target.table}, {result['row']}: {target.contender}"
                yield f"{where:<75}{ratio:>8.2f} of {target.least:.2f}  {verdict}"
