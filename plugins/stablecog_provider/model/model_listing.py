"""The source's listing of models and their schedulers. It has only what is active today, and any field but `id` may be absent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import SourceContradiction
from .object_keys import is_safe_id
from .output import without_secrets

MAX_LISTED = 500
"""Models in one listing, and schedulers of one model. The service has about 20; a list of thousands is an error."""
MAX_NAME = 120
"""Characters of a name."""
_MAX_PIXELS = 2**31 - 1


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model or a scheduler as one listing has it. None: absent, or not of the right type. Schedulers have no defaults."""

    id: str
    name: str | None = None
    is_default: bool | None = None
    default_width: int | None = None
    default_height: int | None = None


@dataclass(frozen=True, slots=True)
class ModelListing:
    """`whole_models`, `whole_schedulers`: whether all of the list could be read. Only a whole list says what is not in it."""

    models: tuple[ListedModel, ...] = ()
    schedulers: tuple[ListedModel, ...] = ()
    whole_models: bool = True
    whole_schedulers: bool = True


def parse_models(document: object) -> ModelListing:
    """Read a response body. Raises SourceContradiction if it is no list of models; an unreadable model is left out."""
    if not isinstance(document, Mapping) or not isinstance(document.get("models", ...), list | None):
        raise SourceContradiction(
            "the source answered with a document that is no list of models: it has no list `models`"
        )
    found = document["models"] or []
    if len(found) > MAX_LISTED:
        raise SourceContradiction(f"the source listed {len(found):,} models, more than {MAX_LISTED}")
    models = [_parsed(item) for item in found]
    schedulers, whole = list[ListedModel](), True
    for item in found:
        offered = item.get("available_schedulers") if isinstance(item, Mapping) else None
        parsed = [_parsed(each, plain=True) for each in offered[:MAX_LISTED]] if isinstance(offered, list) else [None]
        whole = whole and None not in parsed and len(parsed) == len(offered or parsed)
        schedulers += [each for each in parsed if each is not None]
    return ModelListing(
        models=tuple(each for each in models if each is not None),
        schedulers=tuple(dict.fromkeys(schedulers)),
        whole_models=None not in models,
        whole_schedulers=whole,
    )


def _parsed(item: object, *, plain: bool = False) -> ListedModel | None:
    """The model, or None if it has no usable id. `plain`: without defaults."""
    model_id = item.get("id") if isinstance(item, Mapping) else None
    if not isinstance(item, Mapping) or not isinstance(model_id, str) or not is_safe_id(model_id):
        return None
    name = _name(item.get("name"))
    if plain:
        return ListedModel(model_id, name)
    is_default = item.get("is_default")
    return ListedModel(
        model_id,
        name,
        is_default if isinstance(is_default, bool) else None,
        _pixels(item.get("default_width")),
        _pixels(item.get("default_height")),
    )


def _name(value: object) -> str | None:
    """One printable line, without secrets. None if nothing is left."""
    if not isinstance(value, str):
        return None
    words = " ".join(value[: 4 * MAX_NAME].split())
    shown = "".join(mark if mark.isprintable() else "\N{REPLACEMENT CHARACTER}" for mark in words)
    return without_secrets(shown)[:MAX_NAME].strip() or None


def _pixels(value: object) -> int | None:
    return value if type(value) is int and 0 < value <= _MAX_PIXELS else None
