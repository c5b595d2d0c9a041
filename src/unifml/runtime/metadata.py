"""The schema as it stands in a file: JSON that anybody may have written, read with care."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, get_args

from unifml.errors import DataError
from unifml.runtime.schema import ANY, OUTPUTS, PROBABILITIES, SCHEMA, Input, Kind, Schema, Task

_DTYPES = re.compile(r"bool|object|u?int(8|16|32|64)|float(16|32|64)|[<>=|]?U\d{1,5}|StringDType.*")
_Test = Callable[[Any], bool]
PROOF = "unifml.proof"
"""Key of a file's metadata that tells what came of its proof."""


def fields_of(metadata: Mapping[str, str], path: str) -> dict[str, Any]:
    """Return the fields of a schema out of a file's metadata.

    Parameters
    ----------
    metadata : dict of str to str
        Of the file.
    path : str
        What messages call it.

    Raises
    ------
    DataError
        For a file that unifml did not write, or whose description is damaged.
    """
    if SCHEMA not in metadata:
        raise DataError(
            f"loading {path}",
            found="an ONNX file without unifml's description of inputs and classes",
            rule="files written by unifml.export_onnx can be loaded",
            fix="use onnxruntime.InferenceSession for files of other tools",
        )
    try:
        return _fields(json.loads(metadata[SCHEMA]))
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise DataError(
            f"loading {path}",
            found=f"a description of inputs and classes that cannot be read: {str(error)[:200]}",
            rule="a file says what unifml.export_onnx wrote, in this version or an earlier one",
            fix='export the model again, or run: python -m pip install --upgrade "unifml[onnx]"',
        ) from error


def _fields(found: Any) -> dict[str, Any]:
    """Return the fields with tuples where JSON has lists."""
    _must("the schema", found, _is_dict)
    unknown = sorted({*found} - {field.name for field in fields(Schema)})
    if unknown:
        raise ValueError(f"unknown fields {unknown[:5]}")
    for name, test in _FIELDS.items():
        if name in found:
            _must(name, found[name], test)
    lists = (name for name in _TUPLES if isinstance(found.get(name), list))
    read: dict[str, Any] = found | {name: tuple(found[name]) for name in lists}
    read["inputs"] = tuple(_input(spec) for spec in found["inputs"])
    _check_classes(Schema(**read))
    return read


def _input(spec: Any) -> Input:
    _must("an input", spec, _is_dict)
    found = Input(spec["name"], spec["kind"], tuple(spec["row"]), spec.get("key", ""))
    for name, test in _INPUT.items():
        _must(f"{name} of an input", getattr(found, name), test)
    return found


def _check_classes(schema: Schema) -> None:
    lists = schema.classes if schema.several else [schema.classes or []]
    if schema.task == "classification":
        _must("classes", lists, lambda v: bool(v) and all(isinstance(x, list) and x for x in v))
    if any(isinstance(label, list | dict) for each in lists or [] for label in each):
        raise ValueError("class labels are no single values")
    schema.class_labels()


def _must(name: str, value: Any, test: _Test) -> None:
    if not test(value):
        raise ValueError(f"{name} = {str(value)[:100]}")


def _is(kind: type) -> _Test:
    return lambda value: isinstance(value, kind)


def _listed(test: _Test) -> _Test:
    return lambda value: isinstance(value, list | tuple) and all(map(test, value))


def _or_none(test: _Test) -> _Test:
    return lambda value: value is None or test(value)


def _among(known: tuple[str, ...]) -> _Test:
    return lambda value: isinstance(value, str) and value in known


def _is_output(value: Any) -> bool:
    more = re.fullmatch(rf"{PROBABILITIES}_\d{{1,4}}", value) if isinstance(value, str) else None
    return value in OUTPUTS or more is not None


def _is_dtype(value: Any) -> bool:
    return isinstance(value, str) and _DTYPES.fullmatch(value) is not None


def _is_row(value: Any) -> bool:
    sides = [type(side) is int and side > 0 for side in value]
    return all(sides[1:] if value and value[0] == ANY else sides)


_is_dict, _is_text, _is_bool = _is(dict), _is(str), _is(bool)
_is_texts = _listed(_is_text)
_TUPLES = ("outputs", "feature_names", "dtypes", "classes_dtype")
_INPUT: dict[str, _Test] = {
    "name": _is_text,
    "kind": _among(get_args(Kind)),
    "row": _is_row,
    "key": _is_text,
}
_FIELDS: dict[str, _Test] = {
    "task": _among(get_args(Task)),
    "inputs": lambda value: isinstance(value, list) and bool(value),
    "outputs": lambda value: _listed(_is_output)(value) and bool(value),
    "by_column": _is_bool,
    "feature_names": _or_none(_is_texts),
    "classes": _or_none(_is(list)),
    "classes_dtype": lambda value: _is_dtype(value) or (_listed(_is_dtype)(value) and bool(value)),
    "multilabel": _is_bool,
    "allow_nan": _is_bool,
    "by_name": _is_bool,
    "cut": _or_none(lambda value: _is_dict(value) and all(map(_is_cut, value.values()))),
    "dtypes": _or_none(_is_texts),
    "allow_infinity": _is_bool,
    "any_order": _is_bool,
    "widest": lambda value: type(value) is int and value > 0,
}


def _is_cut(value: Any) -> bool:
    return _is_text(value) or _is_texts(value)


def differs(metadata: Mapping[str, str]) -> bool:
    """Say whether a file admits that it does not agree with the model it was made of."""
    try:
        proof = json.loads(metadata.get(PROOF, "{}"))
    except (ValueError, RecursionError):
        return False  # it says nothing that can be read
    return isinstance(proof, dict) and proof.get("agrees") is False
