"""Every public estimator of scikit-learn, as it is fitted for the table of ONNX coverage.

A new estimator of scikit-learn is here by itself, on rows of its kind; what needs other rows or
arguments has a line below. Tests hold the export to these cases, ``benchmarks/onnx.py``
prints them, and the documentation shows what was found.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from sklearn.base import TransformerMixin, is_classifier, is_regressor
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils import all_estimators

from export import coverage_rows as rows
from export.coverage_rows import Rows
from unifml.export.rules.refused import REASONS

CLASSIFIER, TREE = LogisticRegression(), DecisionTreeClassifier(max_depth=3, random_state=0)
LINE, REGRESSION_TREE = LinearRegression(), DecisionTreeRegressor(max_depth=3, random_state=0)
VOTERS = [("line", CLASSIFIER), ("tree", TREE)]
LINES = [("line", LINE), ("tree", REGRESSION_TREE)]
GRID = {"C": [0.1, 1.0]}
BOTH = [("scale", StandardScaler(), [0, 1]), ("share", MinMaxScaler(), [2, 3])]
SMALL: dict[str, Any] = {"random_state": 0, "n_estimators": 5}
"""What keeps a fit fast and the same every time, where an estimator has the argument."""
FINE = 1 + 2.0**-30
"""Turns numbers of float32 into ones that need float64."""

ARGUMENTS: dict[str, dict[str, Any]] = {
    "AdaBoostClassifier": {"estimator": TREE},
    "AdaBoostRegressor": {"estimator": REGRESSION_TREE},
    "BaggingClassifier": {"estimator": TREE},
    "BaggingRegressor": {"estimator": REGRESSION_TREE},
    "BayesianGaussianMixture": {"n_components": 3, "max_iter": 500},
    "BernoulliRBM": {"n_components": 3},
    "BisectingKMeans": {"n_clusters": 4},
    "CalibratedClassifierCV": {"estimator": CLASSIFIER, "cv": 3},
    "CCA": {"n_components": 2},
    "ClassifierChain": {"estimator": CLASSIFIER},
    "ColumnTransformer": {"transformers": BOTH},
    "DictVectorizer": {"sparse": False},
    "DictionaryLearning": {"n_components": 3, "max_iter": 20},
    "FastICA": {"n_components": 3, "whiten": "unit-variance"},
    "FeatureAgglomeration": {"n_clusters": 2},
    "FeatureHasher": {"n_features": 8, "input_type": "dict"},
    "FeatureUnion": {"transformer_list": [("scale", StandardScaler()), ("pca", PCA(2))]},
    "FixedThresholdClassifier": {"estimator": CLASSIFIER, "threshold": 0.3},
    "FrozenEstimator": {"estimator": CLASSIFIER},
    "FunctionTransformer": {"func": np.log1p},
    "GaussianMixture": {"n_components": 3},
    "GaussianProcessRegressor": {"alpha": 0.1},
    "GaussianRandomProjection": {"n_components": 3},
    "GenericUnivariateSelect": {"param": 50},
    "GridSearchCV": {"estimator": CLASSIFIER, "param_grid": GRID},
    "HalvingGridSearchCV": {"estimator": CLASSIFIER, "param_grid": GRID},
    "HalvingRandomSearchCV": {"estimator": CLASSIFIER, "param_distributions": GRID},
    "HashingVectorizer": {"n_features": 16},
    "HistGradientBoostingClassifier": {"max_iter": 5, "min_samples_leaf": 5},
    "HistGradientBoostingRegressor": {"max_iter": 5, "min_samples_leaf": 5},
    "IncrementalPCA": {"n_components": 2},
    "Isomap": {"n_components": 2},
    "IsotonicRegression": {"out_of_bounds": "clip"},
    "KMeans": {"n_clusters": 4},
    "KNNImputer": {"n_neighbors": 3},
    "KernelPCA": {"n_components": 2, "kernel": "rbf"},
    "KernelRidge": {"kernel": "rbf"},
    "LabelPropagation": {"gamma": 0.5},
    "LabelSpreading": {"gamma": 0.5},
    "LatentDirichletAllocation": {"n_components": 3},
    "LocalOutlierFactor": {"novelty": True},
    "LocallyLinearEmbedding": {"n_components": 2},
    "MLPClassifier": {"hidden_layer_sizes": (8,), "max_iter": 50},
    "MLPRegressor": {"hidden_layer_sizes": (8,), "max_iter": 50},
    "MiniBatchDictionaryLearning": {"n_components": 3, "max_iter": 20},
    "MiniBatchKMeans": {"n_clusters": 4},
    "MiniBatchNMF": {"n_components": 2},
    "MiniBatchSparsePCA": {"n_components": 2, "max_iter": 20},
    "MultiOutputClassifier": {"estimator": CLASSIFIER},
    "MultiOutputRegressor": {"estimator": LINE},
    "NMF": {"n_components": 2},
    "Nystroem": {"n_components": 10},
    "OneVsOneClassifier": {"estimator": LinearSVC(random_state=0)},
    "OneVsRestClassifier": {"estimator": CLASSIFIER},
    "OrdinalEncoder": {"handle_unknown": "use_encoded_value", "unknown_value": -1},
    "OneHotEncoder": {"handle_unknown": "ignore"},
    "OutputCodeClassifier": {"estimator": CLASSIFIER, "code_size": 3},
    "PCA": {"n_components": 2},
    "PatchExtractor": {"patch_size": (2, 2)},
    "Pipeline": {"steps": [("scale", StandardScaler()), ("line", CLASSIFIER)]},
    "PolynomialCountSketch": {"n_components": 8},
    "QuantileTransformer": {"n_quantiles": 20},
    "RANSACRegressor": {"estimator": LINE},
    "RBFSampler": {"n_components": 8},
    "RFE": {"estimator": CLASSIFIER, "n_features_to_select": 2},
    "RFECV": {"estimator": CLASSIFIER, "cv": 3},
    "RadiusNeighborsClassifier": {"radius": 12.0},
    "RadiusNeighborsRegressor": {"radius": 12.0},
    "RandomTreesEmbedding": {"max_depth": 3},
    "RandomizedSearchCV": {"estimator": CLASSIFIER, "param_distributions": GRID, "n_iter": 2},
    "RegressorChain": {"estimator": LINE},
    "SelectFromModel": {"estimator": CLASSIFIER},
    "SelectKBest": {"k": 2},
    "SelectPercentile": {"percentile": 50},
    "SelfTrainingClassifier": {"estimator": CLASSIFIER},
    "SequentialFeatureSelector": {"estimator": CLASSIFIER, "cv": 3},
    "SkewedChi2Sampler": {"n_components": 8},
    "SparseCoder": {"dictionary": np.eye(3, rows.WIDTH), "transform_n_nonzero_coefs": 2},
    "SparsePCA": {"n_components": 2, "max_iter": 50},
    "SparseRandomProjection": {"n_components": 3},
    "StackingClassifier": {"estimators": VOTERS, "cv": 3},
    "StackingRegressor": {"estimators": LINES, "cv": 3},
    "TargetEncoder": {"target_type": "continuous"},
    "TransformedTargetRegressor": {"regressor": LINE, "func": np.log, "inverse_func": np.exp},
    "TunedThresholdClassifierCV": {"estimator": CLASSIFIER, "cv": 3},
    "TweedieRegressor": {"power": 1.5},
    "VarianceThreshold": {"threshold": 2.0},
    "VotingClassifier": {"estimators": VOTERS, "voting": "soft"},
    "VotingRegressor": {"estimators": LINES},
}

ON: dict[str, Callable[[], Rows]] = {
    "AdditiveChi2Sampler": rows.positive,
    "BernoulliRBM": rows.shares,
    "CCA": rows.regressions,
    "CategoricalNB": rows.few_values,
    "ClassifierChain": rows.tags,
    "ComplementNB": rows.counted,
    "CountVectorizer": rows.documents,
    "DictVectorizer": rows.records,
    "FeatureHasher": rows.records,
    "FixedThresholdClassifier": rows.two_classes,
    "FrozenEstimator": rows.classes,
    "FunctionTransformer": rows.positive,
    "GammaRegressor": rows.positive_target,
    "HashingVectorizer": rows.documents,
    "HistGradientBoostingRegressor": rows.holes,
    "IsotonicRegression": rows.one_column,
    "IterativeImputer": rows.holes,
    "KNNImputer": rows.holes,
    "KernelCenterer": rows.similarities,
    "LabelBinarizer": rows.labels,
    "LabelEncoder": rows.labels,
    "LabelPropagation": rows.few_labels,
    "LabelSpreading": rows.few_labels,
    "LatentDirichletAllocation": rows.counted,
    "LinearDiscriminantAnalysis": rows.classes,
    "MiniBatchNMF": rows.positive,
    "MissingIndicator": rows.holes,
    "MultiLabelBinarizer": rows.label_sets,
    "MultiOutputClassifier": rows.class_columns,
    "MultiOutputRegressor": rows.regressions,
    "MultiTaskElasticNet": rows.regressions,
    "MultiTaskElasticNetCV": rows.regressions,
    "MultiTaskLasso": rows.regressions,
    "MultiTaskLassoCV": rows.regressions,
    "MultinomialNB": rows.counted,
    "NMF": rows.positive,
    "NeighborhoodComponentsAnalysis": rows.classes,
    "OneHotEncoder": rows.text_columns,
    "OrdinalEncoder": rows.text_columns,
    "PLSCanonical": rows.regressions,
    "PLSRegression": rows.regressions,
    "PLSSVD": rows.regressions,
    "PatchExtractor": rows.images,
    "Pipeline": rows.classes,
    "PoissonRegressor": rows.positive_target,
    "RegressorChain": rows.regressions,
    "SelfTrainingClassifier": rows.few_labels,
    "SimpleImputer": rows.holes,
    "SkewedChi2Sampler": rows.positive,
    "TargetEncoder": rows.text_columns,
    "TfidfTransformer": rows.counted,
    "TfidfVectorizer": rows.documents,
    "TransformedTargetRegressor": rows.positive_target,
    "TunedThresholdClassifierCV": rows.two_classes,
    "TweedieRegressor": rows.positive_target,
}
"""Rows of those that need their own; the others get classes, numbers or rows alone."""


NO_ROWS = "it takes labels, not rows"
DICTS = "rows are dicts, not tables"
SOLVER = "it solves a problem for each row, unless transform_algorithm='threshold'"
REFUSED: dict[str, str] = {kind.__name__: reason for kind, reason in REASONS.items()} | {
    "DictVectorizer": DICTS,
    "DictionaryLearning": SOLVER,
    "FeatureHasher": DICTS,
    "LabelBinarizer": NO_ROWS,
    "LabelEncoder": NO_ROWS,
    "MiniBatchDictionaryLearning": SOLVER,
    "SparseCoder": SOLVER,
}
"""What cannot be exported, and why; everything else must be."""


@dataclass(frozen=True)
class Case:
    """One estimator, and the rows it is fitted on."""

    name: str
    kind: type
    rows: Callable[[], Rows]

    @property
    def has_floats(self) -> bool:
        """Whether its rows are numbers that can have more digits than float32 holds."""
        X = self.rows().X
        return isinstance(X, np.ndarray) and X.dtype.kind == "f" and bool((X % 1 > 0).any())

    @property
    def keeps_digits(self) -> bool:
        """Whether its file takes float64 where the rows need it: whatever transforms them."""
        return issubclass(self.kind, TransformerMixin) or self.name == "Pipeline"

    def fitted(self, digits: int = 24) -> tuple[Any, Rows]:
        """Return it fitted, with its rows; of 24 binary digits, as in float32, or 53."""
        return _fitted(self, digits)


@cache
def _fitted(case: Case, digits: int) -> tuple[Any, Rows]:
    data, model = case.rows(), _made(case.kind)
    if digits > 24:
        data = Rows(data.X * FINE, data.y, data.new * FINE)
    if case.name == "FrozenEstimator":
        model.estimator.fit(data.X, data.y)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # a fit of few steps does for what is compared
        arguments = (data.X,) if data.y is None else (data.X, data.y)
        return model.fit(*arguments), data


def _made(kind: type) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of those that scikit-learn will drop
        return kind(**_arguments(kind))


def _arguments(kind: type) -> dict[str, Any]:
    given = ARGUMENTS.get(kind.__name__, {})
    known = kind._get_param_names()
    return {name: value for name, value in SMALL.items() if name in known} | given


def _rows(kind: type) -> Callable[[], Rows]:
    if kind.__name__ in ON:
        return ON[kind.__name__]
    model = _made(kind)
    if is_classifier(model):
        return rows.classes
    if is_regressor(model):
        return rows.regression
    needs = kind.__name__.startswith(("Select", "Generic", "Sequential", "RFE"))
    return rows.classes if needs else rows.plain


def answers_new_rows(kind: type) -> bool:
    """Say whether there is anything to export."""
    model = _made(kind)
    return any(hasattr(kind, name) or hasattr(model, name) for name in ("predict", "transform"))


def _kinds() -> dict[str, type]:
    from sklearn.experimental import (  # noqa: F401
        enable_halving_search_cv,
        enable_iterative_imputer,
    )

    return dict(all_estimators())


KINDS = _kinds()
CASES = {
    name: Case(name, kind, _rows(kind)) for name, kind in KINDS.items() if answers_new_rows(kind)
}
NOTHING = tuple(name for name in KINDS if name not in CASES)
"""Estimators that say nothing of new rows: neither predict nor transform."""
