"""What a user of torch sees: plain modules with readable names, that live without unifml."""

from __future__ import annotations

import copy
import io
import subprocess
import sys

import numpy as np
import pytest

import unifml
from unifml import Classifier, Training
from unifml.core.registry import get_adapter
from unifml.layers import (
    LSTM,
    Activation,
    Conv2D,
    Dense,
    Embedding,
    GlobalAvgPool,
    LearnedActivation,
    MaxPool,
    Network,
    Patchify,
    PiecewiseLinear,
    Residual,
    Sequential,
    Standardize,
    TransformerBlock,
)
from unifml.models import MLP
from unifml.testing.checks_layers import EXAMPLES

pytestmark = pytest.mark.torch
RNG = np.random.default_rng(0)

IMAGES = Network(
    (
        Standardize(),
        Conv2D(4, 3, strides=2),
        Activation("relu"),
        MaxPool(2, padding="same"),
        Residual((Conv2D(6, 3),), name="block"),
        GlobalAvgPool(),
        Dense(3, name="output"),
    )
)
PATCHES = Network((Patchify(2), Dense(4), TransformerBlock(2), GlobalAvgPool(), Dense(2)))
STEPS = Network((LSTM(3, bidirectional=True, depth=2), Dense(2)))
IDS = Network((Embedding(7, 4, mask_id=0), LSTM(3), Dense(2)))
LEARNED = Network(
    (Standardize(statistic="quantiles"), Activation("smooth_clip"), LearnedActivation(), Dense(2))
)
BINS = Network((PiecewiseLinear(3), Sequential((Dense(2),), name="block")))


def built(network, shape):
    from unifml.adapters.torch.layers import native
    from unifml.layers import initial_weights

    weights = initial_weights(network, shape, np.random.default_rng(1), "float32")
    return native(network.graph(shape), weights, "float32")


def rows(network, shape):
    import torch

    if network is IDS:
        return torch.tensor([[1, 2, 3, 0, 0], [4, 5, 6, 1, 2]])
    return torch.tensor(RNG.normal(size=(3, *shape)), dtype=torch.float32)


CASES = [
    (IMAGES, (9, 8, 1)),
    (PATCHES, (4, 4, 1)),
    (STEPS, (5, 2)),
    (IDS, (5,)),
    (BINS, (4,)),
    (LEARNED, (4,)),
]


def test_a_chain_of_modules_is_a_sequential():
    import torch

    module = built(Network((Dense(4, name="first"), Activation("relu"), Dense(2))), (3,))
    assert type(module) is torch.nn.Sequential
    names = ["first.weight", "first.bias", "dense_0.weight", "dense_0.bias"]
    assert list(module.state_dict()) == names


def test_names_of_a_state_dict_are_those_of_the_layers():
    names = list(built(PATCHES, (4, 4, 1)).state_dict())
    assert "transformer_block_0.look.attention.query.weight" in names
    assert "transformer_block_0.think.hidden.bias" in names


def test_the_code_turns_images_once_and_never_back():
    code = built(IMAGES, (9, 8, 1)).code
    assert code.count("permute(") == 1
    assert "[0, 1, 1, 1]" in code  # of the width more at the end, of the odd height evenly


@pytest.mark.parametrize(("network", "shape"), CASES, ids=str)
def test_modules_are_copied_and_saved(network, shape):
    import torch

    module, X = built(network, shape), rows(network, shape)
    wanted = module(X)
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    for other in (copy.deepcopy(module), torch.load(file, weights_only=False)):
        assert torch.equal(other(X), wanted)


@pytest.mark.parametrize(("network", "shape"), CASES, ids=str)
def test_a_state_dict_loads_into_another(network, shape):
    import torch

    module, X = built(network, shape), rows(network, shape)
    other = built(network, shape)
    for parameter in other.parameters():
        torch.nn.init.ones_(parameter)
    other.load_state_dict(module.state_dict())
    assert torch.equal(other(X), module(X))


def test_a_saved_module_loads_where_unifml_is_not(tmp_path):
    import torch

    module, X = built(IMAGES, (9, 8, 1)), rows(IMAGES, (9, 8, 1))
    torch.save({"module": module, "X": X, "y": module(X)}, tmp_path / "module.pt")
    code = (
        "import sys, torch\n"
        "class Block:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] == 'unifml':\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Block())\n"
        "found = torch.load(sys.argv[1], weights_only=False)\n"
        "assert torch.equal(found['module'](found['X']), found['y'])\n"
    )
    run = [sys.executable, "-c", code, str(tmp_path / "module.pt")]
    done = subprocess.run(run, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_statistics_stay_when_a_module_is_trained():
    import torch

    module, X = built(IMAGES, (9, 8, 1)), rows(IMAGES, (9, 8, 1))
    before = {name: value.clone() for name, value in module.named_buffers()}
    module.train()
    module(X).sum().backward()
    torch.optim.SGD(module.parameters(), lr=0.1).step()
    assert all(torch.equal(value, before[name]) for name, value in module.named_buffers())


def test_the_second_bias_of_an_lstm_is_0_and_never_trained():
    cell = built(STEPS, (5, 2)).get_submodule("lstm_0.layer_0")
    assert not cell.bias_hh_l0.requires_grad
    assert not cell.bias_hh_l0.any()
    assert cell.bias_ih_l0[3:6].eq(1).all()  # the forget gate


def test_the_buildings_draw_from_no_global_generator():
    import torch

    state = torch.random.get_rng_state()
    for network, shape in CASES:
        built(network, shape)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("kind", sorted(EXAMPLES))
def test_what_translate_prints_builds_the_model(kind):
    import torch

    layer, shape = EXAMPLES[kind]
    network = Network((layer.with_params(name="layer"),))
    module, text = built(network, shape), _translated(network, shape)
    scope: dict = {}
    exec(text, scope)  # what we print is ours
    twin = scope["model"]
    twin.load_state_dict(module.state_dict())
    X = torch.tensor(RNG.integers(0, 5, (3, *shape)), dtype=torch.float32)
    assert torch.equal(twin.eval()(X), module(X))


def _translated(network, shape):
    from unifml.testing.checks_layers import _plan

    text = get_adapter("torch").translate(_plan(get_adapter("torch"), network, shape, "float32"))
    return text.partition("\noptimizer")[0]


def test_translate_names_what_was_changed():
    text = unifml.translate(Classifier(MLP((8,)), backend="torch", training=Training(l2=0.1)))
    assert "mean and deviation of the training rows" in text
    assert "l2: 0.1 * kernel" in text
