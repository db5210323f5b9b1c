"""The type of an image, by its first bytes, and whether the image is whole, by its structure.

The check does not decode the image. It detects error pages, other files and truncated bodies within milliseconds.
"""

from __future__ import annotations

import re

from ...errors import ImageRejected
from .image_boxes import is_avif
from .image_structure import WALKS
from .image_walk import Truncated, Unreadable, Walk

# Sources: ITU T.81, B.2.1; PNG specification, 5.2; RFC 9649, 2.4; GIF89a, 17; ISO/IEC 14496-12, 4.3 (`ftyp`: a few dozen bytes).
_STARTS = {
    "image/jpeg": (re.compile(rb"\xff\xd8\xff"), b"\xff\xd8\xff"),
    "image/png": (re.compile(rb"\x89PNG\r\n\x1a\n"), b"\x89PNG\r\n\x1a\n"),
    "image/webp": (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), b"RIFF    WEBP"),
    "image/gif": (re.compile(rb"GIF8[79]a"), b"GIF89a"),
    "image/avif": (re.compile(rb"\0\0..ftyp", re.DOTALL), b"\0\0\0 ftypavif"),
}
"""By content type: how its images start, and one such start."""


def image_type(body: bytes) -> str:
    """Return the content type of a whole JPEG, PNG, WebP, GIF or AVIF image, animated ones included; bytes behind its end do not
    matter. Raises ImageRejected, which names what the body is instead.
    """
    try:
        return _followed(body)
    except (Truncated, Unreadable) as error:
        raise ImageRejected(str(error)) from None


def truncation(body: bytes) -> str:
    """Return how a body was cut off; an empty text if it is a whole image, or no image."""
    try:
        _followed(body)
    except Truncated as error:
        return str(error)
    except Unreadable:
        pass
    return ""


def _followed(body: bytes) -> str:
    content_type = _starts_like(body)
    if content_type:
        WALKS[content_type](Walk(body, content_type))
        return content_type
    # The first bytes of an image, too few to tell its type.
    cut = any(_starts_like(body + start[len(body) :]) for _, start in _STARTS.values() if len(body) < len(start))
    raise (Truncated if cut else Unreadable)(f"not an image: {_kind(body)}")


def _starts_like(body: bytes) -> str | None:
    for content_type, (pattern, _) in _STARTS.items():
        if pattern.match(body) and (content_type != "image/avif" or is_avif(body)):
            return content_type
    return None


def _kind(body: bytes) -> str:
    if not body:
        return "the body is empty"
    start = body[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return f"an HTML page of {len(body)} bytes"
    if start.startswith((b"<", b"{", b"[")):
        return f"a text document of {len(body)} bytes, probably an error message"
    return f"{len(body)} bytes that are neither JPEG, PNG, WebP, GIF nor AVIF"
