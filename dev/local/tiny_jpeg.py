"""The smallest bodies that are whole JPEG images by their structure: no pixels, only comments."""

from __future__ import annotations

_LONGEST_COMMENT = 65_533
"""Bytes. The length field of a segment has 16 bits and includes its own two bytes (ITU T.81, B.1.1.4)."""


def tiny_jpeg(content: bytes) -> bytes:
    """Return a JPEG whose comments have this content."""
    parts = [content[at : at + _LONGEST_COMMENT] for at in range(0, len(content), _LONGEST_COMMENT)]
    return b"\xff\xd8" + b"".join(b"\xff\xfe" + (len(part) + 2).to_bytes(2) + part for part in parts) + b"\xff\xd9"
