"""`load`: a file becomes the estimator that it was."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from unifml.core.fitted import Fitted
from unifml.core.registry import get_adapter, missing_packages, require
from unifml.errors import FileFormatError, ParameterError, UnifmlError, UntrustedTypeError
from unifml.estimators.carry import carried
from unifml.estimators.parameters import Parameters
from unifml.estimators.resolve import resolve_device
from unifml.models import Native
from unifml.tasks.persist import golden
from unifml.tasks.persist.archive import Archive
from unifml.tasks.persist.arrays import Array, Json, from_tensor, load_tensors
from unifml.tasks.persist.manifest import read_manifest
from unifml.tasks.persist.packages import require_packages
from unifml.tasks.persist.parts import load_part, require_trust
from unifml.tasks.persist.save import PART
from unifml.tasks.persist.spec_json import decode
from unifml.tasks.persist.state import read_fitted, require_backend, unfitted_plan
from unifml.tasks.persist.vocabulary import ESTIMATORS, Trust

_ODD = (KeyError, TypeError, IndexError, AttributeError, RecursionError)


def load(
    path: str | Path,
    *,
    backend: str | None = None,
    model: Any = None,
    trusted: Iterable[str | type[Any]] = (),
    check: bool = False,
) -> Any:
    """Read an estimator from a file that `save` wrote.

    No code comes from the file: a key names a class of unifml, scikit-learn's types are held
    against a list, and everything else has to be given here. The checksums in the file find
    damage, not forgery.

    Parameters
    ----------
    path : str or Path
        The file.
    backend : str or None, default=None
        Take networks over to this backend, where that of the file is not installed or not wanted.
    model : class, function, native model, mapping or None, default=None
        The user's own network, of which the file holds the weights alone; by name, if there are
        several.
    trusted : iterable of str or type, default=()
        Further types that may be constructed, as full names or as classes: what the error that
        asks for them lists.
    check : bool, default=False
        Whether to compute the golden sample again: the file holds a few rows and what the model
        said of them when it was saved.

    Returns
    -------
    object
        The estimator, with the same parameters, predictions and memory for `partial_fit`.

    Raises
    ------
    FileFormatError
        For what is no file of unifml, damaged, of a newer version, or fails the check.
    UntrustedTypeError
        For types that are not trusted.
    MissingDependencyError
        If the backend of the file is not installed; the message says which could take it over.

    See Also
    --------
    unifml.save

    Examples
    --------
    >>> import unifml
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = unifml.save(unifml.Regressor("linear"), f"{folder}/new.unifml")
    ...     unifml.load(path)
    Regressor(model='linear', backend='sklearn')
    """
    require_packages("loading")
    if backend is not None:
        require(get_adapter(backend))
    with Archive(Path(path)) as archive:
        manifest = read_manifest(archive)
        reader = Reader(archive, manifest, Asked(backend, model, Trust.of(trusted), check))
        try:
            return reader.root()
        except UnifmlError:
            raise
        except _ODD as error:
            raise archive.broken(f"{error!r:.200}") from error


@dataclass(frozen=True)
class Asked:
    """The arguments of `load`."""

    backend: str | None
    model: Any
    trust: Trust
    check: bool


class Reader:
    """Reads one file; an estimator that several parts hold is read once."""

    def __init__(self, archive: Archive, manifest: Mapping[str, Json], asked: Asked) -> None:
        self.trust = asked.trust
        self._archive, self._manifest, self._asked = archive, manifest, asked
        self._tensors: dict[str, dict[str, Array]] = {}
        self._read: dict[int, Any] = {}
        self._checked = 0
        self._refuse_needless()

    def root(self) -> Any:
        """Return the estimator that was saved."""
        parts = [name for name in self._archive.names if name.endswith(".skops")]
        self.trust.require(_types_of_users(self._manifest))
        require_trust(map(self.file, parts), self.trust.names)
        found = decode(self._manifest["root"], self)
        if self._asked.check and not self._checked:
            warnings.warn("the file holds no golden sample to check", stacklevel=3)
        return found

    # What values stand for ----------------------------------------------------------------------

    def tensor(self, data: Mapping[str, Json]) -> Array:
        return from_tensor(self._held(data["file"])[data["name"]], data)

    def weights(self, data: Json) -> dict[str, Array]:
        """Return stored weights, as they lay in memory."""
        turned = set(data["fortran"])
        return {
            name: np.array(value, order="F" if name in turned else "C")
            for name, value in self._held(data["file"]).items()
        }

    def file(self, name: object) -> bytes:
        """Return a stored file."""
        return self._archive.read(name)

    def special(self, data: Mapping[str, Json]) -> Any:
        match data:
            case {"!": "estimator", "part": number}:
                return self._part(number)
            case {"!": "skops", "file": name}:
                return load_part(self.file(name), self.trust.names, self)
            case {"!": "given", "name": name}:
                return self._given(name)
            case {"!": "archive", "backend": backend, "file": name}:
                return self._archived(backend, name)
        raise UntrustedTypeError(
            f"the file holds a {data.get('!')!r:.80}",
            rule="its words are those of models and layers that are registered here",
            fix="install the package that brings it, or update unifml",
        )

    # Estimators of unifml -----------------------------------------------------------------------

    def put(self, estimator: Any) -> dict[str, Any]:
        raise FileFormatError("reading", found="an estimator that is being written")

    def take(self, estimator: Any, state: Mapping[str, Any]) -> None:
        """Fill an estimator that skops has made (see `unifml.core.aside.Aside`)."""
        number = state.get(PART)
        if number in self._read:
            estimator.__dict__.update(vars(self._read[number]))
            return
        self._part(number, estimator)

    def _part(self, number: Any, estimator: Any = None) -> Any:
        if number in self._read:
            return self._read[number]
        parts = self._manifest["parts"]
        if type(number) is not int or not 0 <= number < len(parts):
            raise self._archive.broken(f"it has no part {number!r:.40}")
        data = parts[number]
        cls = ESTIMATORS.get(data["class"]) or self.trust.find(data["class"])
        if not issubclass(cls, Parameters):
            raise UntrustedTypeError(f"{data['class']!r}", found="it is no estimator of unifml")
        if estimator is not None and type(estimator) is not cls:
            raise self._archive.broken(f"part {number} is no {type(estimator).__name__}")
        made = cls.__new__(cls) if estimator is None else estimator
        self._read[number] = made
        self._fill(made, data)
        return made

    def _fill(self, made: Any, data: Mapping[str, Json]) -> None:
        known = type(made)._get_param_names()
        params = {name: decode(value, self) for name, value in data["params"].items()}
        strange = sorted({*params} - {*known})
        if strange:
            raise self._archive.broken(f"{data['class']} has no parameter {', '.join(strange)}")
        type(made).__init__(made, **params)
        for name, value in data["attributes"].items():
            if hasattr(type(made), name) and not isinstance(getattr(type(made), name), dict):
                raise self._archive.broken(f"{data['class']}.{name} is no attribute of a fit")
            setattr(made, name, decode(value, self))
        if "fitted" in data:
            made._fitted = read_fitted(data["fitted"], made.model, self)
            self._settle(made)
            if self._asked.check:
                self._checked += golden.check(made._fitted, decode(data["golden"], self))

    def _settle(self, made: Any) -> None:
        """Put a fitted state where it is to compute: on another backend, or on a device here."""
        fitted, backend = made._fitted, self._asked.backend
        if backend is None or backend == fitted.backend or self._stays(fitted):
            require_backend(fitted)
            device = _device(fitted.adapter, fitted.plan.device, made.device)
            fitted.plan = replace(fitted.plan, device=device)
        else:
            vars(made).update(vars(carried(made, backend)))

    def _stays(self, fitted: Fitted) -> bool:
        """Say whether it is an estimator of a library, as one part of several."""
        native = isinstance(fitted.plan.model, Native) and fitted.adapter.capabilities.untouched
        return native and len(self._manifest["parts"]) > 1

    # What the user gives back -------------------------------------------------------------------

    def _given(self, name: object) -> Any:
        model = self._asked.model
        found = model.get(name) if isinstance(model, Mapping) else model
        if found is None or (not isinstance(model, Mapping) and len(self._givens()) > 1):
            raise _give(self._givens())
        return found

    def _givens(self) -> list[str]:
        return list(map(str, self._manifest["given"]))

    def _refuse_needless(self) -> None:
        if self._asked.model is not None and not self._givens():
            raise ParameterError(
                "model=...", found="the file needs no model of yours", fix="leave model out"
            )

    def _archived(self, backend: Any, name: object) -> Any:
        adapter = require(get_adapter(backend))
        plan = unfitted_plan(None, adapter.devices()[-1])
        return adapter.load({"archive": self.file(name)}, plan)

    def _held(self, file: object) -> dict[str, Array]:
        if not isinstance(file, str) or file not in self._tensors:
            self._tensors[str(file)] = load_tensors(self.file(file), str(file))
        return self._tensors[str(file)]


def _types_of_users(manifest: Mapping[str, Json]) -> set[str]:
    """Return the names of all classes in the JSON that are no word of the vocabulary."""
    found = {part["class"] for part in manifest["parts"]} - {*ESTIMATORS}
    below: list[Json] = [manifest["parts"], manifest["root"]]
    while below:
        value = below.pop()
        if isinstance(value, dict):
            found |= {value["type"]} if value.get("!") == "object" else set()
            below += value.values()
        elif isinstance(value, list):
            below += value
    return found


def _device(adapter: Any, saved: str, asked: str | None) -> str:
    """Return the device to compute on: the one of the fit if it is here, else as resolved anew."""
    here = adapter.devices() if not missing_packages(adapter) else ("cpu",)
    if saved in here:
        return saved
    wanted = [name for name in here if asked in (name, name.split(":")[0])]
    if asked in (None, "auto") or wanted:
        return resolve_device(adapter, asked)
    warnings.warn(
        f"device {asked!r} is not here: the loaded model computes on {here[0]!r}", stacklevel=2
    )
    return str(here[0])


def _give(names: list[str]) -> ParameterError:
    several = ", ".join(f'"{name}": {name}' for name in names)
    given = names[0] if len(names) == 1 else f"{{{several}}}"
    return ParameterError(
        f"the file holds the weights of {', '.join(names)} and no code",
        rule="a network of your own is given back when it is loaded",
        fix=f"import it and write load(path, model={given})",
    )
