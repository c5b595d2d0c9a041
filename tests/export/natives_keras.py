"""Keras models as users write them, made when Keras is there."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace

OWN = "unifml_tests_own_parts"
OWN_TEXT = '''\
"""A module of a user."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("unifml_tests")
class Valid(layers.Layer):
    """Which steps are no padding."""

    def call(self, X, lengths):
        return ops.arange(ops.shape(X)[1])[None] < ops.cast(lengths, "int32")[:, None]

    def compute_output_spec(self, X, lengths):
        return keras.KerasTensor((None, None), "bool")


class Doubled(layers.Layer):
    """Is not registered."""

    def call(self, X):
        return 2.0 * X


def halved(X):
    return X / 2.0
'''
"""A module that another Python can import; tests write it into a folder."""


def models(own: ModuleType) -> SimpleNamespace:
    """Return models and the shapes of their rows, with parts of the module `own` in some."""
    import keras
    import numpy as np
    from keras import layers

    def chain(shape, *parts, dtype=None):
        return keras.Sequential([keras.Input(shape, dtype=dtype), *parts, layers.Dense(2)])

    def ragged(cell):
        X = keras.Input((None, 3), name="X")
        lengths = keras.Input((), name="X_lengths", dtype="int32")
        h = layers.Lambda(own.halved)(own.Doubled()(cell(X, mask=own.Valid()(X, lengths))))
        return keras.Model({"X": X, "X_lengths": lengths}, layers.Dense(2)(h))

    def normalised():
        layer = layers.Normalization()
        layer.adapt(np.array([[1, 2, 3, 9], [5, 2.5, -3, 1]], dtype="float32"))
        return chain((4,), layer)

    def attention():
        X = keras.Input((5, 4))
        h = layers.LayerNormalization()(X + layers.MultiHeadAttention(2, 3)(X, X))
        return keras.Model(X, layers.Dense(2)(layers.GlobalAveragePooling1D()(h)))

    def mobile():
        """A block of EfficientNet."""
        X = keras.Input((6, 6, 3))
        x = layers.Conv2D(4, 3, strides=2, padding="same", activation="swish")(X)
        h = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
        h = layers.Activation("swish")(layers.BatchNormalization()(h))
        gate = layers.GlobalAveragePooling2D(keepdims=True)(h)
        h = layers.Multiply()([h, layers.Conv2D(4, 1, activation="sigmoid")(gate)])
        h = layers.Add()([x, layers.Conv2D(4, 1)(h)])
        return keras.Model(X, layers.Dense(2)(layers.GlobalAveragePooling2D()(h)))

    def two():
        left, right = keras.Input((4,), name="left"), keras.Input((3, 2), name="right")
        both = layers.Concatenate()([left, layers.Flatten()(right)])
        return keras.Model({"left": left, "right": right}, layers.Dense(2)(both))

    def one_number():
        return keras.Sequential([keras.Input((4,)), layers.Dense(1), layers.Reshape(())])

    makes = {
        "dense": lambda: chain((4,), layers.Dense(8, "relu"), layers.Dropout(0.5)),
        "conv": lambda: chain((6, 6, 3), layers.Conv2D(4, 3), layers.MaxPool2D(), layers.Flatten()),
        "causal": lambda: chain(
            (8, 3), layers.Conv1D(4, 3, padding="causal"), layers.GlobalMaxPooling1D()
        ),
        "batch norm": lambda: chain((4,), layers.Dense(8), layers.BatchNormalization()),
        "gelu": lambda: chain((4,), layers.Dense(8, "gelu"), layers.LayerNormalization()),
        "normalised": normalised,
        "attention": attention,
        "mobile": mobile,
        "lstm": lambda: chain((5, 3), layers.LSTM(4)),
        "simple rnn": lambda: chain((5, 3), layers.SimpleRNN(4)),
        "words": lambda: chain(
            (5,), layers.Embedding(11, 4), layers.GlobalAveragePooling1D(), dtype="int32"
        ),
        "ragged lstm": lambda: ragged(layers.LSTM(4)),
        "ragged both ways": lambda: ragged(layers.Bidirectional(layers.GRU(4))),
        "two": two,
        "one number": one_number,
    }
    shapes = {
        "conv": (6, 6, 3),
        "mobile": (6, 6, 3),
        "causal": (8, 3),
        "attention": (5, 4),
        "lstm": (5, 3),
        "simple rnn": (5, 3),
        "words": (5,),
        "ragged lstm": (-1, 3),
        "ragged both ways": (-1, 3),
    }

    return SimpleNamespace(makes=makes, shapes=shapes)
