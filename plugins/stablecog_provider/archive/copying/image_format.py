"""Whether bytes are a whole image: the type by its first bytes, wholeness by its last.

The check looks at the frame and does not decode: it catches error pages, other files, and bodies that were cut off, in
microseconds. Sources: ITU T.81 (JPEG: SOI, EOI), PNG specification (signature, IEND), RFC 9649 (WebP: RIFF length).
"""

from __future__ import annotations

from ...errors import ImageRejected

JPEG, PNG, WEBP = "image/jpeg", "image/png", "image/webp"

_PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"\x00\x00\x00\x00IEND\xae\x42\x60\x82"


def image_type(body: bytes) -> str:
    """The content type of a whole JPEG, PNG or WebP. Raises ImageRejected, saying in plain words what came instead."""
    if body.startswith(b"\xff\xd8\xff"):
        # Some encoders pad with NULs behind the end marker.
        return _whole(JPEG, body.rstrip(b"\x00").endswith(b"\xff\xd9"), body)
    if body.startswith(_PNG_START):
        return _whole(PNG, body.endswith(_PNG_END), body)
    if body.startswith(b"RIFF") and body[8:12] == b"WEBP":
        return _whole(WEBP, int.from_bytes(body[4:8], "little") + 8 == len(body), body)
    raise ImageRejected(f"not an image: {_kind(body)}")


def _whole(content_type: str, whole: bool, body: bytes) -> str:
    if not whole:
        raise ImageRejected(f"a cut-off image: {content_type} without its proper end, {len(body)} bytes")
    return content_type


def _kind(body: bytes) -> str:
    if not body:
        return "the body is empty"
    start = body[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return f"an HTML page of {len(body)} bytes"
    if start.startswith((b"<", b"{", b"[")):
        return f"a text document of {len(body)} bytes, likely an error message"
    return f"{len(body)} bytes of another kind (JPEG, PNG and WebP are known)"
