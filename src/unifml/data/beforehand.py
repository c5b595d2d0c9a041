"""What layers learn from the rows before the first step: means, deviations, quantiles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.core.fitted import Scaling, network_input
from unifml.core.inputs import by_name, valid_steps
from unifml.core.plan import Plan
from unifml.core.table import Table
from unifml.data.statistics import Moments, quantile_bins, quartile_scaling
from unifml.errors import CapabilityError
from unifml.layers import Columns, Graph, Node, PiecewiseLinear, Standardize

Arrays = dict[str, npt.NDArray[Any]]


def input_moments(plan: Plan, rows: Table) -> dict[str, Moments]:
    """Return the moments of the features of every input that is standardised by them."""
    found = {}
    for layer, name, values, valid in _standardized(plan, rows):
        if layer.statistic == "moments":
            moments = Moments.of_features(values, rows.weight, valid)
            found[name] = moments.shared() if layer.shared else moments
    return found


def moments_asked(plan: Plan, known: Mapping[str, Moments]) -> dict[str, Moments]:
    """Return, of the moments of all inputs, those that layers standardise by."""
    layers = {
        node.inputs[0].name: node.layer
        for node in (plan.graph.nodes if plan.network else ())
        if isinstance(node.layer, Standardize) and node.layer.statistic == "moments"
    }
    return {n: known[n].shared() if layer.shared else known[n] for n, layer in layers.items()}


def input_quartiles(plan: Plan, rows: Table) -> dict[str, Scaling]:
    """Return median and quartile distance of every input that is standardised by those."""
    return {
        name: quartile_scaling(values, rows.weight, valid, shared=layer.shared)
        for layer, name, values, valid in _standardized(plan, rows)
        if layer.statistic == "quantiles"
    }


def _standardized(plan: Plan, rows: Table) -> Iterator[tuple[Standardize, str, Any, Any]]:
    """Yield every `Standardize` with its input: name, values, and steps that are no padding."""
    arrays, feeds = by_name(rows.X), {feed.name: feed for feed in plan.signature.feeds}
    for node in plan.graph.nodes if plan.network else ():
        if isinstance(node.layer, Standardize):
            name = node.inputs[0].name
            yield node.layer, name, arrays[name], valid_steps(feeds[name], arrays)


def with_bins(plan: Plan, weights: Arrays, rows: Table) -> Arrays:
    """Fill the bins of every `PiecewiseLinear` from the rows as they arrive there."""
    graph = plan.graph.body()
    found = [node for node in graph.nodes if isinstance(node.layer, PiecewiseLinear)]
    if not found:
        return weights
    arrays = by_name(network_input(plan, weights, rows.X))
    filled = dict(weights)
    for node in found:
        values = _arriving(graph, node, arrays)
        slope, shift = quantile_bins(values, rows.weight, node.shape[-1])
        dtype = plan.signature.dtype
        filled |= {
            f"{node.name}.slope": slope.astype(dtype),
            f"{node.name}.shift": shift.astype(dtype),
        }
    return filled


def _arriving(graph: Graph, node: Node, arrays: Any) -> npt.NDArray[Any]:
    """Return the rows that a layer gets, where only `Columns` stands between it and the input."""
    source = node.inputs[0].name
    if source in arrays:
        return np.asarray(arrays[source])
    before = next(other for other in graph.nodes if other.name == source)
    if not isinstance(before.layer, Columns):
        raise CapabilityError(
            f"layer {node.name!r}, {node.layer.describe()}",
            found=f"it stands behind {before.name!r}",
            rule="its bins are quantiles of an input: only Standardize and Columns stand before",
        )
    return _arriving(graph, before, arrays)[..., list(before.layer.indices)]
