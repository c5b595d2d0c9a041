"""The gate: what users pass becomes arrays, labels become codes; splits and the order of rows."""

from unifml.data.augment import Augmentation
from unifml.data.augment.suited import check_changes
from unifml.data.augmented import Augmented
from unifml.data.beforehand import input_moments, input_quartiles, moments_asked, with_bins
from unifml.data.codes import code_levels
from unifml.data.gate import check_inputs, feeds_of, has_validation, training_rows
from unifml.data.labels import LabelCodes
from unifml.data.order import batch_order
from unifml.data.splits import hold_out, present
from unifml.data.statistics import Moments, quantile_bins
from unifml.data.targets import check_numbers
from unifml.data.weights import balanced, check_weights

__all__ = [
    "Augmentation",
    "Augmented",
    "LabelCodes",
    "Moments",
    "balanced",
    "batch_order",
    "check_changes",
    "check_inputs",
    "check_numbers",
    "check_weights",
    "code_levels",
    "feeds_of",
    "has_validation",
    "hold_out",
    "input_moments",
    "input_quartiles",
    "moments_asked",
    "present",
    "quantile_bins",
    "training_rows",
    "with_bins",
]
