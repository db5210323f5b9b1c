"""Images that are in the bucket although no row counts on them.

Either their row is `lost`, or no row names them, because the run that stored them was killed or their partition was lost.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import date

from ...errors import ArchiveError, ImageRejected
from ...model.manifest import Row
from ...model.object_keys import DIGEST_DIGITS, EXTENSIONS, Layout, Rendition, day_of
from ...model.row_lifecycle import copies_of
from ..ports import ObjectStore
from .image_format import image_type
from .transfer import SOURCE_URL, Copied

KEPT_DAYS = 8
_Keys = dict[tuple[str, Rendition], list[str]]


class StoredImages:
    """Finds them by their keys, for one run. A day's folder is listed once, as long as its images follow each other."""

    def __init__(self, store: ObjectStore, layout: Layout) -> None:
        self._store, self._layout = store, layout
        self._listed: dict[date, _Keys] = {}

    async def unnamed(self, row: Row) -> AsyncIterator[tuple[Copied, str]]:
        """Yield the images of the row's output and rendition that none of its copies names, with the address that each was copied
        from. Only those whose bytes are what their key says. One that cannot be read (it may be in an archive storage class), or
        that does not say where it is from, is left alone.
        """
        named = {self._layout.own_image(copy.uri) for copy in copies_of(row)}
        keys = (await self._of_day(day_of(row.created_at))).get((row.output_id, Rendition(row.rendition)), [])
        for key in keys:
            if key not in named and (found := await self._read(key)) is not None:
                yield found

    async def lost(self, row: Row) -> str | None:
        """Return where the image of a lost row is, if its recorded bytes are in the bucket.

        They may be: nothing checked the object while it was an earlier image, or somebody has restored it.
        """
        key = self._layout.own_image(row.uri or "")
        keys = (await self._of_day(day_of(row.created_at))).get((row.output_id, Rendition(row.rendition)), [])
        parsed = self._layout.parse_image(key) if key in keys and key else None
        if key is None or parsed is None:
            return None
        try:
            stored = await self._store.get(key)
        except ArchiveError:
            return None
        recorded = row.sha256 or parsed.digest
        is_whole = stored is not None and hashlib.sha256(stored.body).hexdigest().startswith(recorded)
        return self._layout.uri(key) if is_whole else None

    async def _read(self, key: str) -> tuple[Copied, str] | None:
        try:
            stored = await self._store.get(key)
            content_type = image_type(stored.body) if stored else ""
        except (ArchiveError, ImageRejected):
            return None
        parsed = self._layout.parse_image(key)
        if stored is None or parsed is None or not stored.metadata.get(SOURCE_URL):
            return None
        sha256 = hashlib.sha256(stored.body).hexdigest()
        if sha256[:DIGEST_DIGITS] != parsed.digest or EXTENSIONS[content_type] != parsed.extension:
            return None
        copied = Copied(self._layout.uri(key), sha256, content_type, len(stored.body))
        return copied, stored.metadata[SOURCE_URL]

    async def _of_day(self, day: date) -> _Keys:
        if day not in self._listed:
            found: defaultdict[tuple[str, Rendition], list[str]] = defaultdict(list)
            async for item in self._store.list(self._layout.images_of(day)):
                if (named := self._layout.parse_image(item.key)) is not None:
                    found[named.output_id, named.rendition].append(item.key)
            while len(self._listed) >= KEPT_DAYS:
                del self._listed[next(iter(self._listed))]
            self._listed[day] = dict(found)
        return self._listed[day]
