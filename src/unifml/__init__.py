"""unifml: one estimator, any backend.

You say what to learn once; scikit-learn, Keras or PyTorch runs it; you evaluate, tune and ship it
to ONNX the same way. Importing this package loads nothing heavy: names are loaded when used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from unifml._version import __version__
from unifml.config import config_context, get_config, set_config

if TYPE_CHECKING:
    from unifml.core.adapter import Adapter
    from unifml.core.estimator import Estimator
    from unifml.core.registry import get_adapter, register_adapter
    from unifml.core.signature import Signature
    from unifml.core.space import Categorical, Float, Int
    from unifml.data.augment import (
        Augmentation,
        Color,
        Crop,
        Cutout,
        Flip,
        Jitter,
        Noise,
        Rotate,
        Scale,
        Swap,
        TimeWarp,
    )
    from unifml.estimators import Classifier, Regressor, Transformer
    from unifml.export import export_onnx, inspect_onnx
    from unifml.models import Native
    from unifml.runtime import load_onnx
    from unifml.tasks import (
        calibrate,
        compare,
        compare_backends,
        evaluate,
        find_learning_rate,
        fit,
        from_native,
        list_backends,
        list_models,
        load,
        make,
        partial_dependence,
        permutation_importance,
        preprocess,
        rank_over,
        release,
        save,
        show_versions,
        to_backend,
        to_native,
        translate,
        tune,
        tune_threshold,
    )
    from unifml.training import (
        MAE,
        MSE,
        SGD,
        Adagrad,
        Adam,
        AdamW,
        Callback,
        Checkpoint,
        Constant,
        Cosine,
        CrossEntropy,
        CSVLog,
        CustomLoss,
        CustomOptimizer,
        EarlyStopping,
        Exponential,
        Focal,
        Hinge,
        Huber,
        JSONLog,
        LearningRateFinder,
        Lion,
        LogCosh,
        Loss,
        OneCycle,
        Poisson,
        ProgressBar,
        Quantile,
        ReduceOnPlateau,
        RMSprop,
        SquaredHinge,
        Step,
        Training,
    )

_HOMES = {
    "core.adapter": ("Adapter",),
    "core.estimator": ("Estimator",),
    "core.registry": ("get_adapter", "register_adapter"),
    "core.signature": ("Signature",),
    "core.space": ("Categorical", "Float", "Int"),
    "data.augment": (
        *("Augmentation", "Color", "Crop", "Cutout", "Flip", "Jitter", "Noise", "Rotate"),
        *("Scale", "Swap", "TimeWarp"),
    ),
    "estimators": ("Classifier", "Regressor", "Transformer"),
    "export": ("export_onnx", "inspect_onnx"),
    "models": ("Native",),
    "runtime": ("load_onnx",),
    "tasks": (
        *("calibrate", "partial_dependence", "permutation_importance", "tune_threshold"),
        *("compare", "compare_backends", "rank_over"),
        *("evaluate", "find_learning_rate", "fit", "from_native", "list_backends"),
        *("list_models", "load", "make", "preprocess", "release", "save", "show_versions"),
        *("to_backend", "to_native", "translate", "tune"),
    ),
    "training": (
        *("Adagrad", "Adam", "AdamW", "CSVLog", "Callback", "Checkpoint", "Constant", "Cosine"),
        *("CrossEntropy", "CustomLoss", "CustomOptimizer", "EarlyStopping", "Exponential"),
        *("Focal", "Hinge", "Huber", "JSONLog", "LearningRateFinder", "Lion", "LogCosh"),
        *("Loss", "MAE", "MSE", "OneCycle", "Poisson", "ProgressBar", "Quantile", "RMSprop"),
        *("ReduceOnPlateau", "SGD", "SquaredHinge", "Step", "Training"),
    ),
}
_PLACES = {name: room for room, names in _HOMES.items() for name in names}
_ROOMS = (
    *("columns", "core", "data", "errors", "export", "layers", "models", "runtime"),
    *("testing", "training"),
)

__all__ = [
    "MAE",
    "MSE",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adapter",
    "Augmentation",
    "CSVLog",
    "Callback",
    "Categorical",
    "Checkpoint",
    "Classifier",
    "Color",
    "Constant",
    "Cosine",
    "Crop",
    "CrossEntropy",
    "CustomLoss",
    "CustomOptimizer",
    "Cutout",
    "EarlyStopping",
    "Estimator",
    "Exponential",
    "Flip",
    "Float",
    "Focal",
    "Hinge",
    "Huber",
    "Int",
    "JSONLog",
    "Jitter",
    "LearningRateFinder",
    "Lion",
    "LogCosh",
    "Loss",
    "Native",
    "Noise",
    "OneCycle",
    "Poisson",
    "ProgressBar",
    "Quantile",
    "RMSprop",
    "ReduceOnPlateau",
    "Regressor",
    "Rotate",
    "Scale",
    "Signature",
    "SquaredHinge",
    "Step",
    "Swap",
    "TimeWarp",
    "Training",
    "Transformer",
    "__version__",
    "calibrate",
    "compare",
    "compare_backends",
    "config_context",
    "evaluate",
    "export_onnx",
    "find_learning_rate",
    "fit",
    "from_native",
    "get_adapter",
    "get_config",
    "inspect_onnx",
    "list_backends",
    "list_models",
    "load",
    "load_onnx",
    "make",
    "partial_dependence",
    "permutation_importance",
    "preprocess",
    "rank_over",
    "register_adapter",
    "release",
    "save",
    "set_config",
    "show_versions",
    "to_backend",
    "to_native",
    "translate",
    "tune",
    "tune_threshold",
]


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        value = getattr(import_module(f"unifml.{_PLACES[name]}"), name)
        globals()[name] = value
        return value
    if name in _ROOMS:
        return import_module(f"unifml.{name}")
    raise AttributeError(f"module 'unifml' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({name for name in globals() if name.startswith("__")} | {*__all__, *_ROOMS})
