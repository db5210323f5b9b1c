"""Takes forgotten outputs out of the reports under `runs/`: what a report says of them, but for their keys and numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from typing import Any

from ...errors import ObjectInArchiveClass, StoreUnavailable
from ...model.manifest import Row
from ...model.object_keys import DIGEST_DIGITS, Layout
from ...model.row_lifecycle import copies_of, image_name
from ..ports import Conflict, ObjectStore, Unchanged
from ..resilience.together import together

REDACTED = "(about a forgotten output)"
AT_ONCE = 16
_KEPT = ("output_id", "rendition", "kind", "day")
_WORD = re.compile(r"[0-9A-Za-z_-]+", re.ASCII)


def words_of(rows: Iterable[Row]) -> set[str]:
    """What a report may call these images: the names at the source, and their hashes."""
    found = set[str]()
    for row in rows:
        urls = [row.source_url, row.attempted_url, row.archived_url]
        for copy in copies_of(row):
            urls.append(copy.archived_url)
            found |= {copy.sha256, copy.sha256[:DIGEST_DIGITS]} if copy.sha256 else set()
        # A short or plain word would be found in reports on anything.
        names = (word for url in urls for word in _WORD.findall(image_name(url)))
        found |= {word for word in names if len(word) >= 8 and any(mark.isdigit() for mark in word)}
    return found


@dataclass(slots=True)
class Reports:
    """`redacted`: number of reports that were changed. `unreadable`: reports that the store does not hand out, because they are
    in an archive storage class: nobody can take anything out of them.
    """

    store: ObjectStore
    layout: Layout
    redacted: int = 0
    unreadable: set[str] = field(default_factory=set)
    _seen: set[tuple[str, str, frozenset[str]]] = field(default_factory=set)

    async def redact(self, ids: Set[str], words: Set[str]) -> None:
        """Take these outputs out of every report that was not looked through for them before."""
        wanted = frozenset(ids | words)
        if not wanted:
            return
        # By version: a run that is at work replaces its report at its end.
        listed = [item async for item in self.store.list(self.layout.runs)]
        listed = [item for item in listed if (item.key, item.version, wanted) not in self._seen]
        for at in range(0, len(listed), AT_ONCE):
            await together(self._redact(item.key, ids, wanted) for item in listed[at : at + AT_ONCE])
        self._seen |= {(item.key, item.version, wanted) for item in listed if item.version}

    async def _redact(self, key: str, ids: Set[str], wanted: Set[str]) -> None:
        try:
            stored = await self.store.get(key)
        except ObjectInArchiveClass:
            self.unreadable.add(key)
            return
        if stored is None or not _mentions(stored.body.decode("utf-8", "replace"), wanted):
            return
        try:
            document = json.loads(stored.body)
        except ValueError:
            # Cut or garbled: nobody can tell what belongs to whom.
            document = {"explanation": [REDACTED]}
        clean = redacted(document, ids, wanted)
        if clean == document:
            return
        body = json.dumps(clean, sort_keys=True, indent=1).encode() + b"\n"
        try:
            await self.store.put(key, body, content_type="application/json", condition=Unchanged(stored.version))
        except Conflict:
            raise StoreUnavailable(
                f"{self.layout.uri(key)} was changed by something else at the same time",
                hint="run the same command again; it continues",
            ) from None
        self.redacted += 1


def redacted(document: Any, ids: Set[str], wanted: Set[str]) -> Any:
    """Return the document without what it says of outputs with these ids, and without texts that contain a wanted word."""
    if isinstance(document, dict):
        if document.get("output_id") in ids:
            return {name: each if name in _KEPT else _blanked(each) for name, each in document.items()}
        return {
            REDACTED if _mentions(name, wanted) else name: redacted(each, ids, wanted)
            for name, each in document.items()
        }
    if isinstance(document, list):
        return [redacted(each, ids, wanted) for each in document]
    if isinstance(document, str) and document not in ids and _mentions(document, wanted):
        return REDACTED
    return document


def _blanked(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float) else REDACTED


def _mentions(text: str, wanted: Set[str]) -> bool:
    return any(word in wanted for word in _WORD.findall(text))
