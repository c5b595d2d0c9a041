"""The models' networks: names, shapes, what they refuse, and what is searched."""

from __future__ import annotations

import numpy as np
import pytest

import unifml
from unifml import Classifier
from unifml.core.registry import get_adapter
from unifml.core.signature import ANY, Signature
from unifml.core.task import Task
from unifml.errors import ParameterError, UnknownNameError
from unifml.layers import Activation, BatchNorm, Dense, Dropout, Network, Standardize
from unifml.models import CNN, MLP, RNN, Tabular, TransformerEncoder
from unifml.models.capable import capable_backends, restrict, shortcoming

TASK = Task("classification", 1, 3)
NEURAL = [MLP(norm="layer"), CNN(), RNN(), TransformerEncoder(), Tabular()]


def graph(model, shape, **given):
    signature = Signature(shape, 3, 3, **given)
    return model.network(TASK, signature).graph(signature.feeds)


def names(model, shape, **given):
    return [node.name for node in graph(model, shape, **given).nodes]


def sizes(model, shape, **given):
    nodes = graph(model, shape, **given).nodes
    return {node.name: sum(weight.size for weight in node.weights) for node in nodes}


def shapes(model, shape, **given):
    return {node.name: node.shape for node in graph(model, shape, **given).nodes}


def test_the_plain_perceptron_is_as_ever():
    model = MLP((8, 4), "tanh", dropout=0.5, norm="batch")
    by_hand = (
        Standardize(name="standardize"),
        Dense(8, bias=False, name="hidden_0"),  # the norm would take a bias away again
        BatchNorm(name="norm_0"),
        Activation("tanh", name="activation_0"),
        Dropout(0.5, name="dropout_0"),
        Dense(4, bias=False, name="hidden_1"),
        BatchNorm(name="norm_1"),
        Activation("tanh", name="activation_1"),
        Dropout(0.5, name="dropout_1"),
        Dense(3, name="output"),
    )
    assert model.network(TASK, Signature((5,), 3, 3)) == Network(by_hand)


def test_residual_perceptron():
    found = shapes(MLP((8, 8, 4), norm="rms", residual=True), (5,))
    inner = [name.removeprefix("block_1.") for name in found if name.startswith("block_1.")]
    assert inner == ["hidden", "norm", "activation", "add"]
    assert "block_1.projection" not in found  # 8 to 8 needs none
    assert found["block_2.projection"] == found["block_2.add"] == (4,)


@pytest.mark.parametrize(("numeric", "width"), [("periodic", 32), ("piecewise", 8)])
def test_embeddings_of_numbers(numeric, width):
    found = shapes(MLP(numeric=numeric, numeric_dim=3), (5,))
    assert list(found)[:5] == ["standardize", numeric, "dense", "relu", "flat"]
    assert found[numeric] == (5, width)
    assert found["flat"] == (15,)


def test_columns_of_codes():
    model = MLP((8,), numeric="piecewise", categorical=(0, "town"), categorical_dim=2)
    given = {"feature_names": ("kind", "age", "town", "pay"), "levels": ((0, 3), (2, 5))}
    nodes = {node.name: node for node in graph(model, (4,), **given).nodes}
    assert nodes["standardize"].layer.columns == (1, 3)
    assert nodes["features.numeric.columns"].layer.indices == (1, 3)
    assert nodes["features.categorical.columns"].layer.indices == (0, 2)
    # Three and five codes, and for each column one more for codes never seen.
    assert nodes["features.categorical.embedding"].weights[0].shape == (4 + 6, 2)
    assert nodes["features.concat"].shape == (2 * 8 + 2 * 2,)


def test_codes_alone_are_not_standardised():
    assert names(MLP((8,), categorical=(0, 1)), (2,), levels=((0, 3), (1, 2)))[:3] == [
        "categorical.columns",
        "categorical.embedding",
        "categorical.flat",
    ]


def test_convolutions_over_images():
    model = CNN((4, 6), kernel_size=3, hidden=(5,), dropout=0.2)
    assert sizes(model, (7, 6, 2)) == {
        "standardize": 4,
        "conv_0": 3 * 3 * 2 * 4,  # no bias before a norm over the batch
        "norm_0": 16,
        "activation_0": 0,
        "pool_0": 0,
        "conv_1": 3 * 3 * 4 * 6,
        "norm_1": 24,
        "activation_1": 0,
        "pool_1": 0,
        "flat": 0,
        "dropout": 0,
        "hidden_0": 2 * 2 * 6 * 5 + 5,
        "hidden_activation_0": 0,
        "hidden_dropout_0": 0,
        "output": 18,
    }
    found = shapes(model, (7, 6, 2))
    assert found["pool_0"] == (4, 3, 4)
    assert found["pool_1"] == (2, 2, 6)


