"""What a metric's name means, wherever one is named: in training, in `evaluate`, in `tune`."""

from unifml.metrics.answers import METHODS, Answers
from unifml.metrics.named import Metric, known_metrics, make_metrics

__all__ = ["METHODS", "Answers", "Metric", "known_metrics", "make_metrics"]
