"""The verbs: what one does with models, on any backend."""

from unifml.tasks.backend_comparison import BackendComparison
from unifml.tasks.compare import compare
from unifml.tasks.compare_backends import compare_backends
from unifml.tasks.comparison import Comparison
from unifml.tasks.evaluate import evaluate
from unifml.tasks.evaluation import Evaluation
from unifml.tasks.find_rate import find_learning_rate
from unifml.tasks.free import release
from unifml.tasks.info import list_backends, list_models, show_versions
from unifml.tasks.insight import (
    Dependence,
    Importances,
    TunedThreshold,
    calibrate,
    partial_dependence,
    permutation_importance,
    tune_threshold,
)
from unifml.tasks.make import fit, make
from unifml.tasks.move import to_backend
from unifml.tasks.persist import load, save
from unifml.tasks.preprocess.verb import preprocess
from unifml.tasks.rank_over import rank_over
from unifml.tasks.takeaway import from_native, to_native
from unifml.tasks.translate import translate
from unifml.tasks.tune import tune
from unifml.tasks.tuning import Tuning

__all__ = [
    "BackendComparison",
    "Comparison",
    "Dependence",
    "Evaluation",
    "Importances",
    "TunedThreshold",
    "Tuning",
    "calibrate",
    "compare",
    "compare_backends",
    "evaluate",
    "find_learning_rate",
    "fit",
    "from_native",
    "list_backends",
    "list_models",
    "load",
    "make",
    "partial_dependence",
    "permutation_importance",
    "preprocess",
    "rank_over",
    "release",
    "save",
    "show_versions",
    "to_backend",
    "to_native",
    "translate",
    "tune",
    "tune_threshold",
]
