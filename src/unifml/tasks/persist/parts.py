"""Parts of scikit-learn and its kin, through skops: no pickle, and only types that are trusted."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable
from typing import Any

from unifml.core.aside import Aside, putting
from unifml.errors import CapabilityError, FileFormatError, UnifmlError, UntrustedTypeError
from unifml.tasks.persist.audit import check_content, functions
from unifml.tasks.persist.trusted import trusted_names


def dump_part(value: Any, taker: Aside) -> bytes:
    """Write an object; estimators of unifml inside it go to `taker`.

    Raises
    ------
    CapabilityError
        For what skops cannot write, and for functions without a name to find them by.
    """
    import skops.io

    try:
        with putting(taker):
            content: bytes = skops.io.dumps(value)
    except UnifmlError:
        raise
    except Exception as error:
        raise CapabilityError(
            f"saving {type(value).__name__}",
            found=f"{type(error).__name__}, {error!s:.300}",
            rule="parts of scikit-learn and its kin are written by skops, without pickle",
            fix="leave that part out of what is saved",
        ) from error
    nameless = sorted(name for name in functions(_schema(content)) if "<" in name)
    if nameless:
        raise CapabilityError(
            f"saving {type(value).__name__}",
            found=f"it holds the function {nameless[0]}",
            rule="a function is found again by its name in a module",
            fix="use def at the top of a module instead of a lambda or an inner function",
        )
    return content


def load_part(content: bytes, trusted: Iterable[str], taker: Aside) -> Any:
    """Read what `dump_part` wrote.

    Raises
    ------
    FileFormatError
        For content that no part has, and for types that are not trusted (see `require_trust`).
    """
    import skops.io

    try:
        check_content(content)
        with putting(taker):
            return skops.io.loads(content, trusted=sorted(trusted_names() | set(trusted)))
    except UnifmlError:
        raise
    except ImportError as error:
        raise FileFormatError(
            "reading a part of a library", found=str(error), fix="install that package"
        ) from error
    except Exception as error:
        raise _unreadable(error) from error


def require_trust(parts: Iterable[bytes], trusted: Iterable[str]) -> None:
    """Look at the types of all parts before any of them is constructed.

    Raises
    ------
    UntrustedTypeError
        For types that are neither on the list of unifml nor in `trusted`.
    FileFormatError
        For content that no part has.
    """
    import skops.io

    found: set[str] = set()
    for content in parts:
        try:
            found |= set(skops.io.get_untrusted_types(data=content))
        except Exception as error:
            raise _unreadable(error) from error
    unknown = sorted(found - trusted_names() - set(trusted))
    if unknown:
        raise _untrusted(unknown)


def _untrusted(unknown: list[str]) -> UntrustedTypeError:
    return UntrustedTypeError(
        f"the file holds types that unifml does not vouch for: {', '.join(unknown)}",
        rule="loading an object of a type runs code of that type",
        fix=f"if you trust the file and know these types: load(path, trusted={unknown!r})",
    )


def _unreadable(error: Exception) -> FileFormatError:
    return FileFormatError(
        "reading a part of scikit-learn",
        found=f"{type(error).__name__}, {error!s:.300}",
        rule="the versions of the libraries are in the file's manifest",
    )


def _schema(content: bytes) -> Any:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return json.loads(archive.read("schema.json"))