@pytest.mark.parametrize(
    ("dims", "shape", "kind"),
    [
        (None, (20,), "conv1d"),
        (None, (20, 2), "conv1d"),
        (None, (8, 8, 1), "conv2d"),
        (None, (8, 8, 8, 1), "conv3d"),
        (1, (20,), "conv1d"),
        (2, (8, 8), "conv2d"),
        (3, (8, 8, 8), "conv3d"),
    ],
)
def test_convolutions_over_any_axes(dims, shape, kind):
    nodes = graph(CNN((4,), dims=dims), shape).nodes
    assert next(node for node in nodes if node.name == "conv_0").layer.kind == kind
    assert ("features" in [node.name for node in nodes]) == (dims == len(shape) or shape == (20,))


def test_residual_convolutions():
    found = sizes(CNN((4, 4), norm=None, residual=True, head="avg", pool=1), (6, 6, 2))
    assert list(found)[1:7] == [
        "block_0.conv_0",
        "block_0.activation_0",
        "block_0.conv_1",
        "block_0.projection",
        "block_0.add",
        "activation_0",
    ]
    assert found["block_0.conv_0"] == 3 * 3 * 2 * 4 + 4
    assert "block_1.projection" not in found
    assert found["output"] == 4 * 3 + 3


@pytest.mark.parametrize(("filters", "groups"), [(32, 8), (12, 4), (7, 1)])
def test_groups_of_a_norm_divide_the_filters(filters, groups):
    nodes = graph(CNN((filters,), norm="group"), (8, 8, 1)).nodes
    assert next(node for node in nodes if node.name == "norm_0").layer.groups == groups


def test_recurrent_layers_over_numbers():
    found = sizes(RNN(units=4, depth=2, dropout=0.1, bidirectional=True, hidden=(5,)), (6, 2))
    one_way = 4 * 4
    assert found == {
        "standardize": 4,
        "lstm_0": 2 * (2 * one_way + 4 * one_way + one_way),
        "dropout_0": 0,
        "lstm_1": 2 * (8 * one_way + 4 * one_way + one_way),
        "dropout_1": 0,
        "hidden_0": 8 * 5 + 5,
        "hidden_activation_0": 0,
        "hidden_dropout_0": 0,
        "output": 18,
    }


@pytest.mark.parametrize(("pool", "shape"), [("last", (4,)), ("avg", (6, 4)), ("max", (6, 4))])
@pytest.mark.parametrize("cell", ["lstm", "gru", "simple"])
def test_states_that_go_on(cell, pool, shape):
    found = shapes(RNN(cell, units=4, pool=pool), (6, 2))
    assert found[f"{cell}_0"] == shape
    assert ("pool" in found) == (pool != "last")


def test_rows_of_numbers_get_an_axis_of_features():
    for model in (RNN(), TransformerEncoder(), CNN()):
        found = shapes(model, (6,))
        assert list(found)[:2] == ["standardize", "features"]
        assert found["features"] == (6, 1)


def test_tokens_are_never_standardised():
    assert names(RNN("gru", vocabulary=9), (6,)) == ["embedding", "gru_0", "output"]
    assert "standardize" not in names(TransformerEncoder(vocabulary=9), (6,))


def test_masks_reach_what_must_see_them():
    for model in (RNN(pool="avg"), TransformerEncoder(max_length=20)):
        pool = next(n for n in graph(model, (ANY, 2)).nodes if n.name == "pool")
        assert pool.inputs[0].mask == "X"
    for model in (
        RNN(pool="avg", vocabulary=9, mask_id=0),
        TransformerEncoder(vocabulary=9, mask_id=0),
    ):
        pool = next(n for n in graph(model, (6,)).nodes if n.name == "pool")
        assert pool.inputs[0].mask == "embedding"


