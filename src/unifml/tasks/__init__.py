"""The verbs: what one does with models, on any backend."""

from unifml.tasks.evaluate import evaluate
from unifml.tasks.evaluation import Evaluation
from unifml.tasks.make import fit, make

__all__ = ["Evaluation", "evaluate", "fit", "make"]
