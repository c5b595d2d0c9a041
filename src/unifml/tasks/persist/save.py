"""`save`: an estimator becomes one file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unifml.core.estimator import Estimator
from unifml.core.fitted import Fitted
from unifml.core.registry import owner
from unifml.errors import CapabilityError, DataTypeError
from unifml.tasks.persist import golden
from unifml.tasks.persist.archive import MANIFEST, inventory, write_archive
from unifml.tasks.persist.arrays import Array, Json, dump_tensors, is_fortran, tensor_json
from unifml.tasks.persist.manifest import write_manifest
from unifml.tasks.persist.packages import require_packages
from unifml.tasks.persist.parts import dump_part
from unifml.tasks.persist.spec_json import encode
from unifml.tasks.persist.state import unfitted_plan, write_fitted
from unifml.tasks.persist.vocabulary import ESTIMATORS, full_name
from unifml.tasks.tuning import Tuning

PART = "unifml_part"  # what stands in a skops part for an estimator of unifml


def save(estimator: Any, path: str | Path) -> Path:
    """Write an estimator to one file, without pickle.

    The file holds parameters, networks and training settings as JSON, weights as safetensors in
    their canonical layout, parts of scikit-learn through skops, and a few rows with their
    predictions. It is written whole or not at all: what was there before stays until then.

    Parameters
    ----------
    estimator : Estimator
        A `Classifier`, a `Regressor`, a Pipeline or another estimator of scikit-learn that may
        hold them, fitted or not. Of the result of `tune`, the best estimator is written.
    path : str or Path
        Where it goes; any name, usually ending in ``.unifml``. The folder must be there.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    CapabilityError
        For parts that no file can hold: lambdas, and objects that skops cannot write.
    DataTypeError
        For what is no estimator.
    FileNotFoundError
        If there is no such folder.

    See Also
    --------
    unifml.load

    Examples
    --------
    >>> import unifml
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = unifml.Classifier("linear", backend="sklearn").fit(X, y)
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     unifml.load(unifml.save(clf, f"{folder}/iris.unifml")).score(X, y) == clf.score(X, y)
    True
    """
    target = _target(path)
    require_packages("saving")
    estimator = _saved(estimator)
    writer = Writer()
    root = encode(estimator, writer.sheet(""))
    for sheet in writer.sheets:
        sheet.close()
    content = {
        "estimator": type(estimator).__name__,
        "root": root,
        "given": sorted(writer.givens),
        "parts": writer.parts,
        "files": inventory(writer.files),
    }
    write_archive(target, {MANIFEST: write_manifest(content)} | writer.files)
    return target


class Writer:
    """Gathers the files and parts of one save; estimators that others hold are parts too."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.parts: list[Json] = []
        self.givens: set[str] = set()
        self.sheets: list[_Sheet] = []
        self._seen: dict[int, tuple[int, Any]] = {}  # holds them, so that no id comes twice

    def sheet(self, folder: str) -> _Sheet:
        """Return a new sheet, whose files go to `folder`."""
        self.sheets.append(_Sheet(self, folder))
        return self.sheets[-1]

    def number(self, estimator: Any) -> int:
        """Write an estimator of unifml once, and return its number."""
        if id(estimator) not in self._seen:
            number = len(self.parts)
            self._seen[id(estimator)] = number, estimator
            self.parts.append(None)
            folder = f"parts/{number}/" if number else ""
            self.parts[number] = _estimator_json(estimator, self.sheet(folder))
        return self._seen[id(estimator)][0]

    def put(self, estimator: Any) -> dict[str, Any]:
        """Take an estimator out of what skops writes (see `unifml.core.aside.Aside`)."""
        return {PART: self.number(estimator)}

    def take(self, estimator: Any, state: Mapping[str, Any]) -> None:
        raise CapabilityError("reading while saving")

    def skops(self, value: Any) -> str:
        """Write a part of scikit-learn, and return the file's name."""
        content = dump_part(value, self)
        name = f"sk/{sum(file.startswith('sk/') for file in self.files)}.skops"
        self.files[name] = content
        return name


