"""Names for readers. A register that cannot be read costs the names, never the page or the sheet that shows them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from ...errors import ArchiveError
from ...model.names import ArchiveNames, KnownModel, Names
from .ports import Kind, Registers

_log = logging.getLogger(__name__)
FRESH = 60.0
"""Seconds for which names are not read again: they change when a run has noted a new model."""


async def names_of(registers: Registers) -> ArchiveNames:
    """Return what the archive calls models and schedulers."""
    return ArchiveNames(
        models=await _names(registers, Kind.MODELS, "model"),
        schedulers=await _names(registers, Kind.SCHEDULERS, "scheduler"),
    )


async def known_models(registers: Registers) -> tuple[KnownModel, ...]:
    """Return all models that a listing ever had, the latest first; none if the register cannot be read."""
    try:
        register = await registers.load(Kind.MODELS)
    except ArchiveError as error:
        _log.warning("Without names of %s: %s", Kind.MODELS, error.message)
        return ()
    names = Names.of("model", register)
    found = sorted(register.entries.values(), key=lambda each: (each.first_seen_at, each.id), reverse=True)
    return tuple(KnownModel(each.id, names.name(each.id), each.retired_at) for each in found)


async def _names(registers: Registers, kind: Kind, word: str) -> Names:
    try:
        return Names.of(word, await registers.load(kind))
    except ArchiveError as error:
        _log.warning("Without names of %s: %s", kind, error.message)
        return Names(word)


class LatestNames:
    """The names, read at most every `fresh` seconds."""

    def __init__(
        self, registers: Registers, *, fresh: float = FRESH, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._registers, self._fresh, self._monotonic = registers, fresh, monotonic
        self._known = ArchiveNames()
        self._read_at: float | None = None
        self._turn = asyncio.Lock()

    async def get(self) -> ArchiveNames:
        async with self._turn:
            if self._read_at is None or self._monotonic() - self._read_at >= self._fresh:
                self._known = await names_of(self._registers)
                self._read_at = self._monotonic()
        return self._known
