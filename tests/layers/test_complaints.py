"""What the vocabulary refuses, and how it says so."""

from __future__ import annotations

import pytest

from unifml.core.signature import ANY, Feed
from unifml.errors import DataTypeError, ParameterError, UnifmlError, UnknownNameError
from unifml.layers import (
    GRU,
    LSTM,
    Activation,
    BatchNorm,
    CategoricalEmbedding,
    Columns,
    Conv1D,
    Conv2D,
    Dense,
    DepthwiseConv1D,
    Dropout,
    Embedding,
    Flatten,
    GlobalAvgPool,
    GroupNorm,
    Input,
    LearnedActivation,
    LearnedPositions,
    MaxPool,
    MultiHeadAttention,
    Network,
    Parallel,
    Patchify,
    PeriodicFeatures,
    Permute,
    PiecewiseLinear,
    Repeat,
    Reshape,
    Residual,
    Sequential,
    SimpleRNN,
    Skip,
    SpatialDropout,
    Standardize,
    UpSample,
)

RAGGED = (Feed("X", (ANY, 3)),)

# layers, shape of a row, and what the complaint must say: whose it is, what it got, the rule
COMPLAINTS = [
    ((Dense(0),), (4,), ("dense_0", "(4,)", "units >= 1")),
    ((Dense(2), Dense(2.5)), (4,), ("dense_1", "(2,)", "units")),
    ((Dense("3"),), (4,), ("dense_0", "(4,)", "units")),
    ((Dense(2, name="first"), Conv2D(4, 3)), (5, 4), ("conv2d_0", "(5, 2)", "height, width")),
    ((Conv2D(4, 9, padding="valid"),), (5, 6, 1), ("conv2d_0", "(5, 6, 1)", "window of (9, 9)")),
    ((Conv2D(4, 3, strides=2, dilation=2),), (5, 6, 1), ("conv2d_0", "not both above 1")),
    ((Conv2D(4, (3, 3, 3)),), (5, 6, 1), ("conv2d_0", "kernel_size is a whole number")),
    ((Conv2D(4, 3, strides=1.5),), (5, 6, 1), ("conv2d_0", "strides is a whole number")),
    ((Conv2D(4, 3, padding="causal"),), (5, 6, 1), ("conv2d_0", "padding in")),
    ((Conv1D(4, 3, groups=3),), (5, 4), ("conv1d_0", "groups divides the 4 features")),
    ((DepthwiseConv1D(3, padding="causal"),), (5, 4), ("depthwise_conv1d_0", "padding in")),
    ((MaxPool(7),), (5, 6, 1), ("max_pool_0", "(5, 6, 1)", 'padding="same"')),
    ((UpSample(interpolation="bilinear"),), (5, 3), ("upsample_0", "(5, 3)", "nearest")),
    ((GlobalAvgPool(),), (4,), ("global_avg_pool_0", "(4,)", "one to three axes")),
    ((SpatialDropout(0.5),), (4,), ("spatial_dropout_0", "(4,)", "one to three axes")),
    ((Dropout(1.0),), (4,), ("dropout_0", "(4,)", "0 <= dropout < 1")),
    ((Reshape((3, 3)),), (4, 2), ("reshape_0", "(4, 2)", "prod(shape) == 8")),
    ((Permute((0, 0)),), (4, 2), ("permute_0", "(4, 2)", "axes are 0 to 1")),
    ((Columns((4,)),), (4,), ("columns_0", "(4,)", "0 <= index < 4")),
    ((Patchify(3, name="cut"),), (4, 4, 1), ("'cut'", "(4, 4, 1)", "divides")),
    ((GroupNorm(3),), (5, 4), ("group_norm_0", "(5, 4)", "groups divides the 4 features")),
    ((BatchNorm(momentum=1.0),), (4,), ("batch_norm_0", "(4,)", "momentum < 1")),
    ((Embedding((3, 5), 4),), (3,), ("embedding_0", "(3,)", "2 places")),
    ((Embedding((3, 5), 4, mask_id=0),), (2,), ("embedding_0", "(2,)", "mask_id")),
    ((CategoricalEmbedding((0, 1), (3,)),), (4,), ("categorical_embedding_0", "(4,)", "a size")),
    ((LearnedPositions(3),), (5, 4), ("learned_positions_0", "(5, 4)", "max_length >= 5")),
    ((LSTM(4),), (3,), ("lstm_0", "(3,)", "(steps, features)")),
    ((Dense(3), GRU(4, depth=0)), (5, 2), ("gru_0", "(5, 3)", "depth is a whole number >= 1")),
    ((SimpleRNN(4, activation="gelu"),), (5, 2), ("simple_rnn_0", "(5, 2)", "relu")),
    ((MultiHeadAttention(3),), (5, 4), ("attention_0", "(5, 4)", "heads divides the 4", "key_dim")),
    ((PeriodicFeatures(3),), (5, 4), ("periodic_0", "(5, 4)", "one axis")),
    ((PiecewiseLinear(0),), (4,), ("piecewise_0", "(4,)", "bins >= 1")),
    ((Parallel((Dense(2), Dense(3)), join="add"),), (4,), ("parallel_0.add", "(2,) and (3,)")),
    ((Parallel(()),), (4,), ("parallel_0", "branch")),
    ((Residual((Flatten(),), name="wrap"),), (4, 2), ("'wrap'", "(4, 2)", "(8,)", "strides")),
    ((Residual((Dense(3),), projection=False),), (4,), ("residual_0.add", "(4,) and (3,)")),
    ((Repeat(Dense(2), -1),), (4,), ("Repeat", "times", ">= 0")),
    ((Dense(2), Skip("later"), Dense(2, name="later")), (4,), ("later", "dense_0", "before it")),
    ((Dense(2), Standardize()), (4,), ("standardize_0", "stands first")),
    ((Standardize(columns=(4,)),), (4,), ("standardize_0", "(4,)", "0 <= column < 4")),
    ((Dense(2, name="a"), Dense(2, name="a")), (4,), ("'a'", "unique")),
    ((Sequential((Dense(2, name="b"),), name="a"), Dense(2, name="a_b")), (4,), ("a_b", "unique")),
    ((Dense(2, name="X"), Dense(2)), (4,), ("'X'", "unique")),
    ((Dense(2, name="a.b"),), (4,), ("a.b", "letters, digits")),
    ((Input("left"), Dense(2)), (4,), ("left", "X")),
]


