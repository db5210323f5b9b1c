"""Follows the boxes of an AVIF image. Sources: ISO/IEC 14496-12 (boxes), 23008-12 (items), the AVIF specification (brands).

The format has no end marker. An image is whole if

- its `ftyp` box is there, and its `meta` box (a sequence of images, brand `avis`: its `moov` box);
- every byte that the item locations (`iloc`) point to is there; in a sequence, or without locations, a `mdat` box is there;
- no box of a known kind is cut off at the end of the body.

A last box of size 0 reaches to the end of the body, so only the item locations show that it was cut off.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .image_walk import Truncated, Walk

# What is behind the image is ignored, unless it begins like one of these.
_KNOWN = {b"ftyp", b"meta", b"moov", b"mdat", b"free", b"skip", b"uuid", b"moof", b"sidx"}
_STILL, _SEQUENCE = b"avif", b"avis"
_IN_THE_FILE = 0


@dataclass(frozen=True, slots=True)
class _Box:
    """`begin`: of its content."""

    kind: bytes
    begin: int
    end: int


def is_avif(body: bytes) -> bool:
    """Whether the `ftyp` box that a body begins with has a brand of AVIF, or is cut off before the brands end."""
    return len(body) < int.from_bytes(body[:4]) or not _brands(body).isdisjoint((_STILL, _SEQUENCE))


def walk_avif(walk: Walk) -> None:
    body = walk.body
    found: dict[bytes, _Box] = {}
    for box in _boxes(walk, len(body)):
        found.setdefault(box.kind, box)
    sequence = _SEQUENCE in _brands(body)
    meta = found.get(b"meta")
    reach = _reach(walk, meta) if meta else None
    whole = (
        b"ftyp" in found
        and (b"moov" if sequence else b"meta") in found
        and (b"mdat" in found or not (sequence or reach is None))
        and (reach or 0) <= len(body)
        and body[walk.at + 4 : walk.at + 8] not in _KNOWN
    )
    if not whole:
        raise walk.truncated()


def _brands(body: bytes) -> set[bytes]:
    """The major and the compatible brands. Source: 14496-12, 4.3."""
    end = min(int.from_bytes(body[:4]), len(body))
    return {body[8:12], *(body[at : at + 4] for at in range(16, end - 3, 4))}


def _boxes(walk: Walk, end: int) -> Iterator[_Box]:
    """Yield the whole boxes up to `end`, and leave `walk` behind the last one. Source: 14496-12, 4.2."""
    while end - (begin := walk.at) >= 8:
        size, kind = walk.number(4), walk.take(4)
        if size == 1 and end - walk.at >= 8:
            size = walk.number(8)
        length = size if size else end - begin
        content, walk.at = walk.at, begin
        if not content - begin <= length <= end - begin:
            return
        walk.at = begin + length
        yield _Box(kind, content, walk.at)


def _reach(walk: Walk, meta: _Box) -> int | None:
    """Return where the items of a `meta` box end in the file, or None if it has no readable locations."""
    behind, walk.at = walk.at, meta.begin + 4
    try:
        locations = [box for box in _boxes(walk, meta.end) if box.kind == b"iloc"]
        return _end_of_items(walk, locations[0]) if locations else None
    except Truncated:
        return None
    finally:
        walk.at = behind


def _end_of_items(walk: Walk, box: _Box) -> int:
    """Return the end of the last byte that an `iloc` box points to. Source: 14496-12, 8.11.3."""
    walk.at = box.begin
    version = walk.number(4) >> 24
    sizes = walk.number(2)
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    extent_size = offset_size + length_size + (index_size if version else 0)
    reach = 0
    for _ in range(walk.number(4 if version > 1 else 2)):
        walk.skip(4 if version > 1 else 2)
        method = walk.number(2) & 15 if version else _IN_THE_FILE
        reference, base, extents = walk.number(2), walk.number(base_size), walk.number(2)
        for _ in range(extents if extent_size else 0):
            walk.skip(extent_size - offset_size - length_size)
            offset, length = walk.number(offset_size), walk.number(length_size)
            if method == _IN_THE_FILE and reference == 0:
                reach = max(reach, base + offset + length)
    return reach
