"""An open ONNX file: its session, its schema, its parameters; safe to share and to pickle."""

from __future__ import annotations

from functools import cached_property
from threading import RLock
from typing import Any, Self

from unifml.errors import UnknownNameError
from unifml.runtime.opening import Limits
from unifml.runtime.schema import Schema
from unifml.runtime.session import check_graph, metadata_of, open_session
from unifml.runtime.tags import tags_of

_OPENING = RLock()  # a file is opened once, by whichever thread asks first


class OnnxFile:
    """What every estimator made of a file has, whatever the file answers.

    Parameters
    ----------
    path : str
        The file; it is opened when it is first asked.
    device : str or None
        ``"cpu"`` (the default), ``"cuda"``, ``"cuda:1"`` or ``"auto"``.
    threads : int or None
        Threads that compute one call; None leaves it to onnxruntime.
    """

    _limits = Limits()
    _content: bytes | None = None

    def __init__(self, path: str, device: str | None = None, threads: int | None = None) -> None:
        self.path = path
        self.device = device
        self.threads = threads

    @property
    def session(self) -> Any:
        """The ``onnxruntime.InferenceSession``."""
        return self._opened[0]

    @property
    def schema(self) -> Schema:
        """Inputs, outputs and classes."""
        return self._opened[1]

    @cached_property
    def metadata(self) -> dict[str, str]:
        """What the file says of itself: versions, schema, proof."""
        return metadata_of(self.session, self.path)

    @cached_property
    def _opened(self) -> tuple[Any, Schema]:
        with _OPENING:
            if "_opened" in self.__dict__:  # another thread was first
                return self.__dict__["_opened"]  # type: ignore[no-any-return]
            source = self.path if self._content is None else self._content
            session = open_session(source, self.device, self.path, self.threads, self._limits)
            schema = Schema.of(metadata_of(session, self.path), self.path)
            check_graph(session, schema, self.path)
            self.__dict__["_opened"] = session, schema
            return session, schema

    @classmethod
    def from_bytes(
        cls, content: bytes, device: str | None = None, threads: int | None = None
    ) -> Self:
        """Open the contents of a file without a file."""
        estimator = cls("<bytes>", device, threads)
        estimator._content = content
        _ = estimator.session
        return estimator

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Return the estimator as it is: a file is fitted already."""
        return self

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return ``path``, ``device`` and ``threads``."""
        return {"path": self.path, "device": self.device, "threads": self.threads}

    def set_params(self, **params: Any) -> Self:
        """Change a parameter; the file is opened anew when it is next asked."""
        for name in params:
            if name not in self.get_params():
                raise UnknownNameError.among("parameter of OnnxEstimator", name, self.get_params())
        content = None if "path" in params else self._content
        self.__dict__ = {**self.__getstate__(), "_content": content, **params}
        return self

    def __getstate__(self) -> dict[str, Any]:
        return self.get_params() | {"_limits": self._limits, "_content": self._content}

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_clone__(self) -> Self:
        return self

    def __sklearn_tags__(self) -> Any:
        return tags_of(self.schema)

    def __repr__(self) -> str:
        device = "" if self.device is None else f", device={self.device!r}"
        return f"OnnxEstimator({self.path!r}{device})"
