"""`Transformer`: codes of rows and rows from codes, and scikit-learn's own as they are."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import ClassVar

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from estimators.factories import FACTORIES
from estimators.test_checks import outcomes
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.decomposition import PCA, IncrementalPCA
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder

import unifml
from unifml import Classifier, Regressor, Training, Transformer
from unifml.errors import CapabilityError, DataError, ParameterError
from unifml.layers import Activation, Dense, Flatten, Network, Reshape, Sequential, Standardize
from unifml.models import Autoencoder, Model
from unifml.models.halves import halves

FEW = Training(epochs=5, learning_rate=0.01, batch_size=64)
LINEAR = Autoencoder(hidden=(), code=5)
no_such_network = pytest.mark.never(
    ["sklearn"], raises=CapabilityError, reason="its MLP has one activation between all layers"
)


def coder(backend, model="autoencoder", training=FEW):
    return Transformer(model, backend=backend, training=training, random_state=0, verbose=0)


@pytest.fixture(scope="module")
def iris():
    return load_iris().data


@pytest.fixture(scope="module")
def images():
    return load_digits().images[:200, :, :, None]


# What it learns ---------------------------------------------------------------------------------


def test_a_linear_autoencoder_is_as_good_as_principal_components(backend):
    X = load_breast_cancer().data
    schedule = Training(epochs=200, learning_rate=0.01, schedule="cosine")
    fitted = coder(backend, LINEAR, schedule).fit(X)
    scaled = StandardScaler().fit_transform(X)
    best = PCA(5).fit(scaled)
    wanted = np.mean((best.inverse_transform(best.transform(scaled)) - scaled) ** 2)
    assert wanted < -fitted.score(X) < 1.05 * wanted


@no_such_network
def test_an_autoencoder_of_images_beats_principal_components(backend):
    X = load_digits().images[..., None]
    fitted = coder(backend, training=Training(epochs=60)).fit(X)
    flat = X.reshape(len(X), -1) / X.std()
    best = PCA(8).fit(flat)
    wanted = np.mean((best.inverse_transform(best.transform(flat)) - flat) ** 2)
    assert -fitted.score(X) < wanted


@no_such_network
@pytest.mark.parametrize("model", [Autoencoder(code=3), Autoencoder(code=3, filters=(4, 8))])
@pytest.mark.parametrize("sides", [(8, 8), (7, 5), (6,), (4, 3, 2)])
def test_rows_come_back_in_their_shape(backend, model, sides):
    X = 100 + 50 * np.random.default_rng(0).normal(size=(40, *sides, 2))
    fitted = coder(backend, model).fit(X)
    codes = fitted.transform(X)
    back = fitted.inverse_transform(codes)
    assert codes.shape == (40, 3)
    assert back.shape == X.shape
    assert 50 < back.mean() < 150  # in the units of X
    np.testing.assert_allclose(back.reshape(40, -1), fitted._outputs(X), rtol=1e-5)
    assert fitted.n_features_in_ == 2


@no_such_network
def test_the_error_is_in_standard_deviations_of_features(backend, iris):
    X = iris * [1.0, 1e3, 1.0, 1e-3]
    fitted = coder(backend, Autoencoder(code=2)).fit(X)
    error = fitted.reconstruction_error(X)
    missed = (fitted.inverse_transform(fitted.transform(X)) - X) / X.std(axis=0)
    np.testing.assert_allclose(error, np.mean(missed**2, axis=1), rtol=1e-4)
    weight = np.arange(150.0)
    assert fitted.score(X, sample_weight=weight) == pytest.approx(
        -np.average(error, weights=weight)
    )
    assert fitted.history_["loss"][-1] < fitted.history_["loss"][0]
    strange = X.mean(axis=0) + 20 * X.std(axis=0)
    assert fitted.reconstruction_error(strange[None])[0] > error.max()


@no_such_network
def test_images_are_scaled_by_one_number_a_feature(backend, images):
    fitted = coder(backend).fit(images)
    np.testing.assert_allclose(fitted.target_scaling_.scale, np.full(64, images.std()))
    weights = fitted.get_weights()
    assert weights["standardize.mean"] == pytest.approx([images.mean()])


@no_such_network
def test_rows_of_weight_0_are_absent(backend, iris):
    X = np.r_[iris, 1e3 + iris]
    weight = np.repeat([1.0, 0.0], 150)
    without = coder(backend).fit(iris).transform(iris)
    with_them = coder(backend).fit(X, sample_weight=weight).transform(iris)
    np.testing.assert_array_equal(with_them, without)


@no_such_network
def test_rows_to_validate_on(backend, iris):
    stopping = Training(epochs=4, early_stopping=True)
    fitted = coder(backend, training=stopping).fit(iris[:100], X_val=iris[100:])
    assert len(fitted.history_["val_loss"]) == 4
    weighted = coder(backend, training=stopping).fit(
        iris[:100], X_val=iris[100:], sample_weight_val=np.r_[np.zeros(49), 1.0]
    )
    assert weighted.history_["val_loss"][0] != fitted.history_["val_loss"][0]
    with pytest.raises(DataError, match="X_val"):
        coder(backend).fit(iris, sample_weight_val=np.ones(3))


@no_such_network
def test_steps_go_on(backend, iris):
    training = Training(epochs=3, batch_size=150)
    whole = coder(backend, training=training).fit(iris)
    stepped = coder(backend, training=training)
    for _ in range(3):
        stepped.partial_fit(iris)
    np.testing.assert_allclose(stepped.transform(iris), whole.transform(iris), atol=1e-6)
    with pytest.raises(ValueError, match="features"):
        stepped.partial_fit(iris[:, :3])


@pytest.mark.cross
@pytest.mark.parametrize("model", [Autoencoder(), Autoencoder(filters=(4, 8))])
def test_backends_agree(model, images):
    torch, keras = (coder(name, model).fit(images) for name in ("torch", "keras"))
    codes = torch.transform(images)
    np.testing.assert_allclose(keras.transform(images), codes, atol=1e-5)
    np.testing.assert_allclose(
        keras.reconstruction_error(images), torch.reconstruction_error(images), atol=1e-5
    )
    moved = unifml.to_backend(torch, "keras")
    np.testing.assert_allclose(moved.transform(images), codes, atol=1e-5)
    np.testing.assert_allclose(
        moved.inverse_transform(codes), torch.inverse_transform(codes), atol=1e-4
    )


# What scikit-learn's users do with it ------------------------------------------------------------


@pytest.mark.never(
    ["sklearn"], raises=AssertionError, reason="its MLP has one activation between all layers"
)
def test_scikit_learns_checks_pass(backend):
    _assert_checked(Transformer(backend=backend), PCA())


@pytest.mark.sklearn
def test_a_wrapped_transformer_passes_what_it_passes_bare():
    for native in (PCA(), StandardScaler()):
        _assert_checked(Transformer(native), native)


def _assert_checked(estimator, bare):
    found = outcomes(estimator)
    assert found["failed"] == found["xfail"] == {}
    assert set(found["skipped"]) <= set(outcomes(bare)["skipped"])
    assert len(found["passed"]) > 40


@no_such_network
def test_pickle_joblib_and_save_keep_it(backend, iris, tmp_path):
    fitted = coder(backend).fit(iris)
    codes = fitted.transform(iris)
    joblib.dump(fitted, tmp_path / "model.joblib")
    copies = [
        joblib.load(tmp_path / "model.joblib"),
        pickle.loads(pickle.dumps(fitted)),
        unifml.load(unifml.save(fitted, tmp_path / "model.unifml")),
    ]
    for copy in copies:
        assert copy._fitted._parts == {}
        np.testing.assert_array_equal(copy.transform(iris), codes)
        np.testing.assert_array_equal(
            copy.inverse_transform(codes), fitted.inverse_transform(codes)
        )


@no_such_network
def test_the_same_seed_gives_the_same_codes(backend, iris):
    first = coder(backend).fit_transform(iris)
    np.testing.assert_array_equal(clone(coder(backend)).fit(iris).transform(iris), first)
    other = coder(backend).set_params(random_state=1).fit_transform(iris)
    assert np.abs(other - first).max() > 1e-3


@no_such_network
def test_new_weights_give_new_codes(backend, iris):
    fitted = coder(backend).fit(iris)
    fitted.transform(iris)  # what it builds goes with the old weights
    weights = fitted.get_weights()
    weights["encoder.output.kernel"][:] = 0.0
    weights["encoder.output.bias"][:] = 3.0
    assert np.all(fitted.set_weights(weights).transform(iris) == 3.0)


@no_such_network
def test_frames_in_and_out(backend):
    X = load_iris(as_frame=True).data
    fitted = coder(backend, Autoencoder(code=2)).set_output(transform="pandas").fit(X)
    codes = fitted.transform(X[::2])
    assert list(codes.columns) == ["transformer0", "transformer1"]
    assert list(codes.index) == list(X.index[::2])
    assert list(fitted.feature_names_in_) == list(X.columns)
    assert fitted.inverse_transform(codes).shape == (75, 4)
    assert isinstance(clone(fitted).fit_transform(X), pd.DataFrame)


@no_such_network
def test_in_a_pipeline_and_a_search(backend):
    X, y = load_iris(return_X_y=True)
    pipeline = make_pipeline(coder(backend), LogisticRegression())
    search = GridSearchCV(
        pipeline, {"transformer__model__code": [1, 3]}, cv=2, error_score="raise"
    ).fit(X, y)
    assert search.best_score_ > 0.7
    both = make_pipeline(coder(backend), Classifier("mlp", backend=backend, training=FEW))
    assert both.fit(X, y).predict_proba(X).shape == (150, 3)
    scored = GridSearchCV(coder(backend), {"training__epochs": [1, 5]}, cv=2).fit(X)
    assert scored.best_params_ == {"training__epochs": 5}


@no_such_network
def test_metadata_routing(backend, iris):
    weight = np.r_[np.zeros(75), np.ones(75)]
    with sklearn.config_context(enable_metadata_routing=True):
        asking = coder(backend).set_fit_request(sample_weight=True)
        routed = make_pipeline(asking, LogisticRegression().set_fit_request(sample_weight=True))
        routed.fit(iris, np.arange(150) % 2, sample_weight=weight)
    direct = coder(backend).fit(iris[75:])
    np.testing.assert_array_equal(routed[0].transform(iris), direct.transform(iris))


# Transformers of scikit-learn --------------------------------------------------------------------


@pytest.mark.sklearn
def test_a_native_is_untouched(iris):
    y = load_iris().target
    for native in (PCA(2), IncrementalPCA(2), StandardScaler(), SelectKBest(k=2)):
        bare, wrapped = clone(native).fit(iris, y), Transformer(native).fit(iris, y)
        codes = bare.transform(iris)
        np.testing.assert_array_equal(wrapped.transform(iris), codes)
        back = wrapped.inverse_transform(codes)
        np.testing.assert_array_equal(back, bare.inverse_transform(codes))
        assert list(wrapped.get_feature_names_out()) == list(bare.get_feature_names_out())
        assert hasattr(wrapped, "score") is hasattr(bare, "score")
        assert hasattr(wrapped, "partial_fit") is hasattr(bare, "partial_fit")
        assert not hasattr(wrapped, "reconstruction_error")
        assert wrapped.backend_ == "sklearn"


@pytest.mark.sklearn
def test_a_native_keeps_its_own_fit_transform(iris):
    y = iris[:, 3] > 1
    columns = iris[:, :1].round()
    native = TargetEncoder(cv=StratifiedKFold(3))
    wanted = clone(native).fit_transform(columns, y)
    fitted = Transformer(native)
    np.testing.assert_array_equal(fitted.fit_transform(columns, y), wanted)
    assert np.abs(fitted.transform(columns) - wanted).max() > 0  # it fits in folds, and says so


@pytest.mark.sklearn
def test_a_native_in_frames_steps_and_files(iris, tmp_path):
    fitted = Transformer(PCA(2)).set_output(transform="pandas").fit(iris)
    assert list(fitted.transform(iris).columns) == ["pca0", "pca1"]
    again = unifml.load(unifml.save(fitted, tmp_path / "pca.unifml"))
    np.testing.assert_array_equal(again.transform(iris), fitted.transform(iris))
    stepped = Transformer(IncrementalPCA(2)).partial_fit(iris).partial_fit(iris)
    bare = IncrementalPCA(2).partial_fit(iris).partial_fit(iris)
    np.testing.assert_array_equal(stepped.transform(iris), bare.transform(iris))


@pytest.mark.sklearn
def test_a_factory_of_a_native(iris):
    drawn = Transformer(lambda signature: PCA(signature.n_features - 1)).fit(iris)
    assert drawn.transform(iris).shape == (150, 3)
    built = Transformer(unifml.Native(PCA, n_components=3)).fit(iris)
    np.testing.assert_array_equal(built.transform(iris), drawn.transform(iris))


@pytest.mark.sklearn
def test_what_a_native_cannot_is_refused(iris):
    with pytest.raises(CapabilityError, match="no transform"):
        Transformer(LogisticRegression()).fit(iris, load_iris().target)
    with pytest.raises(CapabilityError, match="leave training out"):
        Transformer(PCA(2), training=FEW).fit_transform(iris)
    with pytest.raises(CapabilityError, match="X_val"):
        Transformer(PCA(2)).fit(iris, X_val=iris)
    with pytest.raises(CapabilityError, match="sample_weight"):
        Transformer(PCA(2)).fit(iris, sample_weight=np.ones(150))


# What is refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=getattr(pytest.mark, name)) for name in ("torch", "keras")]
)
def test_native_networks_have_no_code(name, iris):
    with pytest.raises(CapabilityError, match=r'Transformer\("autoencoder"\)'):
        Transformer(FACTORIES[name], backend=name).fit(iris)


def test_models_say_what_they_are_for(backend, iris):
    with pytest.raises(CapabilityError, match=r"use Transformer\('autoencoder'\)"):
        Classifier("autoencoder", backend=backend).fit(iris, iris[:, 0] > 5)
    with pytest.raises(CapabilityError, match=r"use Transformer\('autoencoder'\)"):
        Regressor("autoencoder", backend=backend).fit(iris, iris[:, 0])
    with pytest.raises(CapabilityError, match=r"use Classifier\('mlp'\) or Regressor\('mlp'\)"):
        Transformer("mlp", backend=backend).fit(iris)


@no_such_network
def test_rows_and_codes_that_do_not_fit(backend, iris):
    with pytest.raises(DataError, match="one shape"):
        coder(backend).fit([np.ones((3, 2)), np.ones((4, 2))])
    with pytest.raises(ParameterError, match="filters"):
        coder(backend, Autoencoder(filters=(4,))).fit(iris)
    fitted = coder(backend).fit(iris)
    with pytest.raises(DataError, match=r"shape \(n, 8\)"):
        fitted.inverse_transform(iris)
    with pytest.raises(ValueError, match="NaN"):
        fitted.inverse_transform(np.full((2, 8), np.nan))
    with pytest.raises(DataError, match="float32"):
        coder(backend).fit(iris.astype(np.float32)).inverse_transform(np.full((2, 8), 1e39))


@pytest.mark.parametrize(
    "params",
    [{"code": 0}, {"code": 2.5}, {"hidden": 8}, {"filters": (0,)}, {"dropout": 1.0}],
)
def test_parameters_that_cannot_be(params):
    with pytest.raises(ParameterError, match=next(iter(params))):
        Transformer(Autoencoder(**params), backend="torch").fit(np.ones((8, 4, 4, 1)))


# Verbs and models of one's own -------------------------------------------------------------------


@no_such_network
def test_verbs(backend, iris):
    made = unifml.make("autoencoder", backend=backend, code=3, epochs=2)
    assert isinstance(made, Transformer)
    assert unifml.fit(made, iris).transform(iris).shape == (150, 3)
    assert unifml.fit("autoencoder", iris, backend=backend, epochs=1).backend_ == backend
    assert unifml.translate(made).startswith("# y: the rows of X")
    for verb in (unifml.evaluate, unifml.tune):
        with pytest.raises(
            CapabilityError, match="neither a classifier, a regressor nor a clusterer"
        ):
            verb(made, iris, iris[:, 0] > 5)
    with pytest.raises(CapabilityError, match="it is for transformation"):
        unifml.fit("autoencoder", iris, iris[:, 0], backend=backend, task="regression")
    assert unifml.make(made, task="transformation").get_params().keys() == made.get_params().keys()
    for given, task in ((made, "regression"), (Classifier("mlp"), "transformation")):
        with pytest.raises((ParameterError, CapabilityError), match=f"task='{task}'"):
            unifml.make(given, task=task)


@dataclass(frozen=True, repr=False)
class Narrow(Model):
    """A model of a user: layers named encoder and decoder are all it needs."""

    kind: ClassVar[str] = "narrow"
    tasks: ClassVar[tuple[str, ...]] = ("transformation",)
    uses: ClassVar[frozenset[str]] = frozenset({"epochs"})
    code: int = 2

    def network(self, task, signature):
        inner = (Dense(6), Activation("tanh"), Dense(self.code), Activation("tanh"))
        encoder = Sequential(inner, name="encoder")
        return Network((Standardize(), encoder, Dense(signature.n_features, name="decoder")))


@no_such_network
def test_a_model_of_ones_own(backend, iris):
    fitted = Transformer(Narrow(), backend=backend, training=Training(epochs=2)).fit(iris)
    codes = fitted.transform(iris)
    assert codes.shape == (150, 2)
    assert np.abs(codes).max() <= 1.0
    np.testing.assert_allclose(
        fitted.inverse_transform(codes), fitted._outputs(iris), rtol=1e-5, atol=1e-6
    )


@no_such_network
def test_a_model_that_gives_no_code_is_refused_before_it_learns(backend, iris):
    class Wide(Narrow):
        kind = "wide"

        def network(self, task, signature):
            encoder = Sequential((Dense(6), Reshape((3, 2))), name="encoder")
            decoder = Sequential((Flatten(), Dense(signature.n_features)), name="decoder")
            return Network((encoder, decoder))

    class Blind(Narrow):
        kind = "blind"

        def network(self, task, signature):
            return Network((Dense(signature.n_features),))

    for model, words in ((Wide(), "row of numbers"), (Blind(), "'encoder' and 'decoder'")):
        estimator = Transformer(model, backend=backend)
        for fit in (estimator.fit, estimator.partial_fit):
            with pytest.raises(ParameterError, match=words):
                fit(iris)


def test_a_network_is_cut_behind_its_encoder():
    layers = (Standardize(), Dense(2, name="encoder"), Activation("relu"), Dense(4, name="decoder"))
    first, second = halves(Network(layers))
    assert first.layers + second.layers == layers
    assert first.layers[-1].name == "encoder"
    for wrong in (layers[:2], layers[::-1], (Dense(4),)):
        with pytest.raises(ParameterError, match="'encoder' and 'decoder'"):
            halves(Network(wrong))
