"""Hypothesis draws layers of every kind, with inputs that fit."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from hypothesis import strategies as st

from layers.plans import Case
from unifml.core.signature import ANY, Feed
from unifml.layers import (
    ACTIVATIONS,
    GRU,
    LSTM,
    Activation,
    AvgPool,
    BatchNorm,
    CategoricalEmbedding,
    Columns,
    Conv1D,
    Conv2D,
    Conv3D,
    ConvTranspose1D,
    ConvTranspose2D,
    ConvTranspose3D,
    Dense,
    DepthwiseConv1D,
    DepthwiseConv2D,
    Dropout,
    Embedding,
    FeatureDense,
    Flatten,
    GlobalAvgPool,
    GlobalMaxPool,
    GroupNorm,
    Input,
    Layer,
    LayerNorm,
    LearnedActivation,
    LearnedPositions,
    MaxPool,
    MultiHeadAttention,
    Parallel,
    Patchify,
    PeriodicFeatures,
    Permute,
    PiecewiseLinear,
    Repeat,
    Reshape,
    Residual,
    RMSNorm,
    SeparableConv1D,
    SeparableConv2D,
    Sequential,
    SimpleRNN,
    SinusoidalPositions,
    Skip,
    SpatialDropout,
    Standardize,
    TransformerBlock,
    UpSample,
)

Draw = Callable[[st.SearchStrategy[Any]], Any]
Shape = tuple[int, ...]
SEEDS = st.integers(0, 9999)
FLAG = st.booleans()


def number(draw: Draw, low: int, high: int) -> int:
    return draw(st.integers(low, high))


def shape_of(draw: Draw, low: int, high: int) -> Shape:
    """Draw the shape of a row with `low` to `high` axes."""
    return tuple(number(draw, 1, 5) for _ in range(number(draw, low, high)))


def size_of(draw: Draw, rank: int, high: int, low: int = 1) -> int | Shape:
    """Draw one number for all axes, or one for each."""
    return (
        number(draw, low, high)
        if draw(FLAG)
        else tuple(number(draw, low, high) for _ in range(rank))
    )


def each(size: int | Shape, rank: int) -> Shape:
    return (size,) * rank if isinstance(size, int) else size


def case(draw: Draw, layers: Layer | tuple[Layer, ...], shape: Shape, **options: Any) -> Case:
    layers = layers if isinstance(layers, tuple) else (layers,)
    return Case(layers, (Feed("X", shape),), seed=draw(SEEDS), **options)


def plain(make: Callable[[Draw, Shape], Layer], low: int, high: int) -> Callable[[Draw], Case]:
    """Return what draws a layer that takes any rows of `low` to `high` axes."""

    def build(draw: Draw) -> Case:
        shape = shape_of(draw, low, high)
        return case(draw, make(draw, shape), shape)

    return build


def conv(kind: Any, rank: int) -> Callable[[Draw], Case]:
    def build(draw: Draw) -> Case:
        groups, window = number(draw, 1, 2), size_of(draw, rank, 4 if rank < 3 else 3)
        strides, dilation = draw(st.sampled_from([(1, 1), (2, 1), (3, 1), (1, 2)]))
        strides = size_of(draw, rank, 3) if strides == 3 else strides
        padding = draw(st.sampled_from(["same", "valid", *(["causal"] if rank == 1 else [])]))
        reach = [dilation * (k - 1) + 1 for k in each(window, rank)]
        sides = tuple(max(number(draw, 1, 7 - rank), r) for r in reach)
        filters, features = groups * number(draw, 1, 2), groups * number(draw, 1, 2)
        layer = kind(filters, window, strides, padding, dilation, groups, draw(FLAG))
        return case(draw, layer, (*sides, features))

    return build


def depthwise(kind: Any, rank: int, separable: bool = False) -> Callable[[Draw], Case]:
    def build(draw: Draw) -> Case:
        window, strides = size_of(draw, rank, 4), number(draw, 1, 3)
        padding, sides = draw(st.sampled_from(["same", "valid"])), []
        for k in each(window, rank):
            sides.append(max(number(draw, 1, 6), k))
        options: dict[str, Any] = {"padding": padding, "bias": draw(FLAG), "strides": strides}
        if separable:
            layer = kind(number(draw, 1, 3), window, **options)
        else:
            layer = kind(window, multiplier=number(draw, 1, 2), **options)
        return case(draw, layer, (*sides, number(draw, 1, 3)))

    return build


def transposed(kind: Any, rank: int) -> Callable[[Draw], Case]:
    def build(draw: Draw) -> Case:
        window, strides = size_of(draw, rank, 4 if rank < 3 else 3), size_of(draw, rank, 3)
        sides = tuple(number(draw, 1, 5 - rank) for _ in range(rank))
        padding = draw(st.sampled_from(["same", "valid"]))
        layer = kind(number(draw, 1, 3), window, strides, padding, draw(FLAG))
        return case(draw, layer, (*sides, number(draw, 1, 2)))

    return build


def pool(kind: Any) -> Callable[[Draw], Case]:
    def build(draw: Draw) -> Case:
        rank = number(draw, 1, 3)
        size = size_of(draw, rank, 3)
        strides = draw(st.none()) if draw(FLAG) else size_of(draw, rank, 3)
        sides = tuple(max(number(draw, 1, 6), k) for k in each(size, rank))
        layer = kind(size, strides, draw(st.sampled_from(["same", "valid"])))
        return case(draw, layer, (*sides, number(draw, 1, 3)))

    return build


def global_pool(kind: Any) -> Callable[[Draw], Case]:
    def build(draw: Draw) -> Case:
        shape = (ANY, number(draw, 1, 4)) if draw(FLAG) else shape_of(draw, 2, 4)
        return case(draw, kind(), shape)

    return build


def upsample(draw: Draw) -> Case:
    rank = number(draw, 1, 3)
    sides = tuple(number(draw, 1, 4) for _ in range(rank))
    how = draw(st.sampled_from(["nearest", "bilinear"])) if rank == 2 else "nearest"
    return case(draw, UpSample(size_of(draw, rank, 3), how), (*sides, number(draw, 1, 3)))


def group_norm(draw: Draw) -> Case:
    groups = number(draw, 1, 3)
    # At least two numbers in a group: one alone is its own mean.
    features = groups * number(draw, 2, 3)
    return case(draw, GroupNorm(groups), (*shape_of(draw, 0, 3), features))


def layer_norm(kind: Any) -> Callable[[Draw], Case]:
    def build(draw: Draw) -> Case:
        shape = (*shape_of(draw, 0, 3), number(draw, 2, 5))
        return case(draw, kind(epsilon=draw(st.sampled_from([1e-5, 1e-2]))), shape)

    return build


def batch_norm(draw: Draw) -> Case:
    shape = (*shape_of(draw, 0, 3), number(draw, 1, 4))
    return case(draw, BatchNorm(epsilon=draw(st.sampled_from([1e-5, 1e-2]))), shape)


def embedding(draw: Draw) -> Case:
    dim, unknown = number(draw, 1, 4), draw(FLAG)
    low, beyond = (-2, 2) if unknown else (0, 0)
    if draw(FLAG):
        sizes = tuple(number(draw, 1, 4) for _ in range(number(draw, 1, 3)))
        codes = tuple((i, (low, size + beyond)) for i, size in enumerate(sizes))
        layer = Embedding(sizes, dim, unknown=unknown)
        return case(draw, layer, (*shape_of(draw, 0, 1), len(sizes)), codes=codes)
    size = number(draw, 2, 6)
    ids = (("X", (low, size + beyond)),)
    shape = draw(st.sampled_from([(), (1,), (5,), (2, 3), (ANY,)]))
    return case(draw, Embedding(size, dim, unknown=unknown), shape, ids=ids)


def padded(draw: Draw) -> Case:
    """Draw ids with padding, and what looks at it."""
    pad, size = draw(st.sampled_from([0, 6])), 7
    readers = (LSTM(2), GRU(3, bidirectional=True), GlobalMaxPool(), GlobalAvgPool())
    attention = (MultiHeadAttention(2), GlobalAvgPool())
    behind = draw(st.sampled_from([*((reader,) for reader in readers), attention]))
    layers = (Embedding(size, 4, mask_id=pad), *behind)
    low = 0 if pad else 1
    return case(draw, layers, (5,), ids=(("X", (low, size - 1)),), pad=pad)


def categorical(draw: Draw) -> Case:
    features = number(draw, 1, 4)
    columns = draw(st.lists(st.integers(0, features - 1), min_size=1, unique=True))
    sizes = tuple(number(draw, 1, 4) for _ in columns)
    codes = tuple((c, (-1, n + 1)) for c, n in zip(columns, sizes, strict=True))
    layer = CategoricalEmbedding(tuple(columns), sizes, number(draw, 1, 3))
    return case(draw, layer, (features,), codes=codes)


def positions(kind: Any) -> Callable[[Draw], Case]:
    def build(draw: Draw) -> Case:
        longest, features = draw(st.sampled_from([None, 5, 9])), number(draw, 1, 5)
        steps = draw(st.sampled_from([ANY, 3])) if longest else number(draw, 1, 5)
        return case(draw, kind(longest), (steps, features))

    return build


def recurrent(kind: Any) -> Callable[[Draw], Case]:
    def build(draw: Draw) -> Case:
        options: dict[str, Any] = {"return_sequences": draw(FLAG), "bidirectional": draw(FLAG)}
        options["depth"] = draw(st.sampled_from([1, 1, 2]))
        if kind is SimpleRNN:
            options["activation"] = draw(st.sampled_from(["tanh", "relu"]))
        shape = (draw(st.sampled_from([ANY, 1, 4])), number(draw, 1, 3))
        return case(draw, kind(number(draw, 1, 3), **options), shape)

    return build


def attention(draw: Draw) -> Case:
    heads, key_dim = number(draw, 1, 2), draw(st.sampled_from([None, 3]))
    options: dict[str, Any] = {"causal": draw(FLAG), "bias": draw(FLAG), "key_dim": key_dim}
    steps = st.sampled_from([ANY, 5])
    here = Feed("X", (draw(steps), heads * number(draw, 1, 2)))
    if draw(FLAG):
        return Case((MultiHeadAttention(heads, **options),), (here,), seed=draw(SEEDS))
    there = Feed("memory", (draw(st.sampled_from([ANY, 3])), number(draw, 1, 4)))
    layer = MultiHeadAttention(heads, memory=Input("memory"), **options)
    return Case((Input("X"), layer), (here, there), seed=draw(SEEDS))


def block(draw: Draw) -> Case:
    options: dict[str, Any] = {"hidden": draw(st.sampled_from([None, 3])), "causal": draw(FLAG)}
    layer = TransformerBlock(2, activation=draw(st.sampled_from(["gelu", "relu"])), **options)
    return case(draw, layer, (draw(st.sampled_from([ANY, 4])), 4))


def reshape(draw: Draw) -> Case:
    shape = shape_of(draw, 1, 3)
    new = draw(st.permutations(shape)) if draw(FLAG) else [prod(shape), 1]
    return case(draw, Reshape(tuple(new)), shape)


def permute(draw: Draw) -> Case:
    shape = shape_of(draw, 1, 4)
    return case(draw, Permute(tuple(draw(st.permutations(range(len(shape)))))), shape)


def patchify(draw: Draw) -> Case:
    rank = number(draw, 1, 3)
    size = size_of(draw, rank, 2)
    sides = tuple(k * number(draw, 1, 3) for k in each(size, rank))
    return case(draw, Patchify(size), (*sides, number(draw, 1, 2)))


def columns(draw: Draw) -> Case:
    shape = shape_of(draw, 1, 3)
    indices = draw(st.lists(st.integers(0, shape[-1] - 1), min_size=1, max_size=4))
    return case(draw, Columns(tuple(indices)), shape)


def standardize(draw: Draw) -> Case:
    shape = (ANY, number(draw, 1, 4)) if draw(FLAG) else shape_of(draw, 1, 4)
    some = draw(st.sets(st.integers(0, shape[-1] - 1)))
    layer = Standardize() if draw(FLAG) else Standardize(columns=tuple(sorted(some)))
    return case(draw, (layer, Dense(2)), shape)


def combined(draw: Draw) -> Case:
    """Draw a small network of combinators on flat rows."""
    features = number(draw, 1, 4)
    leaves = st.one_of(
        st.builds(Dense, st.integers(1, 4), bias=FLAG),
        st.builds(Activation, st.sampled_from(["tanh", "silu", "softmax"])),
        st.just(LayerNorm(epsilon=0.1)),
        st.just(Flatten()),
    )

    def grown(inner: st.SearchStrategy[Layer]) -> st.SearchStrategy[Layer]:
        several = st.lists(inner, min_size=1, max_size=2).map(tuple)
        sums = st.sampled_from(["add", "multiply", "average"])
        same = several.map(lambda layers: tuple(Sequential((x, Dense(3))) for x in layers))
        return st.one_of(
            st.builds(Sequential, several),
            st.builds(Residual, several, projection=st.sampled_from(["auto", True])),
            st.builds(Parallel, several),
            st.builds(Parallel, same, join=sums),
            st.builds(Repeat, inner, times=st.integers(0, 2)),
        )

    layers = draw(st.lists(st.recursive(leaves, grown, max_leaves=5), min_size=1, max_size=3))
    if draw(FLAG):
        layers = [Standardize(), Dense(3, name="first"), *layers]
        layers.append(Parallel((Sequential(()), Skip("first"))))
    return case(draw, tuple(layers), (features,))


def activation(draw: Draw, shape: Shape) -> Layer:
    return Activation(draw(st.sampled_from(ACTIVATIONS)))


def learned_activation(draw: Draw, shape: Shape) -> Layer:
    return LearnedActivation(draw(st.sampled_from([f for f in ACTIVATIONS if f != "softmax"])))


BUILDS: dict[str, Callable[[Draw], Case]] = {
    "dense": plain(lambda draw, _: Dense(number(draw, 1, 4), draw(FLAG)), 1, 4),
    "feature_dense": plain(lambda draw, _: FeatureDense(number(draw, 1, 4), draw(FLAG)), 2, 2),
    "activation": plain(activation, 1, 4),
    "learned_activation": plain(learned_activation, 1, 4),
    "dropout": plain(lambda draw, _: Dropout(draw(st.sampled_from([0.0, 0.3]))), 1, 4),
    "spatial_dropout": plain(
        lambda draw, _: SpatialDropout(draw(st.sampled_from([0.0, 0.3]))), 2, 4
    ),
    "batch_norm": batch_norm,
    "layer_norm": layer_norm(LayerNorm),
    "rms_norm": layer_norm(RMSNorm),
    "group_norm": group_norm,
    "embedding": embedding,
    "padded": padded,
    "categorical_embedding": categorical,
    "learned_positions": positions(LearnedPositions),
    "sinusoidal_positions": positions(SinusoidalPositions),
    "conv1d": conv(Conv1D, 1),
    "conv2d": conv(Conv2D, 2),
    "conv3d": conv(Conv3D, 3),
    "depthwise_conv1d": depthwise(DepthwiseConv1D, 1),
    "depthwise_conv2d": depthwise(DepthwiseConv2D, 2),
    "separable_conv1d": depthwise(SeparableConv1D, 1, separable=True),
    "separable_conv2d": depthwise(SeparableConv2D, 2, separable=True),
    "conv_transpose1d": transposed(ConvTranspose1D, 1),
    "conv_transpose2d": transposed(ConvTranspose2D, 2),
    "conv_transpose3d": transposed(ConvTranspose3D, 3),
    "upsample": upsample,
    "max_pool": pool(MaxPool),
    "avg_pool": pool(AvgPool),
    "global_avg_pool": global_pool(GlobalAvgPool),
    "global_max_pool": global_pool(GlobalMaxPool),
    "flatten": plain(lambda draw, _: Flatten(), 1, 4),
    "reshape": reshape,
    "permute": permute,
    "columns": columns,
    "patchify": patchify,
    "lstm": recurrent(LSTM),
    "gru": recurrent(GRU),
    "simple_rnn": recurrent(SimpleRNN),
    "attention": attention,
    "transformer_block": block,
    "periodic": plain(lambda draw, _: PeriodicFeatures(number(draw, 1, 3)), 1, 1),
    "piecewise": plain(lambda draw, _: PiecewiseLinear(number(draw, 1, 4)), 1, 1),
    "standardize": standardize,
    "combined": combined,
}


def cases(kind: str) -> st.SearchStrategy[Case]:
    """Return a strategy of networks around one kind of layer."""
    build = BUILDS[kind]

    @st.composite
    def drawn(draw: Draw) -> Case:
        return build(draw)

    return drawn()
