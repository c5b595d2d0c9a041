"""Native models come in by the same door: instance, class, factory, with what they bring."""

from __future__ import annotations

import numpy as np
import pytest
from estimators.factories import FACTORIES
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.linear_model import LogisticRegression

from unifml import Classifier, Native, Regressor, Training, config_context
from unifml.errors import CapabilityError, DataError, DataTypeError, ParameterError

X, Y = load_breast_cancer(return_X_y=True)
X = ((X - X.mean(0)) / X.std(0)).astype(np.float32)
FEW = Training(epochs=5)


def torch_net(out=1, dropout=0.0, seed=0):
    import torch
    from torch import nn

    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(30, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, out))


def keras_net(out=1, activation=None, compiled=None):
    import keras

    def start(seed):
        return keras.initializers.GlorotUniform(seed=seed)

    model = keras.Sequential(
        [
            keras.Input((30,)),
            keras.layers.Dense(8, activation="tanh", kernel_initializer=start(0)),
            keras.layers.Dense(out, activation=activation, kernel_initializer=start(1)),
        ]
    )
    if compiled:
        model.compile(**compiled)
    return model


NETS = {"torch": torch_net, "keras": keras_net}


def parameters(backend, model):
    values = model.get_weights() if backend == "keras" else model.state_dict().values()
    return [value if backend == "keras" else value.numpy().copy() for value in values]


@pytest.fixture
def net(backend):
    return NETS[backend]


networks = pytest.mark.never(["sklearn"], raises=KeyError, reason="its natives are no networks")


@networks
def test_an_instance_is_the_start_and_stays_as_it_is(backend, net):
    mine = net()
    before = parameters(backend, mine)
    clf = Classifier(mine, training=FEW, random_state=0).fit(X, Y)
    for old, new in zip(before, parameters(backend, mine), strict=True):
        np.testing.assert_array_equal(old, new)
    assert clf.model_ is not mine
    start = Classifier(mine, training=Training(epochs=1, learning_rate=1e-30)).fit(X, Y)
    for old, new in zip(before, parameters(backend, start.model_), strict=True):
        np.testing.assert_allclose(old, new, atol=1e-6)


@networks
@pytest.mark.parametrize("out", [1, 2])
def test_two_classes_come_as_one_or_two_logits(backend, net, out):
    training = Training(epochs=30, learning_rate=0.01)
    clf = Classifier(net(out), training=training, random_state=0).fit(X, Y)
    assert clf.predict_proba(X).shape == (len(X), 2)
    assert clf.score(X, Y) > 0.9


@networks
def test_a_wrong_width_is_found_before_training(backend, net):
    iris, labels = load_iris(return_X_y=True)
    with pytest.raises(DataError, match=r"3 classes"):
        Classifier(net(5), training=FEW).fit(np.tile(iris, (1, 8))[:, :30], labels)


@networks
def test_claimed_probabilities_must_be_some(backend, net):
    with pytest.raises(DataError, match="probabilities lie in"):
        Classifier(Native(net(2), output="probabilities"), training=FEW).fit(X, Y)


@networks
def test_a_factory_says_by_itself_whose_it_is(backend, net):
    iris, labels = load_iris(return_X_y=True)
    clf = Classifier(FACTORIES[backend], training=FEW).fit(iris, labels)
    assert clf.backend_ == backend
    assert repr(backend) in repr(clf)


@pytest.mark.sklearn
def test_a_factory_of_a_scikit_learn_estimator():
    iris, labels = load_iris(return_X_y=True)
    clf = Classifier(FACTORIES["sklearn"]).fit(iris, labels)
    assert clf.backend_ == "sklearn"
    assert clf.score(iris, labels) > 0.9


@networks
def test_parameters_of_a_factory_are_tuned(backend, net):
    def factory(n_features, hidden=4):
        return net()

    clf = Classifier(Native(factory), backend=backend)
    clf.set_params(model__hidden=16)
    assert clf.get_params()["model__hidden"] == 16
    with pytest.raises(ValueError, match=r"hidden"):
        clf.set_params(model__hiden=16)


