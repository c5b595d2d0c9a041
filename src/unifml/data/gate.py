"""Features: whatever table a user has becomes a contiguous array, or a clear error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_array, check_consistent_length, validate_data

from unifml.core.inputs import by_name, is_lengths
from unifml.core.signature import ANY, LENGTHS, Feed, Feeds
from unifml.data.door import is_plain
from unifml.data.named import check_names, cut_frame
from unifml.data.sequences import is_ragged, padded, unequal
from unifml.data.strange import as_numbers, check_size, is_missing, is_number, refuse_container
from unifml.data.tensors import from_tensor
from unifml.errors import DataError


def training_rows(estimator: Any, X: Any, y: Any, **rules: Any) -> Any:
    """Check X, and that y is there and as long; see `check_inputs` for the rest.

    Parameters
    ----------
    estimator : object
        Receives ``n_features_in_`` and ``feature_names_in_``, as scikit-learn has it. Pass a
        scratch copy, so that a fit that fails leaves the estimator as it was.
    X : table, array, list of sequences, or dict of them
        The rows.
    y : array-like
        Targets, checked elsewhere.
    **rules
        As in `check_inputs`.

    Returns
    -------
    array of shape (n, ...), or dict of arrays
        C-contiguous; float32 stays, everything else is float64.
    """
    if y is None:
        raise DataError(
            f"fitting {type(estimator).__name__}",
            found="y is None",
            rule="requires y to be passed, but the target y is None",
        )
    values = check_inputs(estimator, X, **rules)
    first = next(iter(by_name(values).values()))
    check_consistent_length(first, y)
    return values


def check_inputs(
    estimator: Any,
    X: Any,
    *,
    reset: bool = False,
    min_samples: int = 1,
    axes: tuple[int, ...] | None = (1,),
    native: bool = False,
    cut: Any = None,
    known: Feeds | None = None,
) -> Any:
    """Return X as programs take it (see `unifml.core.inputs`).

    Parameters
    ----------
    estimator : object
        Receives, or has, names and number of features.
    X : table, array, list of sequences, or dict of them
        The rows.
    reset : bool
        Whether this sets the names and the number of features, or must agree with them.
    min_samples : int
        Fewest rows.
    axes : tuple of int or None
        Numbers of axes that a row may have; None: any.
    native : bool
        Whether a network of the user takes them, which rules on their shape by itself.
    cut : mapping or None
        How a frame is cut into named inputs (`unifml.data.named.cut_frame`).
    known : tuple of Feed or None
        The inputs that were fitted.

    Raises
    ------
    DataError, DataTypeError, ParameterError
        For what cannot be used, before any work.
    """
    if cut is None and not reset and min_samples <= 1 and is_plain(estimator, X, known):
        return X
    if any(hasattr(part, "read_later") for part in by_name(X).values()):
        from unifml.data.streams.gate import check_lazy  # it stands on this module

        rules = {"reset": reset, "min_samples": min_samples, "axes": axes, "native": native}
        return check_lazy(estimator, X, known=known, **rules)
    ragged = known is not None and any(feed.ragged for feed in known)
    X = X if cut is None else cut_frame(X, cut)
    if axes == (1,):
        return check_features(estimator, X, reset=reset, min_samples=min_samples)
    X = from_tensor(X)
    if isinstance(X, Mapping):
        _match_columns(estimator, X, reset)
        values: Any = _named(X, min_samples, known)
    elif ragged or (unequal(X) if known is not None or native else is_ragged(X)):
        values = _sequences(X, "X", min_samples)
    elif native or _axes(X) <= 2:
        values = check_features(estimator, X, reset=reset, min_samples=min_samples, allow_nd=native)
    else:
        values = check_block(X, "X", min_samples)
        if reset:
            estimator.n_features_in_ = values.shape[-1]
    feeds = feeds_of(values)
    if known is not None and not native:
        _require_same(feeds, known)
    _require_axes(feeds, axes)
    return values


def feeds_of(X: Any) -> Feeds:
    """Return the inputs that rows behind the gate have."""
    arrays = by_name(X)
    return tuple(
        Feed(name, (ANY, *values.shape[2:]) if f"{name}{LENGTHS}" in arrays else values.shape[1:])
        for name, values in arrays.items()
        if not is_lengths(name)
    )


def _axes(X: Any) -> int:
    """Return the number of axes; containers that only become arrays are asked to."""
    shape = getattr(X, "shape", None)
    return np.asarray(X).ndim if shape is None else len(shape)


def _match_columns(estimator: Any, X: Mapping[str, Any], reset: bool) -> None:
    """Remember the columns of frames among the inputs, or hold them against those of fit."""
    found = {
        name: [*map(str, part.columns)] for name, part in X.items() if hasattr(part, "columns")
    }
    if reset:
        estimator._input_columns = found
        return
    for name, wanted in getattr(estimator, "_input_columns", {}).items():
        if name in found and found[name] != wanted:
            raise DataError(
                f"columns of the input {name!r}",
                found=f"{found[name][:6]}",
                rule=f"fit had {wanted[:6]}, in this order",
            )


def _named(X: Mapping[str, Any], min_samples: int, known: Feeds | None) -> dict[str, Any]:
    check_names(X)
    ragged = {feed.name for feed in known or () if feed.ragged}
    values: dict[str, Any] = {}
    for name, part in X.items():
        if name in ragged or (unequal(part) if known is not None else is_ragged(part)):
            values |= _sequences(part, name, min_samples)
        else:
            values[name] = check_block(part, name, min_samples)
    check_consistent_length(*values.values())
    return values


def _sequences(X: Any, name: str, min_samples: int) -> dict[str, Any]:
    table, lengths = padded(X, name)
    return {name: check_block(table, name, min_samples), f"{name}{LENGTHS}": lengths}


def check_block(X: Any, name: str, min_samples: int = 1) -> npt.NDArray[Any]:
    """Return an array of any number of axes, of finite numbers; one axis becomes a column."""
    values = from_tensor(X)
    if not hasattr(type(values), "iloc"):
        values = as_numbers(values, name)
    values = check_array(
        values,
        dtype=(np.float64, np.float32),
        order="C",
        allow_nd=True,
        ensure_2d=False,
        ensure_min_samples=min_samples,
        input_name=name,
    )
    values = values[:, None] if values.ndim == 1 else values
    check_size(values, name)
    return values  # type: ignore[no-any-return]


def _require_same(found: Feeds, known: Feeds) -> None:
    names, wanted = [feed.name for feed in found], [feed.name for feed in known]
    if sorted(names) != sorted(wanted):
        raise DataError("inputs of these rows", found=f"{names}", rule=f"fit had {wanted}")
    shapes = {feed.name: feed.shape for feed in found}
    for feed in known:
        if shapes[feed.name] != feed.shape:
            raise DataError(
                f"rows of {feed.name}",
                found=f"shape {_shown(shapes[feed.name])}",
                rule=f"fit had rows of shape {_shown(feed.shape)}",
            )


def _require_axes(feeds: Feeds, axes: tuple[int, ...] | None) -> None:
    for feed in feeds if axes is not None else ():
        if len(feed.shape) not in (axes or ()):
            allowed = " or ".join(str(n + 1) for n in axes or ())
            raise DataError(
                f"{feed.name} of {len(feed.shape) + 1} dimensions",
                found=f"rows of shape {_shown(feed.shape)}",
                rule=f"this model takes {allowed}, the rows included",
            )


def _shown(shape: tuple[int, ...]) -> str:
    return "(" + ", ".join("any" if side == ANY else str(side) for side in shape) + ")"


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
        _plain(from_tensor(X)),
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