def test_transformer_over_features():
    model = TransformerEncoder(dim=8, depth=2, heads=2, hidden=5, positions="learned")
    found = sizes(model, (6, 3))
    assert list(found)[:3] == ["standardize", "embedding", "positions"]
    assert found["embedding"] == 3 * 8 + 8
    assert found["positions"] == 6 * 8
    assert found["block.1.look.attention"] == 4 * (8 * 8 + 8)
    assert found["block.1.think.hidden"] == 8 * 5 + 5
    assert list(found)[-3:] == ["norm", "pool", "output"]


@pytest.mark.parametrize(
    ("patch", "shape", "cut"),
    [
        (2, (8, 8, 3), (16, 12)),
        ((4, 2), (8, 8, 3), (8, 24)),
        ((2, 2), (8, 8), (16, 4)),
        (5, (20, 2), (4, 10)),
        ((5,), (20,), (4, 5)),
    ],
)
def test_patches(patch, shape, cut):
    found = shapes(TransformerEncoder(dim=8, patch=patch), shape)
    assert found["patch.flat"] == cut
    assert found["embedding"] == (cut[0], 8)


@pytest.mark.parametrize(
    ("pool", "shape"), [("avg", (8,)), ("max", (8,)), ("last", (8,)), ("flatten", (48,))]
)
def test_steps_become_a_row(pool, shape):
    found = shapes(TransformerEncoder(dim=8, pool=pool), (6, 2))
    assert list(found.values())[-2] == shape


