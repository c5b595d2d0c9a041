"""The verbs: what one does with models, on any backend."""

from unifml.tasks.evaluate import evaluate
from unifml.tasks.evaluation import Evaluation
from unifml.tasks.info import list_backends, list_models, show_versions
from unifml.tasks.make import fit, make
from unifml.tasks.translate import translate
from unifml.tasks.tune import tune
from unifml.tasks.tuning import Tuning

__all__ = [
    "Evaluation",
    "Tuning",
    "evaluate",
    "fit",
    "list_backends",
    "list_models",
    "make",
    "show_versions",
    "translate",
    "tune",
]
