"""Native models that the tests bring along, one factory per framework, loaded when called."""

from __future__ import annotations

from sklearn.linear_model import LogisticRegression, Ridge


def torch_factory(signature):
    import torch
    from torch import nn

    module = nn.Sequential(
        nn.Linear(signature.n_features, 64), nn.ReLU(), nn.Linear(64, signature.n_outputs)
    )
    return module.to(getattr(torch, signature.dtype))


def keras_factory(signature):
    import keras

    dtype = signature.dtype
    return keras.Sequential(
        [
            keras.Input((signature.n_features,), dtype=dtype),
            keras.layers.Dense(64, activation="relu", dtype=dtype),
            keras.layers.Dense(signature.n_outputs, dtype=dtype),
        ]
    )


def sklearn_native(signature):
    return LogisticRegression() if signature.n_classes else Ridge()


FACTORIES = {"torch": torch_factory, "keras": keras_factory, "sklearn": sklearn_native}
