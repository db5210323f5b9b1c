"""Damage that verifies found and no row says: kept in the checkpoint, so that no later report hides it, nor their expiry."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from .finding import Kind

LEVELS = ("listing", "checksum", "content")
"""Of a verify. Each finds what those before it find, and more."""
MAX_MARKS = 64
"""Damaged objects that are kept by name. If there are more, only a verify that has read everything says that they are whole."""
NO_DAMAGE = (Kind.ORPHAN,)
"""Nothing depends on these."""
NOT_MARKED = (Kind.UNREADABLE_PARTITION,)
"""What a repair cannot mark in a row."""


@dataclass(frozen=True, slots=True)
class Damage:
    """What the verify `run_id` of this `level` found and left at `at`: number of findings by kind. `marks`: which objects they
    are about, see `mark_of`; empty if they are too many.
    """

    level: str
    run_id: str
    at: datetime
    left: Mapping[str, int] = field(default_factory=dict)
    marks: tuple[str, ...] = ()

    def without(self, kinds: Iterable[Kind]) -> Damage:
        return replace(self, left={kind: number for kind, number in self.left.items() if kind not in {*kinds}})


def mark_of(key: str) -> str:
    """Stands for an object's key, which nothing may name any more once its output is forgotten."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def marks_of(keys: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted(map(mark_of, keys))) if len(keys) <= MAX_MARKS else ()


@dataclass(slots=True)
class Unread:
    """What a verify could not read, as far as it matters to earlier findings: `objects`: number of all of them; `marks`: those
    that were damaged (`watched`); `partitions`: number of days whose images nobody could look at.
    """

    watched: frozenset[str]
    objects: int = 0
    marks: set[str] = field(default_factory=set)
    partitions: int = 0

    @classmethod
    def of(cls, known: Iterable[Damage]) -> Unread:
        return cls(frozenset(mark for each in known for mark in each.marks))

    def add(self, keys: Iterable[str]) -> None:
        self.objects += 1
        self.marks |= self.watched.intersection(map(mark_of, keys))

    def has_read(self, each: Damage) -> bool:
        """Whether all that was damaged could be read."""
        if self.partitions:
            return False
        return not self.marks.intersection(each.marks) if each.marks else not self.objects


def after_verify(
    known: Iterable[Damage], found: Damage, *, is_read: Callable[[Damage], bool], partitions: bool, repair: bool
) -> tuple[Damage, ...]:
    """What is damaged after another verify. `is_read`: whether it has looked at all that was found damaged, so that what it did
    not find again is whole. `partitions`: whether it has read all of them. `repair`: what it has left of images is marked in
    their rows.
    """
    found = found.without((*NO_DAMAGE, *(set(Kind) - {*NOT_MARKED} if repair else ())))
    known, rank = readable(known) if partitions else tuple(known), LEVELS.index(found.level)
    known = tuple(each for each in known if LEVELS.index(each.level) > rank or not is_read(each))
    if not found.left:
        return known
    return (*(each for each in known if each.level != found.level), found)


def readable(known: Iterable[Damage]) -> tuple[Damage, ...]:
    """What is damaged once every partition was read."""
    left = (each.without(NOT_MARKED) for each in known)
    return tuple(each for each in left if each.left)


def can_repair(known: Iterable[Damage]) -> bool:
    """Whether a repair may help against any of it."""
    return any(kind not in NOT_MARKED for each in known for kind in each.left)
