"""Networks of several members: each is trained by itself, and all are joined into one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.core.adapter import Weights
from unifml.core.fitted import body_weights
from unifml.core.history import History
from unifml.core.seeds import Seeds
from unifml.training.job import Job, Steps

Learned = tuple[dict[str, npt.NDArray[Any]], History]


def run_members(job: Job, start: Weights) -> Steps[Learned]:
    """Train a network: by itself, or member by member where its model has several.

    Each member has its own loss, its own initial weights and its own order of rows, so several
    networks are learned, whose outputs are averaged; and they can be trained at once.

    Parameters
    ----------
    job : Job
        The training of the whole.
    start : mapping
        The initial weights of the whole.

    Returns
    -------
    weights, history
        The weights of the whole; of several members, losses and metrics are their means.
    """
    count = int(getattr(job.plan.model, "members", 1))
    if count == 1:
        ((program, history),) = yield [job]
        return program.result(), history
    trained = yield [_member(job, start, i) for i in range(count)]
    learned = {
        f"{job.plan.model.member_prefix(i)}{name}": value
        for i, (program, _) in enumerate(trained)
        for name, value in program.result().items()
    }
    return learned, mean_history([history for _, history in trained])


def mean_history(histories: Sequence[History]) -> History:
    """Return the means of what several networks recorded, over the epochs that all have run."""
    epochs = min(history.n_epochs for history in histories)
    records = [
        {name: float(np.mean([h.records[e][name] for h in histories])) for name in record}
        for e, record in enumerate(histories[0].records[:epochs])
    ]
    first = float(np.mean([h.initial_loss for h in histories if h.initial_loss is not None]))
    best = [h.best_epoch for h in histories if h.best_epoch]
    return replace(
        histories[0],
        records=records,
        initial_loss=first,
        best_epoch=round(float(np.mean(best))) if best else None,
    )


def _member(job: Job, start: Weights, i: int) -> Job:
    """Return the training of one member."""
    whole, prefix = job.plan, job.plan.model.member_prefix(i)
    model = whole.model.member()
    plan = replace(
        whole,
        model=model,
        network=model.network(whole.task, whole.signature),
        seeds=Seeds(whole.seeds.integer("member", i)),
    )
    own = {n.removeprefix(prefix): v for n, v in start.items() if n.startswith(prefix)}
    weights = body_weights(plan, own)
    options = job.options | {"build": None, "verbose": job.options.get("verbose") if not i else 0}
    if "resume" in options:
        options["resume"] = options["resume"].of(f"member{i}")
    return replace(job, plan=plan, model=weights, source=job.source.again(plan), options=options)
