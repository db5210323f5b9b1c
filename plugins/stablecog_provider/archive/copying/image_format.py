"""Whether bytes are a complete image: the first bytes give the type, the last bytes or the declared length the completeness.

The check does not decode the image. It detects error pages, other files and truncated bodies within microseconds.
Sources: ITU T.81 (JPEG: SOI, EOI), PNG specification (signature, IEND), RFC 9649 (WebP: RIFF length).
"""

from __future__ import annotations

from ...errors import ImageRejected

JPEG, PNG, WEBP = "image/jpeg", "image/png", "image/webp"

_PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"\x00\x00\x00\x00IEND\xae\x42\x60\x82"


def image_type(body: bytes) -> str:
    """Return the content type of a complete JPEG, PNG or WebP. Raises ImageRejected, which names what the body is instead."""
    if body.startswith(b"\xff\xd8\xff"):
        # Some encoders add NULs after the end marker.
        return _complete(JPEG, body.rstrip(b"\x00").endswith(b"\xff\xd9"), body)
    if body.startswith(_PNG_START):
        return _complete(PNG, body.endswith(_PNG_END), body)
    if body.startswith(b"RIFF") and body[8:12] == b"WEBP":
        return _complete(WEBP, int.from_bytes(body[4:8], "little") + 8 == len(body), body)
    raise ImageRejected(f"not an image: {_kind(body)}")


def _complete(content_type: str, complete: bool, body: bytes) -> str:
    if not complete:
        raise ImageRejected(f"a truncated image: {content_type} without its end, {len(body)} bytes")
    return content_type


def _kind(body: bytes) -> str:
    if not body:
        return "the body is empty"
    start = body[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return f"an HTML page of {len(body)} bytes"
    if start.startswith((b"<", b"{", b"[")):
        return f"a text document of {len(body)} bytes, probably an error message"
    return f"{len(body)} bytes that are neither JPEG, PNG nor WebP"
