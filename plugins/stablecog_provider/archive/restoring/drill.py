"""A drill's second half: the restored files are read back, and compared with what the source serves now."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter

from ...errors import ImageGone, ItemError, TransientError
from ...model.manifest import Row
from ...model.row_lifecycle import is_replaced
from ..ports import ImageSource
from ..reports.restore import Compared, Problem
from .files import MIB, Files, rows_of
from .selection import Choice, Selected
from .stored_image import NotWhole, current, has_hash, sha256_of
from .workers import for_each


async def compare_with_source(
    images: ImageSource, files: Files, selected: Selected, choice: Choice, at_once: int
) -> Compared:
    """Compare the restored images with the source. What differs becomes a problem; an image that the source no longer has does
    not: keeping it is what the archive is for.
    """
    found = Counter[str]()

    async def compare(row: Row) -> None:
        name = files.names.name(row)
        async with files.budget.reserved(row.bytes or MIB):
            body = await files.folder.read(name)
        if body is None:
            return
        layout, copy = files.archived.layout, current(row)
        if not has_hash(layout, copy, await asyncio.to_thread(sha256_of, body)):
            files.tally.failed_for(row, NotWhole("changed", name, "the file read back from disk has other bytes"))
            return
        kind = await _at_source(images, row, len(body), copy.sha256 or sha256_of(body))
        found[kind] += 1
        if kind == "different":
            detail = "the source serves other bytes at the address that the image was archived from"
            files.tally.note(Problem("source_differs", row.source_url or "", row.output_id, row.rendition, detail))

    await for_each(rows_of(files.archived, selected, choice), compare, at_once)
    return Compared(**found)


async def _at_source(images: ImageSource, row: Row, size: int, sha256: str) -> str:
    """Say how the source's image compares: a field of Compared."""
    if is_replaced(row):
        return "replaced"
    if row.source_url is None or row.source_url.endswith("?"):
        # Its address had a signature, which is not kept.
        return "unreachable"
    digest, received = hashlib.sha256(), 0
    try:
        async with images.open(row.source_url) as image:
            async for chunk in image.chunks():
                digest.update(chunk)
                received += len(chunk)
                if received > size:
                    return "different"
    except ImageGone:
        return "gone"
    except (ItemError, TransientError):
        return "unreachable"
    return "same" if digest.hexdigest() == sha256 else "different"
