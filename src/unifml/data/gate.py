"""Features: whatever table a user has becomes a contiguous array, or a clear error."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_consistent_length, validate_data

from unifml.data.strange import as_numbers, check_size, is_missing, is_number, refuse_container
from unifml.errors import DataError


def training_rows(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    min_samples: int = 2,
    allow_nd: bool = False,
    reset: bool = True,
) -> npt.NDArray[Any]:
    """Check X (and that y is there and as long); writes the feature names to `estimator`.

    Parameters
    ----------
    estimator : object
        Receives ``n_features_in_`` and ``feature_names_in_``, as scikit-learn has it. Pass a
        scratch copy, so that a fit that fails leaves the estimator as it was.
    X : table of shape (n, features)
        NumPy, list, pandas, polars, Arrow, or anything that turns into an array.
    y : array-like
        Targets, checked elsewhere.
    min_samples : int
        Fewest rows.
    allow_nd : bool
        Rows may have more than one dimension (native networks).
    reset : bool
        Whether this sets the names and the number of features, or must agree with them.

    Returns
    -------
    array of shape (n, ...)
        C-contiguous; float32 stays, everything else is float64.
    """
    if y is None:
        raise DataError(
            f"fitting {type(estimator).__name__}",
            found="y is None",
            rule="requires y to be passed, but the target y is None",
        )
    values = check_features(estimator, X, reset=reset, min_samples=min_samples, allow_nd=allow_nd)
    check_consistent_length(values, y)
    return values


def has_validation(X_val: Any, y_val: Any, sample_weight_val: Any) -> bool:
    """Say whether there are rows to validate on; refuse targets or weights without rows."""
    if X_val is None and (y_val is not None or sample_weight_val is not None):
        name = "sample_weight_val" if y_val is None else "y_val"
        raise DataError(f"{name} without X_val", rule="rows to validate on need X_val and y_val")
    return X_val is not None


def check_features(
    estimator: Any, X: Any, *, reset: bool = False, min_samples: int = 1, allow_nd: bool = False
) -> npt.NDArray[Any]:
    """Return X as a contiguous array of floats; names and widths must agree unless `reset`."""
    values = validate_data(
        estimator,
        _plain(X),
        reset=reset,
        dtype=(np.float64, np.float32),
        order="C",
        allow_nd=allow_nd,
        ensure_min_samples=min_samples,
    )
    check_size(values, "X")
    return values  # type: ignore[no-any-return]


def _plain(X: Any) -> Any:
    """Refuse what scikit-learn would stumble over; Arrow tables become something that it reads."""
    refuse_container(X, "X")
    names = list(X.columns) if hasattr(type(X), "iloc") and hasattr(X, "columns") else []
    if len(set(map(str, names))) < len(names):
        twice = sorted({str(name) for name in names if names.count(name) > 1})
        raise DataError(
            f"columns {twice[:5] or names[:5]} of X",
            found="several columns of one name",
            rule="names of columns must be unique",
        )
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    if not isinstance(frame, nw.DataFrame):
        return X if hasattr(X, "iloc") or hasattr(X, "to_arrow") else as_numbers(X, "X")
    _check_columns(frame)
    if frame.implementation.is_pyarrow():
        return frame.to_pandas() if _has_pandas() else frame.to_numpy()
    return X


def _check_columns(frame: nw.DataFrame[Any]) -> None:
    strange = [name for name, dtype in frame.schema.items() if not _fits(frame, name, dtype)]
    if strange:
        raise DataError(
            f"columns {strange[:5]} of X",
            found="text, dates or other objects",
            rule="numbers are needed",
            fix="encode them first: make_pipeline(make_column_transformer("
            f"(OneHotEncoder(), {strange[:2]}), remainder='passthrough'), estimator)",
        )


def _fits(frame: nw.DataFrame[Any], name: str, dtype: Any) -> bool:
    """Whether a column is one of numbers."""
    if dtype.is_numeric() or dtype == nw.Boolean:
        return True
    if dtype in (nw.Categorical, nw.Enum):
        categories = frame[name].cat.get_categories().dtype
        return bool(categories.is_numeric() or categories == nw.Boolean)
    if dtype not in (nw.Object, nw.Unknown):
        return False
    values = np.asarray(frame[name].to_native())
    if values.dtype.kind == "O" and any(map(is_missing, values)):
        raise DataError(
            f"Input X contains NaN: column {name!r}",
            rule="missing values must be filled first",
            fix="for example with sklearn.impute.SimpleImputer",
        )
    return values.dtype.kind != "O" or all(map(is_number, values))


def _has_pandas() -> bool:
    from importlib.util import find_spec

    return find_spec("pandas") is not None
