"""What networks of several models have in common."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from math import gcd

from unifml.core.signature import ANY, Shape
from unifml.errors import ParameterError
from unifml.layers import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    Embedding,
    GroupNorm,
    Layer,
    LayerNorm,
    Reshape,
    RMSNorm,
    Standardize,
)

BY_EPOCHS = frozenset(
    {"epochs", "batch_size", "optimizer", "learning_rate", "weight_decay", "l1", "l2", "loss"}
    | {"label_smoothing", "schedule", "warmup", "clip_norm", "clip_value", "accumulate", "ema"}
    | {"metrics", "sampling", "augment", "mixup", "cutmix", "validation", "early_stopping"}
    | {"refit", "callbacks", "precision", "deterministic", "compile", "checkpoint"}
)
"""The fields of `unifml.Training` that mean something for a network trained by epochs."""

GROUPS = 8  # of a group norm, where they divide the features


def norm(kind: str | None, features: int, name: str) -> tuple[Layer, ...]:
    """Return a normalisation by its short name; nothing for None."""
    if kind is None:
        return ()
    if kind == "group":
        return (GroupNorm(gcd(GROUPS, features), name=name),)
    return ({"batch": BatchNorm, "layer": LayerNorm, "rms": RMSNorm}[kind](name=name),)


def dropped(rate: float, name: str) -> tuple[Layer, ...]:
    """Return a dropout, or nothing."""
    return (Dropout(rate, name=name),) if rate else ()


def dense(hidden: tuple[int, ...], activation: str, dropout: float) -> Iterator[Layer]:
    """Return the dense layers between what was learned of a row and the output."""
    return chain.from_iterable(
        (
            Dense(int(units), name=f"hidden_{i}"),
            Activation(activation, name=f"hidden_activation_{i}"),
            *dropped(dropout, f"hidden_dropout_{i}"),
        )
        for i, units in enumerate(hidden)
    )


def numbers(shape: Shape, *, features: bool) -> tuple[Layer, ...]:
    """Return what stands first where rows are numbers.

    Parameters
    ----------
    shape : tuple of int
        Shape of one row.
    features : bool
        Whether its last axis holds features. Otherwise it gets an axis for its only one, which has
        one mean and one deviation everywhere.
    """
    if features:
        return (Standardize(name="standardize"),)
    if ANY in shape:
        raise ParameterError(
            "sequences of unequal length without an axis of features",
            found="each is an array (T_i,) of numbers",
            rule="each is an array (T_i, F)",
            fix="X = [x[:, None] for x in X]; for ids of tokens set vocabulary",
        )
    return (Standardize(shared=True, name="standardize"), Reshape((*shape, 1), name="features"))


def tokens(
    shape: Shape, size: int, dim: int, mask_id: int | None, initial: str = "normal:0.02"
) -> tuple[Layer, ...]:
    """Return what stands first where rows are ids of tokens."""
    if len(shape) != 1:
        raise ParameterError(
            f"vocabulary={size} for rows of shape {shape}",
            rule="rows are ids of tokens, of shape (T,)",
            fix="set vocabulary=None for rows of numbers",
        )
    if ANY in shape and mask_id:
        raise ParameterError(
            f"mask_id={mask_id} for sequences of unequal length",
            found="they are padded with 0",
            rule="mask_id is 0 or None",
        )
    return (Embedding(size, dim, mask_id=mask_id, initial=initial, name="embedding"),)
