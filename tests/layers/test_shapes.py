"""Shapes, names and weights of the vocabulary, against values found by hand."""

from __future__ import annotations

import pytest

from unifml.core.signature import ANY, Feed
from unifml.errors import ParameterError, UnknownNameError
from unifml.layers import (
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
    Network,
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

RAGGED = (Feed("X", (ANY, 3)),)

# layer, shape of a row, shape that comes out, weights
SHAPES: list[tuple[Layer, tuple[int, ...], tuple[int, ...], int]] = [
    (Dense(5), (3,), (5,), 20),
    (Dense(5, bias=False), (7, 3), (7, 5), 15),
    (FeatureDense(4), (3, 2), (3, 4), 36),
    (Activation("softmax"), (3,), (3,), 0),
    (Dropout(0.5), (2, 3), (2, 3), 0),
    (SpatialDropout(0.5), (2, 3), (2, 3), 0),
    (BatchNorm(), (4, 5, 3), (4, 5, 3), 12),
    (LayerNorm(), (5, 3), (5, 3), 6),
    (GroupNorm(2), (4, 4, 6), (4, 4, 6), 12),
    (RMSNorm(), (3,), (3,), 3),
    (Standardize(), (4, 5, 3), (4, 5, 3), 6),
    (Embedding(10, 4), (6,), (6, 4), 40),
    (Embedding(10, 4), (), (4,), 40),
    (Embedding(10, 4, unknown=True), (6,), (6, 4), 44),
    (Embedding((3, 5), 4, unknown=True), (2,), (2, 4), 40),
    (CategoricalEmbedding((0, 2), (3, 5), dim=4), (4,), (10,), 40),
    (CategoricalEmbedding((0,), (3,), dim=4), (1,), (4,), 16),
    (LearnedPositions(), (6, 3), (6, 3), 18),
    (LearnedPositions(9), (6, 3), (6, 3), 27),
    (SinusoidalPositions(), (6, 3), (6, 3), 0),
    (Conv1D(4, 3), (7, 2), (7, 4), 28),
    (Conv1D(4, 3, strides=2), (7, 2), (4, 4), 28),
    (Conv1D(4, 3, padding="valid"), (7, 2), (5, 4), 28),
    (Conv1D(4, 3, padding="valid", dilation=2), (7, 2), (3, 4), 28),
    (Conv1D(4, 3, strides=2, padding="valid"), (8, 2), (3, 4), 28),
    (Conv1D(4, 3, strides=3, padding="causal"), (7, 2), (3, 4), 28),
    (Conv2D(4, (3, 2), strides=(1, 2)), (5, 6, 2), (5, 3, 4), 52),
    (Conv2D(4, 3, groups=2, bias=False), (5, 6, 2), (5, 6, 4), 36),
    (Conv3D(2, (1, 2, 3), padding="valid"), (3, 4, 5, 1), (3, 3, 3, 2), 14),
    (DepthwiseConv1D(3, multiplier=2), (7, 2), (7, 4), 16),
    (DepthwiseConv2D(3, strides=2), (7, 8, 2), (4, 4, 2), 20),
    (SeparableConv1D(5, 3), (7, 2), (7, 5), 21),
    (SeparableConv2D(5, 3, padding="valid"), (7, 8, 2), (5, 6, 5), 33),
    (ConvTranspose1D(4, 3, strides=2), (5, 2), (10, 4), 28),
    (ConvTranspose1D(4, 3, strides=2, padding="valid"), (5, 2), (11, 4), 28),
    (ConvTranspose1D(4, 2, strides=3, padding="valid"), (5, 2), (15, 4), 20),
    (ConvTranspose2D(4, (3, 2), strides=(1, 2)), (5, 6, 2), (5, 12, 4), 52),
    (ConvTranspose3D(1, 2, strides=2, bias=False), (2, 3, 4, 1), (4, 6, 8, 1), 8),
    (UpSample((2, 3)), (4, 5, 2), (8, 15, 2), 0),
    (MaxPool(), (7, 8, 2), (3, 4, 2), 0),
    (MaxPool(3, strides=2, padding="same"), (7, 2), (4, 2), 0),
    (AvgPool((1, 2, 3)), (3, 4, 6, 1), (3, 2, 2, 1), 0),
    (GlobalAvgPool(), (4, 5, 6, 3), (3,), 0),
    (GlobalMaxPool(), (4, 3), (3,), 0),
    (Flatten(), (4, 5, 3), (60,), 0),
    (Flatten(), (4,), (4,), 0),
    (Reshape((3, 4)), (12,), (3, 4), 0),
    (Permute((2, 0, 1)), (4, 5, 3), (3, 4, 5), 0),
    (Columns((2, 0, 2)), (5, 3), (5, 3), 0),
    (Patchify(2), (4, 6, 3), (6, 12), 0),
    (Patchify(2), (6, 3), (3, 6), 0),
    (Patchify((1, 2, 2)), (3, 4, 4, 2), (12, 8), 0),
    (LSTM(4), (6, 3), (4,), 128),
    (LSTM(4, bidirectional=True, return_sequences=True), (6, 3), (6, 8), 256),
    (LSTM(4, depth=2), (6, 3), (4,), 128 + 144),
    (GRU(4), (6, 3), (4,), 3 * (12 + 16 + 8)),
    (GRU(4, depth=2, bidirectional=True), (6, 3), (8,), 2 * 108 + 2 * 3 * (32 + 16 + 8)),
    (SimpleRNN(4, return_sequences=True), (6, 3), (6, 4), 32),
    (MultiHeadAttention(2), (6, 4), (6, 4), 80),
    (MultiHeadAttention(2, key_dim=3, bias=False), (6, 4), (6, 4), 96),
    (TransformerBlock(2), (6, 4), (6, 4), 80 + 2 * 8 + 80 + 68),
    (TransformerBlock(2, hidden=5, dropout=0.1), (6, 4), (6, 4), 80 + 2 * 8 + 25 + 24),
    (PeriodicFeatures(4), (3,), (3, 8), 12),
    (PiecewiseLinear(4), (3,), (3, 4), 24),
    (Residual((Dense(3),)), (3,), (3,), 12),
    (Residual((Dense(3),), projection=True), (3,), (3,), 24),
    (Residual((Dense(5), Dense(4))), (3,), (4,), 20 + 24 + 16),
    (Residual((Conv2D(4, 3, strides=2),)), (5, 6, 2), (3, 3, 4), 76 + 12),
    (Parallel((Dense(2), Dense(3), Sequential(()))), (4,), (9,), 25),
    (Parallel((Dense(2), Dense(2)), join="add"), (4,), (2,), 20),
    (Parallel((Dense(2), Dense(2)), join="multiply"), (5, 4), (5, 2), 20),
    (Parallel((Dense(2), Dense(2)), join="average"), (4,), (2,), 20),
    (LearnedActivation(), (5, 4), (5, 4), 4),
    (Repeat(Dense(4), 3), (4,), (4,), 60),
    (Repeat(Dense(4), 0), (4,), (4,), 0),
]


@pytest.mark.parametrize(("layer", "given", "wanted", "count"), SHAPES, ids=repr)
def test_shapes_and_counts_of_weights(layer, given, wanted, count):
    graph = Network((layer,)).graph(given)
    assert graph.result.shape == wanted
    assert layer.output_shape(given) == wanted
    assert sum(spec.size for spec in graph.weight_specs().values()) == count


def test_masks_follow_the_steps_and_end_with_them():
    layers = (
        Standardize(),
        Dense(4, name="steps"),
        LayerNorm(),
        LearnedPositions(20),
        LSTM(4, return_sequences=True, depth=2, name="read"),
        MultiHeadAttention(2, name="look"),
        GlobalAvgPool(name="pool"),
        Dense(1, name="output"),
    )
    masks = {n.name: [v.mask for v in n.inputs] for n in Network(layers).graph(RAGGED).nodes}
    assert masks.pop("output") == [None]
    assert all(mask == ["X"] for mask in masks.values())


def test_padded_ids_are_a_mask():
    layers = (Embedding(9, 4, mask_id=0, name="words"), GRU(3), Dense(1))
    nodes = Network(layers).graph((5,)).nodes
    assert [node.inputs[0].mask for node in nodes] == [None, "words", None]


def test_cross_attention_has_the_mask_of_its_queries():
    feeds = (Feed("words", (ANY, 4)), Feed("image", (9, 6)))
    look = MultiHeadAttention(2, memory=Input("image"), name="look")
    graph = Network((Input("words"), look)).graph(feeds)
    (node,) = graph.nodes
    assert [value.mask for value in node.inputs] == ["words", None]
    assert graph.result.mask == "words"
    assert dict(graph.weight_specs())["look.key_kernel"].shape == (6, 4)
    back = Network((Input("image"), MultiHeadAttention(2, memory=Input("words")))).graph(feeds)
    assert back.result.mask is None


def test_names_tell_the_place():
    layers = (
        Dense(4),
        Repeat(Residual((Dense(4), Activation("relu"))), 2, name="block"),
        Parallel((Dense(2), Sequential((Dense(2, name="inner"),), name="side"))),
        LSTM(3, depth=2, name="read"),
    )
    assert [node.name for node in Network(layers[:3]).graph((4,)).nodes] == [
        *("dense_0", "block.0.dense_0", "block.0.activation_0", "block.0.add"),
        *("block.1.dense_0", "block.1.activation_0", "block.1.add"),
        *("parallel_0.dense_0", "parallel_0.side.inner", "parallel_0.concat"),
    ]
    assert [node.name for node in Network(layers[3:]).graph((5, 4)).nodes] == [
        *("read.layer_0", "read.layer_1")
    ]


def test_canonical_weights_have_one_layout():
    layers = (
        Conv2D(6, (3, 2), groups=2, name="conv"),
        DepthwiseConv2D(3, multiplier=2, name="depth"),
        ConvTranspose2D(5, (4, 3), name="back"),
        Patchify((1, 4)),
        GRU(2, name="gru"),
    )
    shapes = {k: s.shape for k, s in Network(layers).weight_specs((4, 4, 4)).items()}
    assert shapes == {
        "conv.kernel": (3, 2, 2, 6),
        "conv.bias": (6,),
        "depth.kernel": (3, 3, 6, 2),
        "depth.bias": (12,),
        "back.kernel": (4, 3, 12, 5),
        "back.bias": (5,),
        "gru.kernel": (20, 6),
        "gru.recurrent": (2, 6),
        "gru.bias": (6,),
        "gru.recurrent_bias": (6,),
    }


def test_skips_reach_layers_and_combinators():
    layers = (
        Dense(4, name="first"),
        Sequential((Dense(8), Dense(5)), name="body"),
        Parallel((Sequential(()), Skip("first"), Skip("body.dense_0"), Skip("body"))),
    )
    graph = Network(layers).graph((3,))
    assert graph.result.shape == (5 + 4 + 8 + 5,)
    sources = [value.name for value in graph.nodes[-1].inputs]
    assert sources == ["body.dense_1", "first", "body.dense_0", "body.dense_1"]


def test_several_inputs_and_outputs():
    feeds = (Feed("left", (4,)), Feed("right", (2, 3)))
    left = Sequential((Input("left"), Standardize(), Dense(2)), name="l")
    right = Sequential((Input("right"), Flatten(), Dense(3)), name="r")
    network = Network(
        (Parallel((left, right)), Dense(1, name="end")), outputs=("end", "parallel_0.l")
    )
    graph = network.graph(feeds)
    assert [(name, value.shape) for name, value in graph.outputs] == [
        *(("end", (1,)), ("parallel_0.l", (2,)))
    ]
    assert graph.result.name == "end"
    assert graph.standardized == {"left": "parallel_0.l.standardize_0"}
    body = graph.body()
    assert body.standardized == {}
    assert next(node for node in body.nodes if node.name.endswith("l.dense_0")).inputs[0].name == (
        "left"
    )
    with pytest.raises(ParameterError, match="'right'"):
        Network((Input("left"), Dense(1))).graph(feeds)
    with pytest.raises(ParameterError, match=r"Input\(name\)"):
        Network((Dense(1),)).graph(feeds)
    with pytest.raises(ParameterError, match="nothing"):
        Network((Dense(1, name="end"),), outputs=("nothing",)).graph((4,))


def test_a_layer_of_ones_own_is_made_of_others():
    class Gate(Layer):
        kind = "gate"

        def expand(self, shape):
            gate = Sequential((Dense(shape[-1]), Activation("sigmoid")))
            return Parallel((gate, Sequential(())), join="multiply", name=self.name)

    graph = Network((Gate(), Dense(1))).graph((3,))
    assert [node.name for node in graph.nodes] == [
        *("gate_0.sequential_0.dense_0", "gate_0.sequential_0.activation_0"),
        *("gate_0.multiply", "dense_0"),
    ]


def test_the_summary_reads_like_the_spec():
    layers = (
        Standardize(),
        Conv1D(4, 3, name="see"),
        BatchNorm(),
        Residual((Dense(4), Activation("relu")), name="wrap"),
        Flatten(),
    )
    add = "Join(how='add') <- batch_norm_0, wrap.activation_0"
    lines = [line.split("  ") for line in Network(layers).summary((5, 2)).splitlines()]
    cells = [tuple(cell.strip() for cell in line if cell) for line in lines]
    assert cells == [
        ("standardize_0", "Standardize()", "(5, 2)", "4"),
        ("see", "Conv1D(filters=4, kernel_size=3)", "(5, 4)", "28"),
        ("batch_norm_0", "BatchNorm()", "(5, 4)", "16"),
        ("wrap.dense_0", "Dense(units=4)", "(5, 4)", "20"),
        ("wrap.activation_0", "Activation('relu')", "(5, 4)", "0"),
        ("wrap.add", add, "(5, 4)", "0"),
        ("flatten_0", "Flatten()", "(20,)", "0"),
        ("68 weights, 56 of them trained",),
    ]


def test_specs_are_hashable_and_lists_become_tuples():
    network = Network([Conv2D(4, [3, 2]), Flatten(), Parallel([Dense(1), Dense(2)])])
    same = Network((Conv2D(4, (3, 2)), Flatten(), Parallel((Dense(1), Dense(2)))))
    assert network == same
    assert hash(network) == hash(same)
    assert network.graph((4, 4, 1)) is same.graph((4, 4, 1))
    assert Embedding([3, 5], 2) == Embedding((3, 5), 2)
    assert len({layer for layer, *_ in SHAPES}) == len({repr(layer) for layer, *_ in SHAPES})


def test_a_changed_copy_leaves_the_first_as_it_was():
    layer = Dense(4, name="a")
    assert layer.with_params(units=5) == Dense(5, name="a")
    assert layer == Dense(4, name="a")
    with pytest.raises(UnknownNameError, match="units"):
        layer.with_params(unit=5)


def test_layers_that_nothing_depends_on_are_refused():
    heads = Parallel((Dense(2, name="one"), Dense(3, name="other")), join=None, name="heads")
    with pytest.raises(ParameterError, match=r"'heads.other'.*no output depends.*outputs="):
        Network((heads,)).graph((4,))
    both = Network((heads,), outputs=("heads.one", "heads.other")).graph((4,))
    assert [value.shape for _, value in both.outputs] == [(2,), (3,)]


def test_chosen_outputs_leave_out_what_they_do_not_need():
    layers = (Dense(3, name="code"), Dense(4, name="behind"))
    graph = Network(layers, outputs=("code",)).graph((2,))
    assert list(graph.weight_specs()) == ["code.kernel", "code.bias"]
