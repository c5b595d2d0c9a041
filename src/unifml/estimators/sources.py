"""Where the rows of a fit come from: memory, as they are or changed anew in each epoch."""

from __future__ import annotations

import numpy as np

from unifml.core.plan import Plan
from unifml.core.table import BatchOrder, Table
from unifml.data import batch_order
from unifml.data.augmented import Augmented
from unifml.data.order import check_strata
from unifml.training.source import Source


def changed(plan: Plan, source: Source) -> Source:
    """Return a source whose rows are augmented and mixed, where the settings say so."""
    settings = plan.settings
    return Augmented(source, plan) if settings.augment or settings.soft else source


def order_of(plan: Plan, rows: Table, epoch: int) -> BatchOrder:
    """Return the batches of an epoch."""
    settings = plan.settings
    balanced = settings.sampling == "balanced"
    strata = None
    if balanced and plan.task.kind == "classification":
        strata = np.asarray(rows.y) if plan.classes is None else _codes(plan, rows)
    return batch_order(
        plan.seeds,
        epoch,
        len(rows),
        min(settings.batch_size, len(rows)),
        accumulate=settings.accumulate,
        **({"strata": check_strata(strata)} if balanced else {}),
    )


def _codes(plan: Plan, rows: Table) -> np.ndarray:
    """Return the class codes of rows; natives of scikit-learn have labels there."""
    y = np.asarray(rows.y)
    native = plan.network is None and y.dtype.kind not in "iu"
    return np.searchsorted(plan.classes, y) if native and plan.classes is not None else y
