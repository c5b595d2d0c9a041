"""Types beyond skops' own list that parts of scikit-learn may hold: a constant of the code.

They are plain data and pure functions of scikit-learn, NumPy and SciPy, and are never read from a
file. What a crafted file could do with trees and random states is looked for in `audit`.
"""

from __future__ import annotations

from unifml.columns import Dates, Texts, Words
from unifml.tasks.insight.cost import mean_cost
from unifml.tasks.insight.threshold import TunedThreshold
from unifml.tasks.persist.vocabulary import ESTIMATORS, full_name, keys
from unifml.tasks.preprocess.decision import Decision, Preprocessor

_NAMES = {
    "builtins": "range",
    "numpy": "dtype mean median max min sum",
    "numpy.ma": "MaskedArray",
    "scipy._lib.array_api_compat.numpy._aliases": "asarray",
    "scipy.interpolate._bsplines": "BSpline",
    "scipy.sparse._csr": "csr_matrix csr_array",
    "scipy.sparse._csc": "csc_matrix csc_array",
    "sklearn._loss.loss": "HalfTweedieLossIdentity HalfTweedieLoss",
    "sklearn.calibration": "_CalibratedClassifier _SigmoidCalibration _TemperatureScaling",
    "sklearn.cluster._bisect_k_means": "_BisectingTree",
    "sklearn.cluster._kmeans": "_kmeans_single_lloyd _kmeans_single_elkan",
    "sklearn.compose._column_transformer": "make_column_selector _RemainderColsList",
    "sklearn.ensemble._hist_gradient_boosting.predictor": "TreePredictor",
    "sklearn.feature_selection._univariate_selection": "f_classif f_oneway f_regression chi2 "
    "r_regression",
    "sklearn.feature_selection._mutual_info": "mutual_info_classif mutual_info_regression",
    "sklearn.gaussian_process._gpc": "_BinaryGaussianProcessClassifierLaplace",
    "sklearn.gaussian_process.kernels": "CompoundKernel ConstantKernel DotProduct Exponentiation "
    "ExpSineSquared Hyperparameter Matern PairwiseKernel Product RBF RationalQuadratic Sum "
    "WhiteKernel",
    "sklearn.metrics._classification": "accuracy_score average_precision_score "
    "balanced_accuracy_score brier_score_loss f1_score jaccard_score log_loss matthews_corrcoef "
    "precision_score recall_score",
    "sklearn.metrics._dist_metrics": "EuclideanDistance64 EuclideanDistance32 "
    "ManhattanDistance64 ManhattanDistance32 ChebyshevDistance64 ChebyshevDistance32 "
    "MinkowskiDistance64 MinkowskiDistance32 HaversineDistance64 HaversineDistance32",
    "sklearn.metrics._ranking": "roc_auc_score top_k_accuracy_score average_precision_score",
    "sklearn.metrics._regression": "d2_absolute_error_score explained_variance_score max_error "
    "mean_absolute_error mean_absolute_percentage_error mean_gamma_deviance "
    "mean_poisson_deviance mean_squared_error mean_squared_log_error median_absolute_error "
    "r2_score root_mean_squared_error root_mean_squared_log_error",
    "sklearn.metrics._scorer": "_CurveScorer _MultimetricScorer _PassthroughScorer _Scorer",
    "sklearn.model_selection._split": "GroupKFold GroupShuffleSplit KFold LeaveOneGroupOut "
    "LeaveOneOut LeavePGroupsOut LeavePOut PredefinedSplit RepeatedKFold RepeatedStratifiedKFold "
    "ShuffleSplit StratifiedGroupKFold StratifiedKFold StratifiedShuffleSplit TimeSeriesSplit "
    "_CVIterableWrapper",
    "sklearn.multiclass": "_ConstantPredictor",
    "sklearn.neighbors._ball_tree": "BallTree BallTree64 BallTree32",
    "sklearn.neighbors._kd_tree": "KDTree KDTree64 KDTree32",
    "sklearn.neural_network._stochastic_optimizers": "AdamOptimizer SGDOptimizer",
    "sklearn.tree._tree": "Tree",
    "sklearn.utils._bunch": "Bunch",
    "sklearn.utils._metadata_requests": "MetadataRequest MethodMetadataRequest",
}


def trusted_names() -> frozenset[str]:
    """Return the full names of all types that are trusted beside skops' own."""
    theirs = {f"{room}.{name}" for room, names in _NAMES.items() for name in names.split()}
    ours = {*ESTIMATORS.values(), *keys(), Dates, Texts, Words, Decision, Preprocessor}
    more = {full_name(mean_cost)}
    return frozenset(theirs | more | {full_name(cls) for cls in ours | {TunedThreshold}})
