"""The step of a run that adds today's listing of models to the registers. It is never in the way: a failure is a warning."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime

from ...errors import ArchiveError
from ...model.model_listing import ListedModel
from ...model.names import Names
from ...model.register import Register, doubtful, left_out, observed
from .ports import Kind, Naming, Registers

_log = logging.getLogger(__name__)


async def note_models(naming: Naming | None, latest: datetime) -> list[str]:
    """Ask for the list of models once, and merge it. Returns sentences for the report; failures are among them. `latest`: no
    listing is dated later, whatever the source's clock says.
    """
    if naming is None:
        return []
    notes: list[str] = []
    try:
        listing, source_time = await naming.source.models()
        at = min(source_time, latest)
        notes += await _merged(naming.registers, Kind.MODELS, listing.models, at, whole=listing.whole_models)
        notes += await _merged(
            naming.registers, Kind.SCHEDULERS, listing.schedulers, at, whole=listing.whole_schedulers
        )
    except ArchiveError as error:
        hint = f" To fix it: {error.hint}." if error.hint else ""
        notes.append(f"The names of models were not updated: {error.message}.{hint}")
        _log.warning("%s", notes[-1])
    return notes


async def _merged(
    registers: Registers, kind: Kind, listed: Collection[ListedModel], at: datetime, *, whole: bool
) -> list[str]:
    before = Register()

    def change(known: Register) -> Register:
        nonlocal before
        before = known
        return observed(known, listed, at, whole=whole)

    after = await registers.update(kind, change)
    notes = []
    if doubtful(before, listed, at):
        notes.append(
            f"The source's list of {kind} lacks more than half of those that were active. They are retired only if it lacks them "
            "for a week."
        )
    if not whole and kind is Kind.MODELS:
        notes.append("A part of the source's list of models could not be read. What it lacks is not retired.")
    if more := left_out(after, listed):
        notes.append(f"{more:,} {kind} were not registered, since {len(after.entries):,} are registered already.")
    return notes + _retired(kind, before, after)


def _retired(kind: Kind, before: Register, after: Register) -> list[str]:
    """A sentence on each that the source has just dropped."""
    names = Names.of(kind.removesuffix("s"), after)
    gone = [
        key
        for key, each in after.entries.items()
        if each.retired_at is not None and key in before.entries and before.entries[key].retired_at is None
    ]
    shown = ", ".join(names.name(key) for key in gone[:3]) + (f" and {len(gone) - 3:,} more" if len(gone) > 3 else "")
    return [f"The source no longer lists these {kind}: {shown}. Their names are kept."] if gone else []