class _Sheet:
    """Where the values of one estimator go."""

    def __init__(self, writer: Writer, folder: str) -> None:
        self._writer, self._folder = writer, folder
        self._arrays: dict[str, Array] = {}
        self._weights: dict[str, Array] = {}

    def close(self) -> None:
        """Turn the arrays into files."""
        for name, held in (("weights", self._weights), ("arrays", self._arrays)):
            if held:
                self._writer.files[f"{self._folder}{name}.safetensors"] = dump_tensors(held)

    def tensor(self, array: Array) -> Json:
        name = f"a{len(self._arrays)}"
        self._arrays[name] = array
        return tensor_json(array, name) | {"file": f"{self._folder}arrays.safetensors"}

    def weights(self, weights: Mapping[str, Array]) -> Json:
        self._weights |= weights
        turned = sorted(name for name, value in weights.items() if is_fortran(value))
        return {"file": f"{self._folder}weights.safetensors", "fortran": turned}

    def estimator(self, estimator: Any) -> Json:
        return {"!": "estimator", "part": self._writer.number(estimator)}

    def given(self, value: Any) -> Json:
        inner = getattr(value, "func", value)  # of a partial
        name = getattr(inner, "__name__", type(inner).__name__)
        self._writer.givens.add(name)
        return {"!": "given", "name": name}

    def foreign(self, value: Any) -> Json:
        adapter = owner(value)
        if adapter is None or adapter.capabilities.untouched:
            return {"!": "skops", "file": self._writer.skops(value)}
        archive = _archive(adapter.dump(value, unfitted_plan(value)))
        if archive is None:
            return self.given(value)
        return {"!": "archive", "backend": adapter.name, "file": self._file(archive)}

    def native(self, fitted: Fitted) -> Json:
        adapter, model = fitted.adapter, fitted.model
        if adapter.capabilities.untouched:
            return {"!": "skops", "file": self._writer.skops(model)}
        archive = _archive(adapter.dump(model, fitted.plan))
        if archive is None:
            return {"weights": self.weights(adapter.get_weights(model, fitted.plan))}
        return {"archive": self._file(archive)}

    def _file(self, content: bytes) -> str:
        name = f"{self._folder}native/{len(self._writer.files)}.archive"
        self._writer.files[name] = content
        return name


def _archive(dumped: Any) -> bytes | None:
    """Return the framework's own archive of a model, if it has one that holds no code."""
    found = dumped.get("archive") if isinstance(dumped, Mapping) else None
    return found if isinstance(found, bytes) else None


def _estimator_json(estimator: Any, sheet: _Sheet) -> Json:
    cls, params = type(estimator), estimator.get_params(deep=False)
    known = ESTIMATORS.get(cls.__name__) is cls
    fitted: Fitted | None = vars(estimator).get("_fitted")
    rest = {k: v for k, v in vars(estimator).items() if k not in params and k != "_fitted"}
    found: dict[str, Json] = {
        "class": cls.__name__ if known else full_name(cls),
        "params": {name: encode(value, sheet) for name, value in params.items()},
        "attributes": {name: encode(value, sheet) for name, value in rest.items()},
    }
    if fitted is not None:
        found["fitted"] = write_fitted(fitted, estimator.model, sheet)
        found["golden"] = encode(golden.sample(fitted), sheet)
    return found


def _saved(estimator: Any) -> Any:
    """Return what is written of an estimator."""
    if isinstance(estimator, type | str) or not isinstance(estimator, Estimator):
        raise DataTypeError(
            f"save({estimator!r:.80})",
            rule="an estimator can be saved: it has fit and get_params",
            fix="put a network into a Classifier or Regressor first",
        )
    return estimator._best() if isinstance(estimator, Tuning) else estimator


def _target(path: str | Path) -> Path:
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"no such folder: {str(target.parent)!r}")
    if target.is_dir():
        raise IsADirectoryError(f"a folder, not a file: {str(target)!r}")
    return target
