"""Who predicts: each as a user gets it, with nothing set but the seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from unifml import Classifier, Regressor, Training
from unifml.models import MLP, Tabular

Make = Callable[[bool, int], Any]
"""``make(classes, seed)`` returns an estimator."""


def of_unifml(model: Any, **training: Any) -> Make:
    def make(classes: bool, seed: int) -> Any:
        face = Classifier if classes else Regressor
        settings = Training(**training) if training else None
        return face(model, backend="torch", training=settings, random_state=seed)

    return make


def of_two(classifier: Any, regressor: Any, **settings: Any) -> Make:
    def make(classes: bool, seed: int) -> Any:
        return (classifier if classes else regressor)(random_state=seed, **settings)

    return make


def _scaled_mlp(classes: bool, seed: int) -> Any:
    if classes:
        return make_pipeline(StandardScaler(), MLPClassifier(random_state=seed))
    inner = make_pipeline(StandardScaler(), MLPRegressor(random_state=seed))
    return TransformedTargetRegressor(inner, transformer=StandardScaler())


def _linear(classes: bool, seed: int) -> Any:
    last = LogisticRegression(max_iter=1000) if classes else Ridge()
    return make_pipeline(StandardScaler(), last)


def _lightgbm(classes: bool, seed: int) -> Any:
    import lightgbm

    kind = lightgbm.LGBMClassifier if classes else lightgbm.LGBMRegressor
    return kind(random_state=seed, n_jobs=1, verbosity=-1)


def _xgboost(classes: bool, seed: int) -> Any:
    import xgboost

    return (xgboost.XGBClassifier if classes else xgboost.XGBRegressor)(random_state=seed, n_jobs=1)


def _realmlp(classes: bool, seed: int) -> Any:
    import pytabkit

    kind = pytabkit.RealMLP_TD_Classifier if classes else pytabkit.RealMLP_TD_Regressor
    return kind(random_state=seed, n_threads=1, device="cpu", verbosity=0)


OURS = "tabular"
CONTENDERS: dict[str, Make] = {
    OURS: of_unifml(Tabular()),
    "tabular, 4 members": of_unifml(Tabular(members=4)),
    "mlp of unifml": of_unifml(MLP()),
    "MLP of scikit-learn": of_two(MLPClassifier, MLPRegressor),
    "the same, scaled": _scaled_mlp,
    "logistic, ridge": _linear,
    "RandomForest": of_two(RandomForestClassifier, RandomForestRegressor),
    "HistGradientBoosting": of_two(HistGradientBoostingClassifier, HistGradientBoostingRegressor),
    "LightGBM": _lightgbm,
    "XGBoost": _xgboost,
    "RealMLP": _realmlp,
}
"""Those whose library is not installed are left out."""

QUICK = (OURS, "mlp of unifml", "logistic, ridge", "HistGradientBoosting")
