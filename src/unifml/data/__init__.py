"""The gate: what users pass becomes arrays, labels become codes; splits and the order of rows."""

from unifml.data.gate import check_features, has_validation, training_rows
from unifml.data.labels import LabelCodes
from unifml.data.order import batch_order
from unifml.data.splits import hold_out, present
from unifml.data.statistics import Moments
from unifml.data.targets import check_numbers
from unifml.data.weights import balanced, check_weights

__all__ = [
    "LabelCodes",
    "Moments",
    "balanced",
    "batch_order",
    "check_features",
    "check_numbers",
    "check_weights",
    "has_validation",
    "hold_out",
    "present",
    "training_rows",
]
