"""Where thumbnails are."""

from __future__ import annotations

from ...model.manifest import Row
from .stored_image import sha256_of

FOLDER = "thumbnails"


def thumbnail_name(row: Row) -> str:
    """The relative path of the thumbnail, by the image's hash: no restored file has such a name."""
    digest = row.sha256 or sha256_of(repr(row.key).encode())
    return f"{FOLDER}/{digest[:2]}/{digest[:32]}.jpg"
