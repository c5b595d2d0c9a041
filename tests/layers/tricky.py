"""Options and shapes that are easily got wrong, one by one."""

from __future__ import annotations

from layers.plans import Case
from unifml.core.signature import ANY, Feed
from unifml.layers import (
    ACTIVATIONS,
    GRU,
    LSTM,
    Activation,
    AvgPool,
    BatchNorm,
    Conv1D,
    Conv2D,
    Conv3D,
    ConvTranspose1D,
    ConvTranspose2D,
    Dense,
    DepthwiseConv1D,
    DepthwiseConv2D,
    Dropout,
    Embedding,
    Flatten,
    GlobalAvgPool,
    GlobalMaxPool,
    GroupNorm,
    Input,
    Layer,
    LearnedActivation,
    LearnedPositions,
    MaxPool,
    MultiHeadAttention,
    Parallel,
    Permute,
    PiecewiseLinear,
    Residual,
    Sequential,
    SimpleRNN,
    Skip,
    SpatialDropout,
    Standardize,
    TransformerBlock,
    UpSample,
)


def on(shape: tuple[int, ...], *layers: Layer, **options: object) -> Case:
    return Case(layers, (Feed("X", shape),), **options)  # type: ignore[arg-type]


def words(size: int, *layers: Layer, pad: int | None = None, low: int = 0) -> Case:
    ids = (("X", (low, size)),)
    return Case(layers, (Feed("X", (6,)),), ids=ids, pad=pad)


TWO = (Feed("X", (ANY, 4)), Feed("memory", (ANY, 3)))