WRONG = {
    "norm": (MLP(norm="bach"), (4,), UnknownNameError, "did you mean 'batch'"),
    "norm of images": (MLP(norm="group"), (4,), UnknownNameError, "known: batch, layer, rms"),
    "residual": (MLP(residual="yes"), (4,), ParameterError, "residual is True or False"),
    "numeric": (MLP(numeric="period"), (4,), UnknownNameError, "did you mean 'periodic'"),
    "numeric_dim": (MLP(numeric_dim=0), (4,), ParameterError, "numeric_dim is a whole number >= 1"),
    "categorical": (MLP(categorical=0), (4,), ParameterError, r"write categorical=\(0,\)"),
    "no such column": (MLP(categorical=(4,)), (4,), ParameterError, "0 <= column < 4"),
    "twice": (MLP(categorical=(1, 1)), (4,), ParameterError, "each stands there once"),
    "no names": (MLP(categorical=("town",)), (4,), ParameterError, "give a frame, or the numbers"),
    "filters": (CNN(()), (8, 8, 1), ParameterError, "not empty"),
    "filters=8": (CNN(8), (8, 8, 1), ParameterError, r"write filters=\(64,\)"),
    "kernel_size": (CNN(kernel_size=0), (8, 8, 1), ParameterError, "kernel_size is a whole"),
    "kernel_size's axes": (CNN(kernel_size=(3, 3)), (8, 1), ParameterError, "layer 'conv_0'"),
    "pool": (CNN(pool=None), (8, 8, 1), ParameterError, "pool is a whole number >= 1"),
    "head": (CNN(head="mean"), (8, 8, 1), UnknownNameError, "known: avg, flatten, max"),
    "dims": (CNN(dims=4), (8, 8, 1), ParameterError, "dims is 1, 2, 3 or None"),
    "dims of others": (CNN(dims=3), (8, 8), ParameterError, "rows have 3 axes, or 4 with"),
    "four axes": (CNN(), (2, 2, 2, 2, 1), ParameterError, "3 axes at most"),
    "images of unequal width": (CNN(), (ANY, 2), ParameterError, "does not take"),
    "cell": (RNN("ltsm"), (6, 2), UnknownNameError, "did you mean 'lstm'"),
    "units": (RNN(units=2.5), (6, 2), ParameterError, "units is a whole number >= 1"),
    "depth": (RNN(depth=0), (6, 2), ParameterError, "depth is a whole number >= 1"),
    "pool of states": (RNN(pool="mean"), (6, 2), UnknownNameError, "known: avg, last, max"),
    "mask_id": (RNN(mask_id=0), (6,), ParameterError, "0 <= mask_id < vocabulary"),
    "mask_id too large": (RNN(vocabulary=9, mask_id=9), (6,), ParameterError, "mask_id < vocab"),
    "mask_id behind": (
        RNN(vocabulary=9, mask_id=8), (ANY,), ParameterError, "they are padded with 0"
    ),
    "tokens with features": (RNN(vocabulary=9), (6, 2), ParameterError, "set vocabulary=None"),
    "ragged without features": (RNN(), (ANY,), ParameterError, r"x\[:, None\]"),
    "heads": (TransformerEncoder(dim=6), (6, 2), ParameterError, "dim % heads == 0"),
    "positions": (TransformerEncoder(positions="sin"), (6, 2), UnknownNameError, "sinusoidal"),
    "max_length": (TransformerEncoder(), (ANY, 2), ParameterError, "set max_length=512"),
    "max_length too small": (TransformerEncoder(max_length=5), (6, 2), ParameterError, ">= 6"),
    "last of ragged": (
        TransformerEncoder(max_length=9, pool="last"), (ANY, 2), ParameterError, 'set pool="avg"'
    ),
    "last of padded": (
        TransformerEncoder(vocabulary=9, mask_id=0, pool="flatten"), (6,), ParameterError, "no last"
    ),
    "image without patches": (TransformerEncoder(), (8, 8, 1), ParameterError, "set patch=2"),
    "patch": (TransformerEncoder(patch=0), (8, 8, 1), ParameterError, "patch is a whole number"),
    "patches that do not fit": (TransformerEncoder(patch=3), (8, 8, 1), ParameterError, "divides"),
    "patches of tokens": (
        TransformerEncoder(patch=2, vocabulary=9), (6,), ParameterError, "not both"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_refused(case):
    model, shape, error, message = WRONG[case]
    with pytest.raises(error, match=message):
        graph(model, shape)


EXAMPLES = [
    *(MLP(categorical=("town", 0)), MLP(categorical=("town", 7, "age")), MLP(numeric="piecewise")),
    *(Tabular(members=2), Tabular(numeric="piecewise", categorical=("town", 0))),
    *(CNN(), CNN(dims=1), CNN(dims=3), CNN(residual=True, norm="group")),
    *(RNN(), RNN(vocabulary=9, mask_id=0), RNN("gru", depth=2, bidirectional=True, pool="max")),
    *(TransformerEncoder(), TransformerEncoder(vocabulary=9), TransformerEncoder(patch=(2, 3))),
    *(TransformerEncoder(patch=4), TransformerEncoder(positions="learned", pool="last")),
]


@pytest.mark.parametrize("model", EXAMPLES, ids=repr)
def test_questions_without_data_are_answered(model):
    assert set(capable_backends(model, TASK, model.example())) == {"keras", "torch"}


@pytest.mark.parametrize("model", NEURAL, ids=repr)
def test_scikit_learn_says_what_it_lacks(model):
    lack = shortcoming(model, get_adapter("sklearn").capabilities, TASK, model.example())
    assert lack.startswith("it has no ")


@pytest.mark.parametrize("model", [MLP(), CNN(), RNN(), TransformerEncoder(), Tabular()], ids=repr)
def test_spaces_hold_what_a_backend_can(model, backend):
    capabilities = get_adapter(backend).capabilities
    space = restrict(model.space(), model, capabilities)
    if backend == "sklearn":
        own = set(space) & set(model.get_params())
        assert own == ({"hidden", "activation"} if model == MLP() else set())
    else:
        assert space == model.space()
        assert set(space) <= {*model.get_params(), *model.uses}


@pytest.mark.parametrize("model", [*NEURAL, *EXAMPLES], ids=repr)
def test_models_are_values(model):
    again = eval(repr(model), {c.__name__: c for c in (CNN, MLP, RNN, Tabular, TransformerEncoder)})
    assert again == model
    assert hash(again) == hash(model)


def test_one_mean_for_images_without_an_axis_of_features():
    from unifml.data import Moments

    rng = np.random.default_rng(0)
    images, weight = rng.normal(3, 2, (30, 4, 5)), rng.uniform(0, 1, 30)
    images[:, :, 0] = 0.0
    one = Moments.of_features(images, weight).shared().scaling()
    other = Moments.of_features(images[..., None], weight).scaling()
    assert np.allclose(one.mean, other.mean)
    assert np.allclose(one.scale, other.scale)
    assert one.mean.shape == (5,)


@pytest.mark.torch
@pytest.mark.parametrize("model", EXAMPLES, ids=repr)
def test_translated_without_data(model):
    assert "output" in str(unifml.translate(Classifier(model, backend="torch")))


@pytest.mark.torch
def test_translated_for_named_columns():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"age": [20.0, 30.0, 40.0], "town": [0, 2, 1]})
    clf = Classifier(MLP((8,), categorical=("town",)), backend="torch")
    assert "output" in str(unifml.translate(clf, frame, [0, 1, 0]))
