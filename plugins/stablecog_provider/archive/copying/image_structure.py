"""Follows an image from its first byte to its end, part by part, without decoding it.

Each function returns if the image is whole; what comes behind its end is ignored. Each raises Truncated if the body ends
first, and Unreadable if a part cannot be followed. A marker inside a part (an embedded thumbnail has its own end) is not seen.
Bytes between two parts are skipped where decoders skip them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .image_boxes import walk_avif
from .image_walk import Walk

_START_OF_IMAGE, _END_OF_IMAGE = 0xD8, 0xD9
# Without FF00 and RST0 to RST7 (entropy-coded data), FFFF (fill bytes), TEM, and the reserved codes, which have no length.
_JPEG_MARKER = re.compile(rb"\xff[\xc0-\xcf\xd8-\xfe]")
_LONGEST_CHUNK = 2**31 - 1
_IEND = b"\x00\x00\x00\x00IEND\xae\x42\x60\x82"
_SHORTEST_RIFF = 12
"""Bytes: "WEBP" and the header of one chunk."""
_GIF_PART = re.compile(rb"[\x21\x2c\x3b]")
_GIF_EXTENSION, _GIF_IMAGE = 0x21, 0x2C


def _walk_jpeg(walk: Walk) -> None:
    """Up to EOI. Source: ITU T.81, B.1.1 (markers, segments, entropy-coded data). A progressive image has several scans."""
    walk.skip(2)
    while (code := walk.find(_JPEG_MARKER)) != _END_OF_IMAGE:
        if code == _START_OF_IMAGE:
            raise walk.unreadable("the start of another image")
        length = walk.number(2)
        if length < 2:
            raise walk.unreadable("a segment of an impossible length")
        # A scan's data has no length: the next marker ends it.
        walk.skip(length - 2)


def _walk_png(walk: Walk) -> None:
    """Up to a correct IEND chunk; APNG included. Source: PNG specification, 5.3 (chunk layout) and 11.2.5 (IEND)."""
    walk.skip(8)
    while True:
        begin = walk.at
        length, kind = walk.number(4), walk.take(4)
        if length > _LONGEST_CHUNK or not kind.isalpha():
            raise walk.unreadable("an impossible chunk")
        walk.skip(length + 4)
        if kind == b"IEND":
            if walk.body[begin : walk.at] != _IEND:
                raise walk.unreadable("an invalid IEND chunk")
            return


def _walk_webp(walk: Walk) -> None:
    """Up to the length in the RIFF header; animations included. Source: RFC 9649, 2.3 and 2.4. The padding byte of an odd
    length is not required.
    """
    length = int.from_bytes(walk.take(8)[4:], "little")
    if length < _SHORTEST_RIFF:
        raise walk.unreadable("an impossible length")
    walk.skip(length)


def _walk_gif(walk: Walk) -> None:
    """Up to the trailer; animations included. Source: GIF89a, 17 to 27. Bytes between blocks are skipped, as GIF87a says."""
    walk.skip(10)
    _skip_color_table(walk, walk.number(1), 2)
    while (kind := walk.find(_GIF_PART)) in (_GIF_EXTENSION, _GIF_IMAGE):
        if kind == _GIF_IMAGE:
            walk.skip(8)
            _skip_color_table(walk, walk.number(1), 0)
        # The label of an extension, or the code size of an image.
        walk.skip(1)
        walk.skip_sub_blocks()


def _skip_color_table(walk: Walk, flags: int, between: int) -> None:
    """Source: GIF89a, 18 and 20: bit 7 means that a table follows, the last three bits are its size."""
    walk.skip(between + (3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0))


WALKS: dict[str, Callable[[Walk], None]] = {
    "image/jpeg": _walk_jpeg,
    "image/png": _walk_png,
    "image/webp": _walk_webp,
    "image/gif": _walk_gif,
    "image/avif": walk_avif,
}
"""By content type."""