CASES: dict[str, Case] = {
    **{f"activation {name}": on((5,), Activation(name)) for name in ACTIVATIONS},
    "learned selu": on((5,), LearnedActivation()),
    "learned smooth clip of images": on((3, 2, 4), Conv2D(2, 3), LearnedActivation("smooth_clip")),
    "learned activation of steps": on((ANY, 2), LearnedActivation("tanh"), GlobalAvgPool()),
    "average of images": on(
        (4, 3, 2), Parallel((Conv2D(2, 3), Conv2D(2, 1), Dense(2)), join="average")
    ),
    "average of rows": on((4,), Parallel((Dense(3), Dense(3), Dense(3)), join="average")),
    "softmax of images": on((3, 2, 4), Activation("softmax")),
    "same, stride 2, even": on((6, 8, 2), Conv2D(3, 3, strides=2)),
    "same, stride 2, odd": on((7, 5, 2), Conv2D(3, 3, strides=2)),
    "same, stride 2, even window": on((7, 6, 2), Conv2D(3, 4, strides=2)),
    "same, stride 3, window 2": on((7, 8, 1), Conv2D(2, 2, strides=3)),
    "same, stride beyond the window": on((7, 2), Conv1D(2, 1, strides=3)),
    "same, dilation": on((7, 6, 1), Conv2D(2, (3, 2), dilation=2)),
    "same, dilation by axis": on((7, 6, 1), Conv2D(2, 3, dilation=(1, 2))),
    "strides by axis": on((7, 6, 1), Conv2D(2, (3, 2), strides=(1, 2))),
    "causal": on((7, 2), Conv1D(2, 3, padding="causal")),
    "causal, dilation": on((7, 2), Conv1D(2, 3, padding="causal", dilation=2)),
    "causal, strides": on((7, 2), Conv1D(2, 3, padding="causal", strides=2)),
    "causal, window beyond": on((2, 2), Conv1D(2, 5, padding="causal")),
    "groups": on((5, 4), Conv1D(6, 3, groups=2)),
    "groups, strides": on((5, 5, 4), Conv2D(4, 3, strides=2, groups=4)),
    "groups, dilation": on((5, 5, 4), Conv2D(4, 2, dilation=2, groups=2)),
    "volume, same, stride 2": on((4, 3, 5, 1), Conv3D(2, (2, 3, 2), strides=2)),
    "depthwise, same, stride 2": on((6, 7, 3), DepthwiseConv2D(3, 2, multiplier=2)),
    "depthwise signal": on((6, 3), DepthwiseConv1D(4, 2, multiplier=2)),
    "depthwise, window by axis": on((6, 5, 2), DepthwiseConv2D((2, 3), padding="valid")),
    "transposed, k = s": on((3, 4, 2), ConvTranspose2D(3, 2, 2)),
    "transposed, k > s, odd": on((3, 4, 2), ConvTranspose2D(3, 3, 2)),
    "transposed, k > s by 3": on((4, 2), ConvTranspose1D(3, 5, 2)),
    "transposed, k < s": on((3, 2), ConvTranspose1D(3, 2, 3)),
    "transposed, k < s, valid": on((3, 2), ConvTranspose1D(3, 2, 3, padding="valid")),
    "transposed, valid": on((3, 4, 2), ConvTranspose2D(3, (3, 2), (2, 1), padding="valid")),
    "bilinear": on((3, 4, 2), UpSample(2, "bilinear")),
    "bilinear by axis": on((3, 4, 2), UpSample((1, 3), "bilinear")),
    "max pool, same, stride 2": on((5, 6, 2), MaxPool(3, 2, "same")),
    "average pool, same": on((5, 6, 2), AvgPool(2, padding="same")),
    "average pool, same, stride 1": on((5, 2), AvgPool(3, 1, "same")),
    "average pool of volumes": on((4, 3, 4, 1), AvgPool((2, 1, 2), padding="same")),
    "group norm of images": on((3, 4, 6), GroupNorm(3)),
    "group norm of rows": on((6,), GroupNorm(2)),
    "group norm, one for each": on((3, 4), GroupNorm(4)),
    "batch norm of volumes": on((2, 3, 2, 2), BatchNorm()),
    "dropout": on((4,), Dropout(0.5)),
    "spatial dropout": on((3, 3, 2), SpatialDropout(0.5)),
    "piecewise, 1 bin": on((3,), PiecewiseLinear(1)),
    "piecewise, 2 bins": on((3,), PiecewiseLinear(2)),
    "piecewise, 3 bins": on((3,), PiecewiseLinear(3)),
    "unknown ids": words(5, Embedding(3, 2, unknown=True), low=-3),
    "unknown codes": on(
        (2,), Embedding((2, 3), 2, unknown=True), codes=((0, (-1, 4)), (1, (-1, 5)))
    ),
    "padding id 0": words(5, Embedding(5, 4, mask_id=0), LSTM(3), pad=0, low=1),
    "padding id last": words(4, Embedding(5, 4, mask_id=4), GRU(3, bidirectional=True), pad=4),
    "padding id, attention": words(
        5, Embedding(5, 4, mask_id=0), TransformerBlock(2), GlobalMaxPool(), pad=0, low=1
    ),
    "ids behind positions": words(5, Embedding(5, 3), LearnedPositions(), Flatten()),
    **{
        f"{kind.__name__}, both ways, lengths, {'all' if every else 'last'}": on(
            (ANY, 2), kind(3, return_sequences=every, bidirectional=True)
        )
        for kind in (LSTM, GRU, SimpleRNN)
        for every in (False, True)
    },
    "stacked, both ways, lengths": on((ANY, 2), GRU(2, bidirectional=True, depth=2)),
    "recurrent relu": on((4, 2), SimpleRNN(3, activation="relu")),
    "sequence of one step": on((1, 2), LSTM(3, bidirectional=True)),
    "read, then pooled": on(
        (ANY, 2), Standardize(), LSTM(3, return_sequences=True), GlobalMaxPool()
    ),
    "causal attention": on((5, 4), MultiHeadAttention(2, causal=True)),
    "causal attention, lengths": on((ANY, 4), MultiHeadAttention(2, causal=True)),
    "key_dim": on((5, 4), MultiHeadAttention(3, key_dim=2)),
    "attention without bias": on((5, 4), MultiHeadAttention(2, bias=False)),
    "attention with dropout": on((5, 4), MultiHeadAttention(2, dropout=0.3)),
    "cross attention, both padded": Case(
        (Input("X"), MultiHeadAttention(2, memory=Input("memory"))), TWO
    ),
    "cross attention, another size": Case(
        (Input("X"), MultiHeadAttention(2, key_dim=3, memory=Input("memory"))),
        (Feed("X", (5, 4)), Feed("memory", (3, 2))),
    ),
    "attention to what was before": on(
        (5, 4), Dense(4, name="first"), Dense(4), MultiHeadAttention(2, memory=Skip("first"))
    ),
    "images turned and flattened": on((3, 4, 2), Conv2D(3, 2), Permute((1, 0, 2)), Flatten()),
    "residual of images": on(
        (5, 6, 2), Residual((Conv2D(3, 3, strides=2), BatchNorm(), Activation("relu")))
    ),
    "quantiles": on((4,), Standardize(statistic="quantiles"), Activation("smooth_clip"), Dense(2)),
    "some standardised columns": on((4,), Standardize(columns=(1, 3)), Dense(2)),
    "two inputs": Case(
        (
            Parallel(
                (
                    Sequential((Input("image"), Standardize(), Conv2D(2, 3), GlobalAvgPool())),
                    Sequential((Input("table"), Standardize(), Dense(3))),
                )
            ),
        ),
        (Feed("image", (4, 5, 1)), Feed("table", (3,))),
    ),
    "sequences and a table": Case(
        (
            Parallel(
                (Sequential((Input("series"), GRU(3))), Sequential((Input("table"), Dense(2))))
            ),
        ),
        (Feed("series", (ANY, 2)), Feed("table", (3,))),
    ),
    "two outputs": on(
        (4,),
        Dense(3, name="first"),
        Activation("tanh"),
        Dense(2, name="last"),
        outputs=("last", "first"),
    ),
    "names that modules have": on(
        (4,), Dense(3, name="forward"), Dense(3, name="train"), Dense(2, name="input")
    ),
    "names that modules have, inside": on(
        (4,), Residual((Dense(4, name="forward"), Dense(4, name="training")), name="code")
    ),
    "names of inputs": Case(
        (
            Parallel(
                (
                    Sequential((Input("input"), Dense(2)), name="self"),
                    Sequential((Input("list"), Dense(2)), name="X"),
                )
            ),
        ),
        (Feed("input", (3,)), Feed("list", (2,))),
    ),
}
