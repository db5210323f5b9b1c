"""Values as JSON documents, and back: the one mechanism for the checkpoint, reports and `--json`.

Shapes: a dataclass is an object with a member per field; an instant is RFC 3339 text in UTC with six fraction digits; a day is
ISO text; a coverage is a list of `[start, end]`; an enum is its value. Reading is strict: a value of another type is an
error, and so is a negative number, since documents hold counts.
Our own code because the model imports nothing third-party, and because a checkpoint of three years is read in milliseconds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from .coverage import Coverage, Window
from .times import format_instant, parse_rfc3339

T = TypeVar("T")


def document_of(value: object, *, sparse: bool = False) -> Any:
    """The value as JSON's types; `sparse`: without members that have their default. Raises TypeError for a type that no
    document holds.
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Coverage):
        return [[format_instant(window.start), format_instant(window.end)] for window in value]
    if isinstance(value, Mapping):
        return {document_of(key): document_of(item, sparse=sparse) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [document_of(item, sparse=sparse) for item in value]
    if dataclasses.is_dataclass(value):
        members = ((field, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {
            field.name: document_of(item, sparse=sparse)
            for field, item in members
            if not sparse or item != field.default
        }
    raise TypeError(f"{type(value).__name__} has no place in a document")


def value_of(kind: type[T], document: object) -> T:
    """The value of this type that `document_of` made a document of. Raises TypeError, ValueError or LookupError."""
    value: T = _value(kind, document)
    return value


def _value(kind: Any, document: Any) -> Any:
    if get_origin(kind) in (Union, UnionType):
        (inner,) = (each for each in get_args(kind) if each is not NoneType)
        return None if document is None else _value(inner, document)
    if kind is Coverage:
        return Coverage.of(Window(parse_rfc3339(start), parse_rfc3339(end)) for start, end in document)
    if get_origin(kind) is tuple:
        return tuple(_value(get_args(kind)[0], item) for item in _typed(list, document))
    if get_origin(kind) is not None and issubclass(get_origin(kind), Mapping):
        key, item = get_args(kind)
        return {_value(key, name): _value(item, each) for name, each in _typed(dict, document).items()}
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, _typed(dict, document))
    if kind is datetime:
        return parse_rfc3339(_typed(str, document))
    if kind is date:
        return _day(_typed(str, document))
    if issubclass(kind, Enum):
        return kind(document)
    if kind is int and _typed(int, document) < 0:
        raise ValueError(f"expected a count, not {document}")
    return _typed(kind, document)


def _dataclass(kind: Any, document: dict[str, Any]) -> Any:
    hints = _hints(kind)
    members = {}
    for field in dataclasses.fields(kind):
        if field.name in document:
            members[field.name] = _value(hints[field.name], document[field.name])
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise LookupError(f"`{field.name}` is missing")
    return kind(**members)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _typed(kind: Any, value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__}, not {str(value)[:60]!r}")
    return value


def _day(text: str) -> date:
    day = date.fromisoformat(text)
    if day.isoformat() != text:  # other spellings could name a day twice
        raise ValueError(f"expected a day, not {text!r}")
    return day
