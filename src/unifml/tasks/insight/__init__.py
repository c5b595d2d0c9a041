"""What a model looks at, what it does with it, and where it draws the line."""

from unifml.tasks.insight.calibrating import calibrate
from unifml.tasks.insight.dependence import partial_dependence
from unifml.tasks.insight.dependences import Dependence
from unifml.tasks.insight.importance import permutation_importance
from unifml.tasks.insight.importances import Importances
from unifml.tasks.insight.threshold import TunedThreshold
from unifml.tasks.insight.thresholds import tune_threshold

__all__ = [
    "Dependence",
    "Importances",
    "TunedThreshold",
    "calibrate",
    "partial_dependence",
    "permutation_importance",
    "tune_threshold",
]
