"""The names for users, in groups, for autosummary to write a page each.

Every public name stands in a group, or the build fails. Of a module below the first, these are the
names with an example, and the errors: the rest of a room's ``__all__`` is for other rooms.
"""

from __future__ import annotations

import importlib
import inspect

import unifml

GROUPS = {
    "Estimators": ("Classifier", "Regressor", "Transformer", "Native", "Signature", "Estimator"),
    "Verbs": (
        *("make", "fit", "preprocess", "evaluate", "tune", "export_onnx", "load_onnx", "translate"),
        *("compare", "compare_backends", "rank_over", "inspect_onnx"),
        *("list_models", "list_backends", "show_versions"),
    ),
    "Insight": ("permutation_importance", "partial_dependence", "tune_threshold", "calibrate"),
    "Moving and saving": ("to_backend", "to_native", "from_native", "save", "load"),
    "Training": (
        *("Training", "EarlyStopping", "Callback", "CSVLog", "JSONLog", "ProgressBar"),
        *("Checkpoint", "LearningRateFinder", "find_learning_rate", "release"),
    ),
    "Losses": (
        *("Loss", "CrossEntropy", "Focal", "Hinge", "SquaredHinge", "MSE", "MAE", "Huber"),
        *("LogCosh", "Quantile", "Poisson", "CustomLoss"),
    ),
    "Optimizers and schedules": (
        *("Adam", "AdamW", "SGD", "RMSprop", "Adagrad", "Lion", "CustomOptimizer", "Constant"),
        *("Cosine", "Step", "Exponential", "OneCycle", "ReduceOnPlateau"),
    ),
    "Augmentation": (
        *("Augmentation", "Flip", "Crop", "Rotate", "Color", "Cutout", "Jitter", "Scale"),
        *("TimeWarp", "Noise", "Swap"),
    ),
    "Search spaces": ("Float", "Int", "Categorical"),
    "Configuration": ("set_config", "get_config", "config_context"),
    "Backends": ("Adapter", "get_adapter", "register_adapter"),
}
RESULTS = (
    *("tasks.evaluation.Evaluation", "tasks.predictions.Predictions", "tasks.tuning.Tuning"),
    "tasks.by_class.Confusion",
    *("tasks.comparison.Comparison", "tasks.backend_comparison.BackendComparison"),
    *("tasks.insight.importances.Importances", "tasks.insight.dependences.Dependence"),
    *("tasks.preprocess.decision.Preprocessor", "tasks.preprocess.decision.Decision"),
    *("export.report.OnnxExport", "export.inspection.Inspection"),
    *("runtime.estimator.OnnxEstimator", "core.history.History"),
)
MODULES = {
    "unifml.models": "Models",
    "unifml.columns": "Columns of a table",
    "unifml.layers": "Layers",
    "unifml.testing": "For authors of adapters",
    "unifml.errors": "Errors",
}


def page() -> str:
    missing = set(unifml.__all__) - {name for names in GROUPS.values() for name in names}
    if missing - {"__version__"}:
        raise ValueError(f"docs/_ext/reference.py has no group for {sorted(missing)}")
    lines = ["API", "==="]
    for title, names in GROUPS.items():
        lines += section(title, "unifml", names)
    lines += section("What the verbs return", "unifml", RESULTS)
    for name, title in MODULES.items():
        module = importlib.import_module(name)
        rest = (n for n in module.__all__ if n not in unifml.__all__)
        lines += section(title, name, [n for n in rest if for_users(getattr(module, n))])
    return "\n".join(lines)


def section(title: str, module: str, names: list[str] | tuple[str, ...]) -> list[str]:
    head = ["", title, "-" * len(title), "", f".. currentmodule:: {module}", ""]
    return [*head, ".. autosummary::", "   :toctree: .", "", *(f"   {n}" for n in names), ""]


def for_users(obj: object) -> bool:
    if inspect.isclass(obj) and issubclass(obj, Exception):
        return True
    documented = inspect.isclass(obj) or inspect.isroutine(obj)
    return documented and "\nExamples\n---" in (inspect.getdoc(obj) or "")
