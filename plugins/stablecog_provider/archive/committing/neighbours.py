"""Other archives of the same account in the bucket. A first run warns of them, because a mistyped prefix copies everything again.

At most 3 listings, 20 small reads and 3 requests to the source, and only while there is no checkpoint. A policy that refuses any
of them, or a neighbour that cannot be read, costs the warning and nothing else.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from difflib import SequenceMatcher

from ...errors import ArchiveError
from ...model.checkpoint import Checkpoint
from ...model.object_keys import Layout
from ...model.output import identity
from ...model.page import MAX_PER_PAGE, PageQuery
from ..listing.capabilities import Probe
from ..ports import ObjectStore, Ports

MOST_READ = 20
"""Prefixes whose checkpoint is looked for: those above, then those with the most similar name."""
MOST_COMPARED = 3
_IDS = 1000
"""Images of a day by which an archive's account is recognised: what one request lists."""
_OWN_FOLDERS = {"images", "manifest", "runs", "damaged"}


@dataclass(frozen=True, slots=True)
class _Neighbour:
    layout: Layout
    checkpoint: Checkpoint


async def other_archives(ports: Ports, layout: Layout, asked: Probe) -> tuple[str, ...]:
    """Return a warning for each archive of the source's account at another prefix of the bucket. Raises nothing of ours."""
    if asked.capabilities.empty:
        return ()
    found = await asyncio.gather(*(_read(ports.store, each) for each in await _candidates(ports.store, layout)))
    # One that holds nothing yet was interrupted at once, or has just begun beside this run.
    archives = [each for each in found if each is not None and each.checkpoint.live][:MOST_COMPARED]
    return tuple([_warning(each, layout) for each in archives if await _is_of_account(each, ports, asked)])


async def _candidates(store: ObjectStore, layout: Layout) -> list[Layout]:
    """The prefixes above, beside and below this one, and those at the top of the bucket."""
    above = layout.prefix.split("/")[:-1] if layout.prefix else []
    ancestors = ["/".join(above[:depth]) for depth in range(len(above), -1, -1)] if layout.prefix else []
    listed = list[str]()
    for folder in dict.fromkeys((layout.prefix, "/".join(above), "")):
        with suppress(ArchiveError):
            listed += await store.folders(f"{folder}/" if folder else "")
    names = [name.rstrip("/") for name in listed]

    def dissimilar(prefix: str) -> tuple[bool, float]:
        likeness = SequenceMatcher(None, prefix, layout.prefix).ratio()
        return prefix.rpartition("/")[2] in _OWN_FOLDERS, -likeness

    prefixes = dict.fromkeys((*ancestors, *sorted(names, key=dissimilar)))
    candidates = list[Layout]()
    for prefix in prefixes:
        # A key of another tool may be no prefix of an archive.
        with suppress(ValueError):
            if prefix != layout.prefix:
                candidates.append(Layout(layout.bucket, prefix))
    return candidates[:MOST_READ]


async def _read(store: ObjectStore, layout: Layout) -> _Neighbour | None:
    with suppress(ArchiveError):
        stored = await store.get(layout.checkpoint)
        return _Neighbour(layout, Checkpoint.from_json(stored.body)) if stored else None
    return None


async def _is_of_account(neighbour: _Neighbour, ports: Ports, asked: Probe) -> bool:
    """Whether the source lists an output that the neighbour holds: ids are unique across accounts."""
    checkpoint = neighbour.checkpoint
    known = {sample.output_id for sample in checkpoint.account}
    at = max((sample.at for sample in checkpoint.account), default=None)
    if days := checkpoint.live_days:
        at = datetime.combine(days[-1], time(), UTC) + timedelta(days=1)
        with suppress(ArchiveError):
            known |= await _stored_on(days[-1], neighbour.layout, ports.store)
    if known & {identity(output) for output in (*asked.page.outputs, *asked.seen)}:
        return True
    if known:
        cursor = at if asked.capabilities.cursor is not None else None
        with suppress(ArchiveError):
            page = await ports.source.page(PageQuery(cursor=cursor, per_page=MAX_PER_PAGE))
            return bool(known & {identity(output) for output in page.outputs})
    return False


async def _stored_on(day: date, layout: Layout, store: ObjectStore) -> set[str]:
    """The outputs whose images were stored on a day; of many, only some."""
    found, listed = set[str](), 0
    async for each in store.list(layout.images_of(day)):
        if key := layout.parse_image(each.key):
            found.add(key.output_id)
        listed += 1
        if listed >= _IDS:
            break
    return found


def _warning(neighbour: _Neighbour, layout: Layout) -> str:
    return (
        f"{neighbour.layout} already holds an archive of this account ({neighbour.checkpoint.live:,} outputs). This first run "
        f"copies the account to {layout} as well. If that is not what you want, stop the run and correct the address (--to; in "
        "Airflow, `bucket` and `prefix`)."
    )