@networks
def test_a_missing_argument_shows_the_line_to_write(backend, net):
    def factory(n_features, width):
        return net()

    with pytest.raises(ParameterError, match=r"unifml\.Native\(factory, width=\.\.\.\)"):
        Classifier(factory, backend=backend).fit(X, Y)


@networks
def test_a_model_of_another_backend_is_refused(backend, net):
    other = {"torch": "keras", "keras": "torch"}[backend]
    with pytest.raises(CapabilityError, match=f"'{backend}'"):
        Classifier(net(), backend=other).fit(X, Y)


@networks
@pytest.mark.parametrize("factory", [False, True])
def test_a_precision_other_than_the_models_is_refused(backend, net, factory):
    training = Training(epochs=1, precision="float64")
    with pytest.raises(CapabilityError, match="its weights are float32"):
        Classifier(net if factory else net(), training=training, backend=backend).fit(X, Y)


@networks
def test_a_precision_that_the_factory_builds_in_is_taken(backend, net):
    def build(signature):
        if backend == "torch":
            import torch

            return torch.nn.Linear(30, 1).to(getattr(torch, signature.dtype))
        import keras

        dtype = signature.dtype
        return keras.Sequential(
            [keras.Input((30,), dtype=dtype), keras.layers.Dense(1, dtype=dtype)]
        )

    training = Training(epochs=1, precision="float64")
    Classifier(build, training=training, backend=backend).fit(X, Y)


@networks
def test_an_instance_takes_no_parameters(backend, net):
    with pytest.raises(ParameterError, match="hidden"):
        Classifier(Native(net(), hidden=3)).fit(X, Y)


@networks
def test_a_network_is_no_estimator_of_scikit_learn(backend, net):
    with pytest.raises(DataTypeError, match="scikit-learn compatible"):
        Classifier(lambda: net(), backend="sklearn").fit(X, Y)


@networks
def test_outputs_are_stated_for_classes_only(backend, net):
    with pytest.raises(ParameterError, match="leave output out"):
        Regressor(Native(net(), output="logits")).fit(X, X[:, 0])
    with pytest.raises(ParameterError, match="output='values'"):
        Native(net(), output="values")


@pytest.mark.sklearn
def test_an_estimator_that_predicts_for_itself_has_no_output_to_state():
    with pytest.raises(ParameterError, match="leave output out"):
        Classifier(Native(LogisticRegression, output="logits")).fit(X, Y)


@pytest.mark.torch
def test_a_factory_says_whose_it_is_before_the_configuration():
    with config_context(backend="torch"):
        clf = Classifier(lambda: LogisticRegression(max_iter=500)).fit(X, Y)
    assert clf.backend_ == "sklearn"


@networks
def test_a_model_with_nothing_to_learn_is_refused(backend, net):
    frozen = net()
    if backend == "torch":
        frozen.requires_grad_(False)
    else:
        frozen.trainable = False
    with pytest.raises(CapabilityError, match=r"require a gradient|no trainable variables"):
        Classifier(frozen).fit(X, Y)


@pytest.mark.torch
def test_a_training_step_returns_a_loss():
    net = torch_net()
    net.training_step = lambda batch: None
    with pytest.raises(DataTypeError, match="it returned a NoneType"):
        Classifier(net, training=FEW).fit(X, Y)


@pytest.mark.keras
def test_a_regression_does_not_learn_by_a_loss_of_classes():
    model = keras_net(2, compiled={"loss": "sparse_categorical_crossentropy"})
    with pytest.raises(ParameterError, match="loss of classes"):
        Regressor(model).fit(X, X[:, 0])


def dropping(backend):
    if backend == "torch":
        return torch_net(dropout=0.5)
    import keras

    layers = (keras.layers.Dense(8), keras.layers.Dropout(0.5), keras.layers.Dense(1))
    return keras.Sequential([keras.Input((30,)), *layers])


@networks
def test_dropout_of_natives_follows_the_seed(backend, net):
    # From one start, in one batch: only what is dropped can make a difference.
    one_batch = Training(epochs=5, batch_size=len(X), learning_rate=0.05)
    mine = dropping(backend)

    def fit(seed):
        clf = Classifier(mine, training=one_batch, random_state=seed)
        return clf.fit(X, Y).predict_proba(X)

    np.testing.assert_array_equal(fit(0), fit(0))
    assert np.abs(fit(0) - fit(1)).max() > 1e-3


