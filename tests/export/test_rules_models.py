"""Models of scikit-learn by rules of unifml: in float64, as scikit-learn, on unseen rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import cluster as cl
from sklearn import decomposition as dc
from sklearn import discriminant_analysis as da
from sklearn import dummy, isotonic, manifold, mixture, svm
from sklearn import gaussian_process as gp
from sklearn import kernel_approximation as ka
from sklearn import linear_model as lm
from sklearn import naive_bayes as nv
from sklearn import neighbors as nb
from sklearn import neural_network as nn
from sklearn import random_projection as rp
from sklearn import semi_supervised as ss
from sklearn.base import is_regressor
from sklearn.covariance import EllipticEnvelope
from sklearn.cross_decomposition import CCA, PLSSVD, PLSRegression
from sklearn.gaussian_process import kernels as ks
from sklearn.kernel_ridge import KernelRidge

from export.answered import answered

rng = np.random.default_rng(0)
SEEN, NEW = rng.normal(size=(90, 5)), rng.normal(size=(25, 5))
THREE = np.digitize(SEEN[:, 0] + SEEN[:, 1], [-0.7, 0.7])
TWO, TEXT = THREE > 0, np.array(["a", "b", "c"])[THREE]
VALUES = SEEN @ [3.0, -1.0, 0.5, 0.0, 2.0] + rng.normal(size=90)
PAIR = np.column_stack([VALUES, SEEN[:, 0] * 2])
COUNTS = np.exp(VALUES / 4)


def native(model: Any, X: Any) -> dict[str, Any]:
    """Return what a model says, by the names of a graph's answers."""
    said: dict[str, Any] = {}
    if hasattr(model, "predict"):
        said["prediction" if is_regressor(model) else "label"] = model.predict(X)
    if hasattr(model, "predict_proba"):
        said["probabilities"] = model.predict_proba(X)
    if hasattr(model, "decision_function"):
        said["scores"] = model.decision_function(X)
    if hasattr(model, "transform") and getattr(model, "solver", "") != "lsqr":
        said["transformed"] = model.transform(X)
    return said


def agrees(model: Any, X: Any, exact: float = 1e-9) -> None:
    """Compare all that a model says with its graph."""
    written = answered(model, X)
    for name, values in native(model, X).items():
        theirs = written[name].reshape(np.shape(values))
        if np.asarray(values).dtype.kind in "fc":
            scale = max(1.0, float(np.nanmax(np.abs(values))))
            np.testing.assert_allclose(theirs, values, rtol=exact, atol=exact * scale)
        else:
            assert (theirs == values).all(), name


