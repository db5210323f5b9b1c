"""File names: built from a template, accepted by Windows, macOS and Linux, and different for different images.

A name depends on its row alone, so it is the same in every restore, whatever else is selected, and no list of names is kept in
memory. Two images never get one name, not even on a file system that ignores case or normalizes Unicode: `{id}` is a fixed-width
text (a UUID) or contains `~` and a hash, which nothing else in a name contains; and in its part of the path, everything before it
or everything after it has a fixed width, so it can be read back from the name.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC

from ...errors import ConfigurationError
from ...model.manifest import Row
from ...model.object_keys import EXTENSIONS, Rendition

DEFAULT_TEMPLATE = "{date}/{id}.{rendition}"
BOTH = "both"
RENDITIONS = (Rendition.ORIGINAL.value, Rendition.UPSCALED.value, BOTH)

MAX_PART = 240
"""Bytes of one part of a path. File systems allow 255; the rest is for `.json` and the extension."""
MAX_TEXT = 80
"""Bytes of a text such as the prompt in a name."""
MAX_PARTS = 8
_MAX_ID = 60 + 1 + 32
_MAX_NUMBER = 24

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
_TOKEN = re.compile(r"\{([^{}]*)\}|([^{}]+)|(.)", re.DOTALL)
_LITERAL = re.compile(r"[0-9A-Za-z _.,+=()@#-]+", re.ASCII)
_RESERVED = {"con", "prn", "aux", "nul", "conin$", "conout$"} | {
    f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³"
}
_NO_EXTENSION = "bin"


def _text(value: object, absent: str) -> str:
    """A text as part of a name: letters, digits, `-` and `_` of any script, shortened."""
    composed = unicodedata.normalize("NFC", str(value or ""))
    kept = "".join(mark if mark == "_" or unicodedata.category(mark)[0] in "LMN" else "-" for mark in composed)
    short = re.sub("-+", "-", kept).encode("utf-8", "ignore")[:MAX_TEXT].decode("utf-8", "ignore").strip("-")
    return short or absent


def _id(row: Row) -> str:
    """The output's id. One that is no UUID of small letters gets a hash, since case alone may tell it from another."""
    if _UUID.fullmatch(row.output_id):
        return row.output_id
    digest = hashlib.sha256(row.output_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    readable = re.sub("[^0-9a-z_-]", "-", row.output_id.lower(), flags=re.ASCII)[:60]
    return f"{readable}~{digest}"


def _instant(form: str) -> Callable[[Row], str]:
    return lambda row: row.created_at.astimezone(UTC).strftime(form)


@dataclass(frozen=True, slots=True)
class Field:
    """`width`: the bytes of every value, or None if they vary, up to `most`."""

    help: str
    value: Callable[[Row], str]
    width: int | None = None
    most: int = MAX_TEXT


FIELDS: Mapping[str, Field] = {
    "id": Field("the output's id (required)", _id, most=_MAX_ID),
    "rendition": Field(
        "original or upscaled (required with --rendition both)", lambda row: Rendition(row.rendition), 8, 8
    ),
    "date": Field("UTC day of the request: 2026-11-21", _instant("%Y-%m-%d"), 10, 10),
    "year": Field("2026", _instant("%Y"), 4, 4),
    "month": Field("11", _instant("%m"), 2, 2),
    "day": Field("21", _instant("%d"), 2, 2),
    "time": Field("UTC time of the request: 093015", _instant("%H%M%S"), 6, 6),
    "prompt": Field("the prompt's first words", lambda row: _text(row.prompt, "no-prompt")),
    "generation_id": Field("id of the generation", lambda row: _text(row.generation_id, "no-generation")),
    "model_id": Field("id of the model", lambda row: _text(row.model_id, "no-model")),
    "seed": Field("the seed", lambda row: _text(row.seed, "no-seed"), most=_MAX_NUMBER),
    "width": Field("pixels", lambda row: _text(row.width, "unknown"), most=_MAX_NUMBER),
    "height": Field("pixels", lambda row: _text(row.height, "unknown"), most=_MAX_NUMBER),
}
"""What a template may contain. The extension is added."""

_HINT = (
    "write a template such as {date}/{id}.{rendition}; its fields are "
    + ", ".join(f"{{{name}}}" for name in FIELDS)
    + "; the extension is added"
)
_Part = tuple[str | Field, ...]


@dataclass(frozen=True, slots=True)
class FileNames:
    """Names rows by a template. `parts`: of the path, each of literals and fields."""

    template: str
    parts: tuple[_Part, ...]

    @classmethod
    def of(cls, template: str, rendition: str = BOTH) -> FileNames:
        """Parse a template. Raises ConfigurationError, which names what is wrong with it."""
        try:
            parts = tuple(_part(text) for text in template.split("/"))
            _check_unique(parts, rendition)
        except ValueError as error:
            raise ConfigurationError(f"the layout {template!r} cannot be used: {error}", hint=_HINT) from None
        return cls(template, parts)

    def name(self, row: Row) -> str:
        """The relative path of the row's file, with `/`."""
        path = "/".join(_allowed("".join(_value(token, row) for token in part)) for part in self.parts)
        return f"{path}.{EXTENSIONS.get(row.content_type or '', _NO_EXTENSION)}"


def _value(token: str | Field, row: Row) -> str:
    return token if isinstance(token, str) else token.value(row)


def _allowed(part: str) -> str:
    """The part of a path, changed if Windows reserves it: it reserves `con` with any extension."""
    return f"_{part}" if part.partition(".")[0].rstrip().casefold() in _RESERVED else part


def _part(text: str) -> _Part:
    """Parse what is between two slashes. Raises ValueError."""
    tokens: list[str | Field] = []
    for found in _TOKEN.finditer(text):
        name, literal, stray = found.groups()
        if stray is not None:
            raise ValueError(f"it has a single {stray!r}")
        if literal is not None:
            tokens.append(_literal(literal))
        elif name not in FIELDS:
            raise ValueError(f"there is no field {{{name}}}")
        else:
            tokens.append(FIELDS[name])
    first, last = (tokens[0], tokens[-1]) if tokens else ("", "")
    if not tokens:
        raise ValueError("a folder or file in it has no name")
    if isinstance(first, str) and first[0] in " .":
        raise ValueError("a name in it begins with a space or a dot")
    if isinstance(last, str) and last[-1] in " .":
        raise ValueError("a name in it ends with a space or a dot, which Windows drops")
    if sum(len(token) if isinstance(token, str) else token.most for token in tokens) > MAX_PART:
        raise ValueError(f"a name in it could have more than {MAX_PART} bytes")
    return tuple(tokens)


def _literal(text: str) -> str:
    if not _LITERAL.fullmatch(text):
        refused = next(mark for mark in text if not _LITERAL.fullmatch(mark))
        raise ValueError(f"{refused!a} is not allowed in names on every system")
    return text


def _check_unique(parts: tuple[_Part, ...], rendition: str) -> None:
    """Raises ValueError unless every image gets a name of its own."""
    if len(parts) > MAX_PARTS:
        raise ValueError(f"it has more than {MAX_PARTS} folders")
    needed = ["id", "rendition"] if rendition == BOTH else ["id"]
    for name in needed:
        places = [(part, number) for part in parts for number, token in enumerate(part) if token is FIELDS[name]]
        if not places:
            raise ValueError(f"it needs {{{name}}}, or two images would get one name")
        if not any(_fixed(part[:number]) or _fixed(part[number + 1 :]) for part, number in places):
            raise ValueError(
                f"{{{name}}} has texts of any length on both sides, so that two images could get one name: put it at the "
                "beginning or the end of a folder's or file's name; words, dates, times and {rendition} may be outside of it"
            )


def _fixed(tokens: _Part) -> bool:
    return all(isinstance(token, str) or token.width is not None for token in tokens)
