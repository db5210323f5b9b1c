"""Damage that verifies found and no row tells of: kept in the checkpoint, so that no later report hides it, nor their expiry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from .finding import Kind

LEVELS = ("listing", "checksum", "content")
"""Of a verify. Each finds what those before it find, and more."""
NO_DAMAGE = (Kind.ORPHAN,)
"""Nothing depends on these."""
NOT_MARKED = (Kind.UNREADABLE_PARTITION,)
"""What a repair cannot mark in a row."""


@dataclass(frozen=True, slots=True)
class Damage:
    """What the verify `run_id` of this `level` found and left at `at`: number of findings by kind."""

    level: str
    run_id: str
    at: datetime
    left: Mapping[str, int] = field(default_factory=dict)

    def without(self, kinds: Iterable[Kind]) -> Damage:
        return replace(self, left={kind: number for kind, number in self.left.items() if kind not in {*kinds}})


def after_verify(known: Iterable[Damage], found: Damage, *, whole: bool, repair: bool) -> tuple[Damage, ...]:
    """What is damaged after another verify. `whole`: it has checked everything on its level, so that what it did not find is
    there no more. `repair`: what it has left of images is marked in their rows.
    """
    found = found.without((*NO_DAMAGE, *(set(Kind) - {*NOT_MARKED} if repair else ())))
    if whole:
        known = [each for each in readable(known) if LEVELS.index(each.level) > LEVELS.index(found.level)]
    if not found.left:
        return tuple(known)
    return (*(each for each in known if each.level != found.level), found)


def readable(known: Iterable[Damage]) -> tuple[Damage, ...]:
    """What is damaged once every partition was read."""
    left = (each.without(NOT_MARKED) for each in known)
    return tuple(each for each in left if each.left)
