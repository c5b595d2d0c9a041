"""Features: whatever table a user has becomes a contiguous array, or a clear error."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_consistent_length, validate_data

from unifml.errors import DataError, DataTypeError

_LARGEST = float(np.sqrt(np.finfo(np.float64).max))


def training_rows(
    estimator: Any, X: Any, y: Any, *, min_samples: int = 2, allow_nd: bool = False, reset: bool = True
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
    values = check_features(
        estimator, X, reset=reset, min_samples=min_samples, allow_nd=allow_nd
    )
    check_consistent_length(values, y)
    return values


def check_features(
    estimator: Any, X: Any, *, reset: bool = False, min_samples: int = 1, allow_nd: bool = False
) -> npt.NDArray[Any]:
    """Return X as a contiguous array of floats; names and widths must agree unless `reset`."""
    _refuse(X)
    values = validate_data(
        estimator,
        _plain_frame(X),
        reset=reset,
        dtype=(np.float64, np.float32),
        order="C",
        allow_nd=allow_nd,
        ensure_min_samples=min_samples,
    )
    if values.size and np.abs(values).max() > _LARGEST:
        raise DataError(
            "values of X",
            found=f"{np.abs(values).max():.3g}, whose square is infinite",
            rule=f"abs(X) <= {_LARGEST:.3g}",
        )
    return values  # type: ignore[no-any-return]


def _refuse(X: Any) -> None:
    if isinstance(X, np.ma.MaskedArray):
        raise DataTypeError(
            "X is a masked array",
            rule="masks are not understood and would be dropped",
            fix="fill it, X.filled(np.nan), and impute",
        )
    kind = np.asarray(X).dtype.kind if isinstance(X, list | tuple) and _even(X) else ""
    kind = kind or getattr(getattr(X, "dtype", None), "kind", "")
    if kind in "USmM" and kind:
        raise DataError(
            "X holds text or dates" if kind in "US" else "X holds dates or durations",
            rule="numbers are needed",
            fix="encode them first, for example with sklearn.preprocessing.OneHotEncoder "
            "in a ColumnTransformer",
        )


def _even(rows: Any) -> bool:
    """Whether a list makes an array at all; uneven ones get scikit-learn's own words."""
    lengths = {len(row) if hasattr(row, "__len__") else -1 for row in rows}
    return len(lengths) <= 1


def _plain_frame(X: Any) -> Any:
    """Check the columns of a frame; Arrow tables become something scikit-learn reads."""
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    if not isinstance(frame, nw.DataFrame):
        return X
    strange = [
        name
        for name, dtype in frame.schema.items()
        if dtype.is_temporal() or dtype in (nw.String, nw.Binary)
    ]
    if strange:
        raise DataError(
            f"columns {strange[:5]} of X",
            found="text or dates",
            rule="numbers are needed",
            fix="encode them first: make_pipeline(make_column_transformer("
            f"(OneHotEncoder(), {strange[:2]}), remainder='passthrough'), estimator)",
        )
    if frame.implementation.is_pyarrow():
        return frame.to_pandas() if _has_pandas() else frame.to_numpy()
    return X


def _has_pandas() -> bool:
    from importlib.util import find_spec

    return find_spec("pandas") is not None
