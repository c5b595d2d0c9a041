"""Looks into a skops part for what a crafted file could do with trusted types.

A tree whose children point outside it, or a random state whose position does, is read without
bounds in compiled code: such content is refused before anything is constructed.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from unifml.errors import FileFormatError

Node = dict[str, Any]
_STATE_WORDS = 624  # of the Mersenne twister


def check_content(content: bytes) -> None:
    """Hold the content of a part against what the compiled code of its types assumes.

    Raises
    ------
    FileFormatError
        For content that would be read outside its bounds.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        infos = archive.infolist()
        if any(i.compress_type != zipfile.ZIP_STORED or i.file_size > len(content) for i in infos):
            raise _refused("its entries are compressed or larger than the part")
        if len({info.filename for info in infos}) != len(infos):
            raise _refused("two entries have one name")
        for node in nodes(json.loads(archive.read("schema.json"))):
            check = _CHECKS.get(str(node.get("__class__")))
            if check is not None and "content" in node:
                check(node, archive)


def nodes(schema: Any) -> Iterator[Node]:
    """Yield every node of a skops schema."""
    below = [schema]
    while below:
        value = below.pop()
        if isinstance(value, dict):
            if "__loader__" in value:
                yield value
            below += value.values()
        elif isinstance(value, list):
            below += value


def functions(schema: Any) -> Iterator[str]:
    """Yield the full names of all functions in a skops schema."""
    for node in nodes(schema):
        if node["__loader__"] in ("FunctionNode", "TypeNode"):
            yield f"{node['__module__']}.{node['__class__']}"


def _tree(node: Node, archive: zipfile.ZipFile) -> None:
    rows = _array(node["content"]["content"]["nodes"], archive)
    names = rows.dtype.names or ()
    if {"left_child", "right_child", "feature"} <= set(names):
        leaf = rows["left_child"] == -1
        children, feature = (rows["left_child"], rows["right_child"]), rows["feature"]
    elif {"left", "right", "feature_idx", "is_leaf"} <= set(names):
        leaf = rows["is_leaf"].astype(bool)
        children, feature = (rows["left"], rows["right"]), rows["feature_idx"]
    else:
        raise _refused("a tree has no nodes")
    place = np.arange(len(rows))
    for child in children:  # behind their parents, so that no path is endless
        inside = (child.astype(np.int64) > place) & (child.astype(np.int64) < len(rows))
        if not np.all(inside | leaf):
            raise _refused("a tree has children outside itself")
    if not np.all((feature >= 0) | leaf):
        raise _refused("a tree asks for a column below 0")
    width = _features(node)
    if width is not None and not np.all((feature < width) | leaf):
        raise _refused("a tree asks for columns that there are not")


def _features(node: Node) -> int | None:
    """Return the number of columns of a decision tree; the others have none of their own."""
    if "__reduce__" not in node:
        return None
    return int(json.loads(node["__reduce__"]["args"]["content"][0]["content"]))


def _random_state(node: Node, archive: zipfile.ZipFile) -> None:
    state = node["content"]["content"]
    name = json.loads(state["bit_generator"]["content"])
    inner = state["state"]["content"]
    key, position = _array(inner["key"], archive), json.loads(inner["pos"]["content"])
    fits = key.shape == (_STATE_WORDS,) and key.dtype == np.uint32
    if name != "MT19937" or not fits or not 0 <= int(position) <= _STATE_WORDS:
        raise _refused("a random state points outside itself")


def _array(node: Node, archive: zipfile.ZipFile) -> npt.NDArray[Any]:
    content = archive.read(node["file"])
    return np.load(io.BytesIO(content), allow_pickle=False)  # type: ignore[no-any-return]


def _refused(found: str) -> FileFormatError:
    return FileFormatError("reading a part of scikit-learn", found=found)


_CHECKS: dict[str, Callable[[Node, zipfile.ZipFile], None]] = {
    "Tree": _tree,
    "TreePredictor": _tree,
    "RandomState": _random_state,
}
