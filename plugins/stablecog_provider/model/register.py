"""What listings of models, or of schedulers, have ever said. Nothing that was ever seen is forgotten.

A listing has only what is active on its day, while outputs keep their ids for ever. So each run adds a listing to the register
with `observed`. Runs may overlap, and an older listing may arrive after a newer one: ids, names, first and last times come out
the same in any order, and so does who is retired, if every listing is believed. Adding a listing again changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from .manifest import BOOL, INSTANT, INT32, STRING
from .model_listing import ListedModel

MAX_REGISTERED = 2000
"""Ids in a register. A source that invents ids must not fill the memory; what is registered is kept."""
MAX_NAMES = 10
"""Names of one id: the last ones."""
DOUBTED_FOR = timedelta(days=7)
"""A listing that lacks most of what was active is not believed until it has lacked it for so long."""

MODEL_COLUMNS: tuple[tuple[str, str, bool], ...] = (
    # name, type, nullable
    ("id", STRING, False),
    ("name", STRING, True),
    ("is_default", BOOL, True),
    ("default_width", INT32, True),
    ("default_height", INT32, True),
    ("first_seen_at", INSTANT, False),
    ("last_seen_at", INSTANT, False),
    ("retired_at", INSTANT, True),
    ("names", STRING, True),
)
SCHEDULER_COLUMNS = tuple(
    column for column in MODEL_COLUMNS if column[0] not in ("is_default", "default_width", "default_height")
)
"""Columns of the two tables: a public contract, to which columns are added at the end only."""


class Name(NamedTuple):
    """A name, and when a listing last had it."""

    text: str
    last_seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """One model or scheduler. `names`: its last names, the current one first. The defaults are those of the last listing that
    had it. `retired_at`: the first listing known to lack it since it was last seen; None while the newest one has it.
    """

    id: str
    first_seen_at: datetime
    last_seen_at: datetime
    names: tuple[Name, ...] = ()
    is_default: bool | None = None
    default_width: int | None = None
    default_height: int | None = None
    retired_at: datetime | None = None

    @property
    def name(self) -> str | None:
        return self.names[0].text if self.names else None


@dataclass(frozen=True, slots=True)
class Register:
    """`listed_at`: when the newest listing was made that was believed; None before the first."""

    entries: Mapping[str, Registered] = field(default_factory=dict)
    listed_at: datetime | None = None


def observed(known: Register, listed: Collection[ListedModel], at: datetime, *, whole: bool = True) -> Register:
    """The register with a listing that the source made `at`. `whole`: nothing of the listing was unreadable; otherwise what it
    lacks is not retired.
    """
    seen = {each.id: each for each in sorted(listed, key=_rank)}
    # All that one listing calls an id is kept, though it should be listed once.
    called = {(each.id, each.name) for each in listed if each.name is not None}
    entries = dict(known.entries)
    for model_id, each in sorted(seen.items()):
        if model_id in entries or len(entries) < MAX_REGISTERED:
            names = [Name(text, at) for of, text in called if of == model_id and text is not None]
            entries[model_id] = _seen(entries.get(model_id), each, names, at)
    believed = whole and _is_credible(known, seen, at)
    listed_at = max(known.listed_at or at, at) if believed else known.listed_at
    missed_at = at if believed else None
    return Register({key: _judged(entries[key], listed_at, missed_at) for key in sorted(entries)}, listed_at)


def left_out(known: Register, listed: Collection[ListedModel]) -> int:
    """How many listed ids the register has no room for."""
    return len({each.id for each in listed} - {*known.entries})


def doubtful(known: Register, listed: Collection[ListedModel], at: datetime) -> bool:
    """Whether the listing lacks so much of what was active that it is not believed yet."""
    return not _is_credible(known, {each.id for each in listed}, at)


def _seen(before: Registered | None, listed: ListedModel, names: list[Name], at: datetime) -> Registered:
    fresh = Registered(
        id=listed.id,
        first_seen_at=at,
        last_seen_at=at,
        names=_latest(names),
        is_default=listed.is_default,
        default_width=listed.default_width,
        default_height=listed.default_height,
    )
    if before is None:
        return fresh
    newer = fresh if _recency(fresh) > _recency(before) else before
    return replace(
        newer,
        first_seen_at=min(before.first_seen_at, at),
        last_seen_at=max(before.last_seen_at, at),
        names=_latest([*before.names, *names]),
        retired_at=before.retired_at,
    )


def _latest(names: Iterable[Name]) -> tuple[Name, ...]:
    last: dict[str, datetime] = {}
    for text, at in names:
        last[text] = max(last.get(text, at), at)
    found = (Name(text, at) for text, at in last.items())
    return tuple(sorted(found, key=lambda name: (name.last_seen_at, name.text), reverse=True)[:MAX_NAMES])


def _judged(entry: Registered, listed_at: datetime | None, missed_at: datetime | None) -> Registered:
    """The entry with its retirement. It is retired if, and only if, the newest listing was made after it was last seen."""
    if listed_at is None or entry.last_seen_at >= listed_at:
        return replace(entry, retired_at=None)
    lacking = [at for at in (entry.retired_at, missed_at) if at is not None and at > entry.last_seen_at]
    return replace(entry, retired_at=min(lacking, default=listed_at))


def _is_credible(known: Register, seen: Iterable[str], at: datetime) -> bool:
    """Whether what the listing lacks can be retired. Models are retired one by one: a list that lacks more than half of them, or
    all, is more likely broken, unless they have not been seen for long.
    """
    active = [each for each in known.entries.values() if each.retired_at is None]
    present = {*seen}
    lacking = [each for each in active if each.id not in present and each.last_seen_at < at]
    return 2 * len(lacking) <= len(active) or max(each.last_seen_at for each in lacking) <= at - DOUBTED_FOR


def _recency(entry: Registered) -> tuple[datetime, tuple[int, int, int]]:
    return entry.last_seen_at, _defaults(entry)


def _rank(listed: ListedModel) -> tuple[str, tuple[int, int, int]]:
    """An order in which the last of those with one id is taken, whatever the order of the listing."""
    return listed.id, _defaults(listed)


def _defaults(of: ListedModel | Registered) -> tuple[int, int, int]:
    values = (of.is_default, of.default_width, of.default_height)
    return tuple(-1 if value is None else int(value) for value in values)  # type: ignore[return-value]
