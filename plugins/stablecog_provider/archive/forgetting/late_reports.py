"""Reports of processes that were at work while outputs were forgotten: such a report is written after the forget has looked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Set
from datetime import datetime, timedelta
from typing import Any

from ...model.object_keys import Layout
from ..ports import ObjectStore
from .records import forgotten_since
from .redaction import redacted

CLOCKS = timedelta(days=1)
"""How much earlier than the process a forget may have begun, by its own clock, and still end after it has read rows."""
_NAMES_OUTPUTS = re.compile(r"output_id|images/dt=")
_WORD = re.compile(r"[0-9A-Za-z_-]{16,}", re.ASCII)
"""Long enough for a name at the source or a hash, and for no date."""


async def without_forgotten(
    store: ObjectStore, layout: Layout, document: dict[str, Any], began: datetime
) -> dict[str, Any]:
    """Return the report of a process that `began` then, without what it says of outputs that were forgotten since. A report that
    names no output costs no request.
    """
    text = json.dumps(document)
    if not _NAMES_OUTPUTS.search(text):
        return document
    ids = {each for each in await forgotten_since(store, layout, began - CLOCKS) if each in text}
    return redacted(document, ids, ids | _words(document, ids)) if ids else document


def _words(document: Any, ids: Set[str]) -> set[str]:
    """What the report calls the images of these outputs, where it says whose they are."""
    found = set[str]()
    if isinstance(document, dict) and document.get("output_id") in ids:
        texts = (each for each in document.values() if isinstance(each, str))
        return {word for text in texts for word in _WORD.findall(text) if any(mark.isdigit() for mark in word)}
    parts: Iterable[Any] = document.values() if isinstance(document, dict) else document
    for each in parts if isinstance(document, dict | list) else ():
        found |= _words(each, ids)
    return found