CLASSIFIERS = [
    lm.LogisticRegression(),
    lm.SGDClassifier(loss="log_loss", random_state=0),
    lm.SGDClassifier(loss="modified_huber", random_state=0),
    lm.RidgeClassifier(),
    svm.LinearSVC(),
    svm.SVC(),
    svm.SVC(kernel="poly", break_ties=True),
    svm.SVC(decision_function_shape="ovo"),
    svm.NuSVC(nu=0.2, kernel="sigmoid"),
    da.LinearDiscriminantAnalysis(),
    da.LinearDiscriminantAnalysis(solver="lsqr"),
    da.QuadraticDiscriminantAnalysis(),
    nv.GaussianNB(),
    nv.BernoulliNB(),
    nb.KNeighborsClassifier(algorithm="brute"),
    nb.KNeighborsClassifier(weights="distance", metric="manhattan"),
    nb.RadiusNeighborsClassifier(radius=1.5, outlier_label="most_frequent"),
    nb.NearestCentroid(),
    nb.NearestCentroid(priors="empirical", shrink_threshold=0.2),
    nb.NearestCentroid(metric="manhattan"),
    ss.LabelPropagation(),
    ss.LabelSpreading(kernel="knn"),
    dummy.DummyClassifier(),
    nn.MLPClassifier((4,), max_iter=20, random_state=0),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("y", [TWO, TEXT], ids=["two", "text"])
@pytest.mark.parametrize("model", CLASSIFIERS, ids=repr)
def test_classifiers_say_what_scikit_learn_says(model: Any, y: Any) -> None:
    agrees(model.fit(SEEN, y), NEW)


REGRESSORS = [
    (lm.LinearRegression(), PAIR),
    (lm.TheilSenRegressor(random_state=0), VALUES),
    (lm.PoissonRegressor(), COUNTS),
    (lm.TweedieRegressor(power=0), VALUES),
    (svm.SVR(), VALUES),
    (nb.KNeighborsRegressor(metric="minkowski", p=3), PAIR),
    (nb.RadiusNeighborsRegressor(radius=1.2, weights="distance"), VALUES),
    (KernelRidge(kernel="laplacian"), PAIR),
    (PLSRegression(2), PAIR),
    (CCA(2), PAIR),
    (dummy.DummyRegressor(), PAIR),
    (nn.MLPRegressor(hidden_layer_sizes=(4,), max_iter=20, random_state=0), PAIR),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("model", "y"), REGRESSORS, ids=lambda v: repr(v)[:40])
def test_regressors_say_what_scikit_learn_says(model: Any, y: Any) -> None:
    agrees(model.fit(SEEN, y), NEW)


OTHERS = [
    cl.KMeans(3, random_state=0, n_init=1),
    cl.BisectingKMeans(5, random_state=0),
    cl.Birch(threshold=0.9),
    cl.MeanShift(bandwidth=2.0),
    cl.AffinityPropagation(random_state=0),
    cl.FeatureAgglomeration(2),
    mixture.GaussianMixture(2, random_state=0),
    mixture.GaussianMixture(5, covariance_type="tied", random_state=0),
    mixture.BayesianGaussianMixture(n_components=3, covariance_type="diag", random_state=0),
    EllipticEnvelope(random_state=0),
    svm.OneClassSVM(),
    lm.SGDOneClassSVM(random_state=0),
    nb.LocalOutlierFactor(novelty=True, contamination=0.1),
    nb.KNeighborsTransformer(n_neighbors=4),
    nb.RadiusNeighborsTransformer(radius=2.0),
    manifold.Isomap(),
    manifold.Isomap(n_neighbors=None, radius=3.0),
    dc.PCA(2, whiten=True),
    dc.TruncatedSVD(2, random_state=0),
    dc.FastICA(2, random_state=0),
    dc.FactorAnalysis(2),
    dc.SparsePCA(2, max_iter=5, random_state=0),
    dc.KernelPCA(3, kernel="rbf"),
    rp.SparseRandomProjection(3, random_state=0),
    ka.Nystroem(n_components=8, random_state=0),
    ka.RBFSampler(n_components=7, random_state=0),
    ka.PolynomialCountSketch(degree=3, coef0=1, n_components=9, random_state=0),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("model", OTHERS, ids=repr)
def test_what_learns_without_targets_says_what_scikit_learn_says(model: Any) -> None:
    fitted = model.fit(SEEN)
    said = answered(fitted, NEW)
    table = said.get("transformed")
    if table is not None:
        given = fitted.transform(NEW)
        dense = given.toarray() if hasattr(given, "toarray") else given
        np.testing.assert_allclose(table, dense, rtol=1e-8, atol=1e-9)
    for method, name in (("predict", "label"), ("predict_proba", "probabilities")):
        if hasattr(fitted, method):
            np.testing.assert_allclose(said[name], getattr(fitted, method)(NEW), atol=1e-9)
    if hasattr(fitted, "decision_function"):
        np.testing.assert_allclose(said["scores"], fitted.decision_function(NEW), atol=1e-9)


POSITIVE = [
    ka.AdditiveChi2Sampler(sample_steps=3),
    ka.SkewedChi2Sampler(n_components=6, random_state=0),
    nn.BernoulliRBM(3, n_iter=2, random_state=0),
    nv.MultinomialNB(),
    nv.ComplementNB(),
    PLSSVD(2),
]


@pytest.mark.parametrize("model", POSITIVE, ids=repr)
def test_what_takes_no_negative_numbers(model: Any) -> None:
    X, new = np.abs(SEEN) / 5, np.abs(NEW) / 5
    new[0, 0] = 0.0
    agrees(model.fit(X, PAIR if isinstance(model, PLSSVD) else THREE), new)


KERNELS = [
    ks.RBF(2.0) + ks.WhiteKernel(0.1),
    ks.Matern(np.full(5, 2.0), nu=2.5) * ks.ConstantKernel(2.0),
    ks.Matern(2.0, nu=0.5),
    ks.RationalQuadratic(2.0, 0.7),
    ks.DotProduct(1.0) ** 2,
]


@pytest.mark.parametrize("kernel", KERNELS, ids=repr)
def test_gaussian_processes_keep_the_digits_that_their_weights_need(kernel: Any) -> None:
    model = gp.GaussianProcessRegressor(kernel, alpha=1e-2, optimizer=None, normalize_y=True)
    agrees(model.fit(SEEN, VALUES), NEW)


@pytest.mark.parametrize("y", [TWO, TEXT], ids=["two", "text"])
def test_gaussian_classifiers_need_an_error_function_in_float64(y: Any) -> None:
    """Its five terms have weights of some thousands that cancel: in float32 3e-4 would be lost."""
    agrees(gp.GaussianProcessClassifier(ks.RBF(2.0), optimizer=None).fit(SEEN, y), NEW)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("classes", [2, 3, 5])
def test_machines_couple_pairs_as_libsvm_does(classes: int) -> None:
    y = np.digitize(SEEN[:, 0], np.quantile(SEEN[:, 0], np.linspace(0, 1, classes + 1)[1:-1]))
    agrees(svm.SVC(probability=True, random_state=0).fit(SEEN, y), NEW)


def test_rows_that_no_class_wants_keep_their_ratios() -> None:
    """onnxruntime's own sigmoid is 0 below -37: such rows would say 1/3 of each class."""
    model = lm.SGDClassifier(loss="log_loss", random_state=0).fit(SEEN, THREE)
    model.intercept_ = model.intercept_ - 400
    assert (model.decision_function(NEW) < -50).all()
    agrees(model, NEW)


@pytest.mark.parametrize("out", ["nan", "clip"])
def test_isotonic_regression_beyond_its_thresholds(out: str) -> None:
    model = isotonic.IsotonicRegression(out_of_bounds=out).fit(SEEN[:, 0], VALUES)
    rows = np.array([[-9.0], [0.1], [9.0], [SEEN[3, 0]]])
    np.testing.assert_allclose(answered(model, rows)["prediction"].ravel(), model.predict(rows))


def test_a_row_that_is_a_training_row_has_that_neighbour_alone() -> None:
    model = nb.KNeighborsClassifier(weights="distance").fit(SEEN, THREE)
    agrees(model, SEEN[:20])
    assert answered(model, SEEN[:20])["probabilities"].max(axis=1).min() == 1.0


def test_labels_of_several_outputs() -> None:
    y = np.column_stack([THREE, TWO])
    model = nb.KNeighborsClassifier().fit(SEEN, y)
    said = answered(model, NEW)
    np.testing.assert_array_equal(said["label"], model.predict(NEW))
    for i, shares in enumerate(model.predict_proba(NEW)):
        np.testing.assert_allclose(said[f"probabilities_{i}"], shares)
