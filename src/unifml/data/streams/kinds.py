"""Which objects are rows that come in another way than one array."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Any, NamedTuple

from unifml.data.streams.batch import Batch
from unifml.data.streams.batches import Around, Batches, gathered, kept, nothing_around
from unifml.data.streams.datasets import dataset_batches, read_dataset
from unifml.data.streams.lazy import is_lazy, pieces
from unifml.data.streams.memmaps import is_large, lazy_memmap
from unifml.data.tensors import from_tensor
from unifml.errors import DataError

# What is walked in batches: the module and class, and how a new pass over it is begun.
_WALKED: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
    ("torch.utils.data", "DataLoader", iter),
    ("tensorflow", "data.Dataset", lambda dataset: dataset.as_numpy_iterator()),
    ("keras", "utils.PyDataset", lambda dataset: (dataset[i] for i in range(len(dataset)))),
)
_INDEXED = (("torch.utils.data", "Dataset"), ("datasets", "Dataset"))


class Opened(NamedTuple):
    """Rows that can be cut and ordered as arrays are: `LazyRows`, or arrays; and what is theirs."""

    X: Any
    y: Any = None
    weight: Any = None


def open_stream(X: Any, y: Any = None, sample_weight: Any = None) -> Batches | Opened | None:
    """Recognise rows that come in another way than one array, without importing anything.

    Parameters
    ----------
    X : object
        What a user passed as X: a large ``numpy.memmap`` (or a dict with one), a map-style dataset
        of torch or Hugging Face, a ``DataLoader``, ``tf.data.Dataset`` or ``PyDataset``, an
        iterator of batches, or a function that returns one.
    y, sample_weight : object
        What was passed with it. Streams and datasets bring their own.

    Returns
    -------
    Batches
        For what is walked, batch by batch, in an order of its own.
    Opened
        For what is indexed: it goes on through the ordinary doors.
    None
        For everything else.

    Raises
    ------
    DataError
        For targets beside a stream that brings its own, and for what could not be walked twice.
    """
    opened = _indexed(X, y, sample_weight)
    if opened is not None:
        return opened
    found = _walked(X)
    if found is not None:
        _refuse_targets(found.name, y, sample_weight)
        return found
    if y is not None or sample_weight is not None:
        return None  # the gate has words for it
    if callable(X) and not isinstance(X, type) and not hasattr(X, "__array__") and not _rows(X):
        return Batches(X, getattr(X, "__name__", type(X).__name__))
    if isinstance(X, Iterator):
        return kept(X, type(X).__name__)
    if _is_iterable_only(X):
        return Batches(lambda: iter(X), type(X).__name__)
    return None


def open_to_predict(X: Any) -> Iterator[Batch] | None:
    """Return the batches of what is predicted or scored piece by piece; None for other rows.

    What has no batches of its own comes in order, a bounded number of rows at once; targets come
    with the batches that bring some.
    """
    if is_lazy(X):
        return map(Batch, pieces(X))
    if isinstance(X, Iterator):
        return Batches(lambda: X, type(X).__name__).walk()
    found = _walked(X)
    if found is not None:
        return found.walk()
    if _is_dataset(X):
        return dataset_batches(X)
    opened = open_stream(X)
    if isinstance(opened, Batches):
        return opened.walk()
    if opened is None:
        return None
    return map(Batch, pieces(opened.X)) if is_lazy(opened.X) else iter([Batch(*opened)])


def to_validate(
    X: Any, y: Any = None, sample_weight: Any = None, around: Around = nothing_around
) -> tuple[Any, Any, Any]:
    """Return rows to validate on: a stream is walked once, and kept in memory."""
    opened = None if X is None else open_stream(X, y, sample_weight)
    if opened is None:
        return X, y, sample_weight
    found = gathered(opened.within(around)) if isinstance(opened, Batches) else opened
    return found[0], found[1], found[2]


def _walked(X: Any) -> Batches | None:
    if isinstance(X, Batches):
        return X
    for module, name, begin in _WALKED:
        if _is_a(X, module, name):
            return Batches(partial(begin, X), type(X).__name__)
    if _is_a(X, "torch.utils.data", "IterableDataset"):
        raise DataError(
            f"a {type(X).__name__} as X",
            found="it yields single rows",
            rule="a stream yields batches",
            fix="torch.utils.data.DataLoader(dataset, batch_size=256)",
        )
    return None


def _indexed(X: Any, y: Any, sample_weight: Any) -> Opened | None:
    if _is_a(X, "torch.utils.data", "TensorDataset"):
        parts = tuple(from_tensor(tensor) for tensor in X.tensors)
        _refuse_targets(type(X).__name__, y if len(parts) > 1 else None, sample_weight)
        return Opened(*parts) if len(parts) > 1 else Opened(parts[0], y, sample_weight)
    if _is_dataset(X):
        return Opened(*read_dataset(X, y, sample_weight))
    if is_large(X):
        return Opened(lazy_memmap(X), y, sample_weight)
    if isinstance(X, Mapping) and any(is_large(part) for part in X.values()):
        named = {k: lazy_memmap(v, k) if is_large(v) else v for k, v in X.items()}
        return Opened(named, y, sample_weight)
    return None


def _is_dataset(X: Any) -> bool:
    return any(_is_a(X, *kind) for kind in _INDEXED) and hasattr(type(X), "__len__")


def _refuse_targets(name: str, y: Any, sample_weight: Any) -> None:
    for given, value in (("y", y), ("sample_weight", sample_weight)):
        if value is not None:
            raise DataError(
                f"{given} beside a {name}",
                rule=f"a {name} brings its own targets and weights: (X, y) or (X, y, weight)",
                fix=f"leave {given} out",
            )


def _is_a(X: Any, module: str, name: str) -> bool:
    """Whether X is of a class of a module that somebody has loaded."""
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return isinstance(found, type) and isinstance(X, found)


def _rows(X: Any) -> bool:
    return hasattr(X, "shape") or hasattr(X, "__len__")


def _is_iterable_only(X: Any) -> bool:
    """Whether X can be walked, any number of times, and nothing else."""
    if isinstance(X, Mapping | AbstractSet | str | bytes) or not hasattr(type(X), "__iter__"):
        return False
    marks = ("__getitem__", "__array__", "__dlpack__", "__arrow_c_stream__", "__dataframe__")
    return not any(hasattr(type(X), mark) for mark in (*marks, "toarray", "collect"))
