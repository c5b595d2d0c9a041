"""What a metric's name means, wherever one is named: in training, in `evaluate`, in `tune`."""

from unifml.metrics.answers import METHODS, Answers
from unifml.metrics.metric import BOUND, Measured, Metric
from unifml.metrics.named import known_metrics, make_metrics

__all__ = ["BOUND", "METHODS", "Answers", "Measured", "Metric", "known_metrics", "make_metrics"]
