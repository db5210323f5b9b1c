"""Images that are in the bucket although no row names them: the run that stored them was killed, or their partition was lost."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from datetime import date

from ...errors import ImageRejected
from ...model.object_keys import DIGEST_DIGITS, EXTENSIONS, Layout, Rendition
from ..ports import ObjectStore
from .image_format import image_type
from .transfer import Copied, CopyJob

_Keys = dict[tuple[str, Rendition], list[str]]


class StoredImages:
    """Finds them by their keys, for one run. A day's folder is listed once."""

    def __init__(self, store: ObjectStore, layout: Layout) -> None:
        self._store, self._layout = store, layout
        self._listed: dict[date, _Keys] = {}

    async def find(self, job: CopyJob) -> Copied | None:
        """Return an image of this output and rendition whose bytes are those that its key names; None if there is none."""
        for key in (await self._of_day(job.day)).get((job.output_id, job.rendition), []):
            stored, named = await self._store.get(key), self._layout.parse_image(key)
            if stored is None or named is None:
                continue
            sha256 = hashlib.sha256(stored.body).hexdigest()
            try:
                content_type = image_type(stored.body)
            except ImageRejected:
                continue
            if sha256[:DIGEST_DIGITS] == named.digest and EXTENSIONS[content_type] == named.extension:
                return Copied(self._layout.uri(key), sha256, content_type, len(stored.body))
        return None

    async def _of_day(self, day: date) -> _Keys:
        if day not in self._listed:
            found: defaultdict[tuple[str, Rendition], list[str]] = defaultdict(list)
            async for item in self._store.list(self._layout.images_of(day)):
                if (named := self._layout.parse_image(item.key)) is not None:
                    found[named.output_id, named.rendition].append(item.key)
            self._listed[day] = dict(found)
        return self._listed[day]
