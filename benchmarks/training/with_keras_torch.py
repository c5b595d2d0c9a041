"""Keras on torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from training.cases import Array
from training.contender import Contender
from training.with_keras import Fit
from training.with_torch import Indexed
from training.with_unifml import UnifmlKeras

# Index batching of a module of torch's own: what the same network costs without Keras.
CONTENDERS: tuple[type[Contender], ...] = (UnifmlKeras, Fit, Indexed)


def calls(trained: dict[str, Any]) -> dict[str, Callable[[Array], Any]]:
    """Return the ways to predict, by name; the plain model answers with logits."""
    ours, model = trained["unifml"], trained[Fit.name].model

    def inference(X: Array) -> Any:
        with torch.inference_mode():
            return model(torch.from_numpy(X), training=False).numpy()

    return {
        "unifml predict": ours.predict,
        "unifml predict_proba": ours.model.predict_proba,
        "model(x), inference_mode": inference,
        "predict_on_batch": model.predict_on_batch,
        "model.predict": lambda X: model.predict(X, verbose=0),
    }