@pytest.mark.parametrize(("layers", "shape", "words"), COMPLAINTS, ids=repr)
def test_complaints_name_the_layer_its_input_and_the_rule(layers, shape, words):
    with pytest.raises(ParameterError) as caught:
        Network(layers).graph(shape)
    missing = [word for word in words if word not in str(caught.value)]
    assert not missing, f"{missing} is not in: {caught.value}"


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ((Dense(2), Activation("rely")), ("activation_0", "rely", "relu")),
        ((Dense(2, initial="best"),), ("dense_0", "best", "glorot_uniform")),
        (
            (Parallel((Dense(2), Dense(2)), join="mean"),),
            ("parallel_0.mean", "add, average, concat"),
        ),
        ((LearnedActivation("softmax"),), ("learned_activation_0", "softmax", "selu")),
        ((Standardize(statistic="median"),), ("standardize_0", "median", "quantiles")),
    ],
)
def test_unknown_names_come_with_the_known_ones(layers, words):
    with pytest.raises(UnknownNameError) as caught:
        Network(layers).graph((4,))
    missing = [word for word in words if word not in str(caught.value)]
    assert not missing, f"{missing} is not in: {caught.value}"


def test_what_is_no_layer_is_refused():
    with pytest.raises(DataTypeError, match=r"write Dense\(\.\.\.\)"):
        Network((Dense,)).graph((4,))
    with pytest.raises(DataTypeError, match="relu"):
        Network((Dense(2), "relu")).graph((4,))


@pytest.mark.parametrize(
    "layer",
    [Flatten(), Conv1D(4, 3), BatchNorm(), GroupNorm(1), MaxPool(), UpSample(), Permute((1, 0))],
    ids=repr,
)
@pytest.mark.parametrize("padded", ["lengths", "ids"])
def test_what_looks_at_padding_refuses_it(layer, padded):
    feeds, first = (RAGGED, Dense(3)) if padded == "lengths" else ((5,), Embedding(9, 3, mask_id=0))
    with pytest.raises(ParameterError, match="sequences of unequal length") as caught:
        Network((first, layer)).graph(feeds)
    assert f"{layer.kind}_0" in str(caught.value)


def test_positions_of_unequal_sequences_need_a_length():
    with pytest.raises(ParameterError, match=r"LearnedPositions\(max_length=512\)"):
        Network((LearnedPositions(),)).graph(RAGGED)


@pytest.mark.parametrize(
    "layer",
    [
        Dense(3, bias="False"),
        Dense(True),
        Dense(3, initial=3),
        Dropout("a little"),
        LSTM(3, return_sequences="no"),
        Conv2D(3, 3, groups="two"),
        BatchNorm(epsilon=None),
    ],
    ids=repr,
)
def test_settings_of_a_wrong_type_are_typed_errors_that_name_the_layer(layer):
    shape = {"LSTM": (5, 2), "Conv2D": (5, 5, 2)}.get(type(layer).__name__, (4,))
    with pytest.raises(ParameterError, match=rf"layer '{layer.kind}_0'"):
        Network((layer,)).graph(shape)


def test_equal_settings_of_another_type_are_not_taken_for_each_other():
    Network((Dense(7),)).graph((4,))
    with pytest.raises(ParameterError, match="whole number"):
        Network((Dense(7.0),)).graph((4,))


def test_ids_come_straight_from_an_input():
    with pytest.raises(ParameterError, match=r"'embedding_0'.*stands behind 'dense_0'"):
        Network((Dense(3), Embedding(5, 2))).graph((4,))


@pytest.mark.parametrize("layers", [Dense(1), [], None, {}])
def test_layers_are_a_tuple(layers):
    if layers == []:
        assert Network(layers).graph((3,)).result.shape == (3,)  # lists become tuples
        return
    with pytest.raises(UnifmlError):
        Network(layers).graph((3,))