@networks
def test_sample_weights_reach_natives(backend, net):
    mine = net()
    keep = np.arange(len(X)) % 2 == 0
    weighted = Classifier(mine, training=FEW, random_state=0)
    weighted.fit(X, Y, sample_weight=keep.astype(float))
    absent = Classifier(mine, training=FEW, random_state=0).fit(X[keep], Y[keep])
    np.testing.assert_allclose(weighted.predict_proba(X), absent.predict_proba(X), atol=1e-6)


@networks
def test_regression_with_a_native(backend, net):
    targets = X[:, 0] * 2 + X[:, 1]
    model = Regressor(net(), training=Training(epochs=60, learning_rate=0.02), random_state=0)
    assert model.fit(X, targets).score(X, targets) > 0.9
    assert model.fit(X.astype(np.float64), targets).predict(X).shape == targets.shape


@pytest.mark.torch
def test_frozen_parameters_stay():
    mine = torch_net()
    mine[0].weight.requires_grad_(False)
    clf = Classifier(mine, training=FEW).fit(X, Y)
    np.testing.assert_array_equal(mine[0].weight.numpy(), clf.model_[0].weight.numpy())
    assert not np.array_equal(mine[3].weight.detach(), clf.model_[3].weight.detach())


@pytest.mark.torch
def test_a_training_step_of_the_module_is_called():
    import torch
    from torch import nn

    class Own(nn.Module):
        def __init__(self, n_features):
            super().__init__()
            self.layer = nn.Linear(n_features, 1)
            self.calls = 0

        def forward(self, x):
            return self.layer(x)

        def training_step(self, batch):
            self.calls += 1
            rows, labels = batch
            target = labels.float()[:, None]
            return nn.functional.binary_cross_entropy_with_logits(self(rows), target)

    clf = Classifier(Own, training=Training(epochs=3, batch_size=100), random_state=0).fit(X, Y)
    assert clf.model_.calls == 3 * 6
    with pytest.raises(CapabilityError, match="whole objective"):
        Classifier(Own, training=Training(l2=1.0)).fit(X, Y)
    assert isinstance(clf.model_, torch.nn.Module)


@pytest.mark.torch
def test_the_global_generator_of_torch_is_as_it_was():
    import torch

    mine = torch_net(dropout=0.5)
    before = torch.get_rng_state()
    Classifier(mine, training=FEW).fit(X, Y)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.torch
def test_a_seeded_block_draws_by_its_seed():
    import torch

    import unifml

    def draws(seed):
        with unifml.get_adapter("torch").seeded(seed):
            return torch.rand(3), np.random.rand(3)

    torch.testing.assert_close(draws(5)[0], draws(5)[0], rtol=0, atol=0)
    assert not torch.equal(draws(5)[0], draws(6)[0])
    np.testing.assert_array_equal(draws(5)[1], np.random.RandomState(5).rand(3))


@pytest.mark.keras
def test_a_compiled_model_keeps_its_optimizer_and_loss():
    import keras

    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    mine = keras_net(compiled={"optimizer": keras.optimizers.SGD(0.5), "loss": loss})
    clf = Classifier(mine, training=Training(epochs=20), random_state=0).fit(X, Y)
    assert clf.score(X, Y) > 0.95
    assert isinstance(clf.model_.optimizer, keras.optimizers.SGD)
    with pytest.raises(ParameterError, match=r"(?i)sgd.*adam|adam.*sgd"):
        Classifier(mine, training=Training(optimizer="adam")).fit(X, Y)


@pytest.mark.keras
@pytest.mark.parametrize(("out", "activation"), [(1, "sigmoid"), (2, "softmax")])
def test_the_last_activation_tells_what_keras_models_return(out, activation):
    import keras

    model = keras_net(out, activation)
    clf = Classifier(model, training=Training(epochs=30, learning_rate=0.01)).fit(X, Y)
    native = keras.ops.convert_to_numpy(clf.model_(X))
    shown = native if out == 2 else np.c_[1 - native, native]
    np.testing.assert_allclose(clf.predict_proba(X), shown, atol=1e-6)
