"""What a row says about the stored images: which objects, with which bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from ...model.finding import Kind
from ...model.manifest import Row, State
from ...model.object_keys import DIGEST_DIGITS, EXTENSIONS, ImageKey, Layout, Rendition, day_of, is_safe_id
from ...model.row_lifecycle import Copy, copies_of
from .stored_bytes import Seen

T = TypeVar("T")
Fixity = tuple[str | None, str | None, int | None, str | None]
"""The columns of a row that name its stored images."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One stored image of a row: `key` of its object in this archive. `digest`: what the key says of its SHA-256. `is_current`:
    it is the row's image, not one that the source has replaced since.
    """

    row: Row
    key: str
    copy: Copy
    digest: str
    is_current: bool = True

    def has_hash(self, sha256: str | None) -> bool:
        """Rows of older versions may lack a hash; the key has a part of it."""
        return sha256 is not None and sha256 == (self.copy.sha256 or self.digest + sha256[DIGEST_DIGITS:])

    def has_size(self, size: int) -> bool:
        return self.copy.bytes is None or size == self.copy.bytes

    def what_is_wrong(self, seen: Seen | None) -> Kind | None:
        """None if what was seen is the image. Whether it is another row's is not known here."""
        if seen is None:
            return Kind.MISSING
        if self.has_size(seen.size) and (seen.sha256 is None or self.has_hash(seen.sha256)):
            return None
        if self.copy.bytes is not None and seen.size < self.copy.bytes and not self.has_hash(seen.sha256):
            return Kind.TRUNCATED
        return Kind.CHANGED

    def is_misrecorded(self, seen: Seen) -> bool:
        """Whether the object is what its key says, so that the row's hash or size is what changed."""
        return seen.sha256 is not None and seen.sha256[:DIGEST_DIGITS] == self.digest

    def describe(self, seen: Seen | None) -> str:
        recorded = f"recorded with {self.copy.bytes} bytes, SHA-256 {self.copy.sha256}"
        where = "" if self.is_current else " (an earlier image of its row)"
        if seen is None:
            return f"{recorded}{where}, but not in the bucket"
        found = f"the object has {seen.size} bytes" + (f", SHA-256 {seen.sha256}" if seen.sha256 else "")
        if self.is_misrecorded(seen):
            found += "; it is what its key says, so the row was changed"
        return f"{recorded}{where}, but {found}"


def fixity_of(row: Row) -> Fixity:
    return (row.uri, row.sha256, row.bytes, row.earlier_images)


def is_checkable(row: Row) -> bool:
    """Whether the row says that an image is stored."""
    return row.state in (State.ARCHIVED, State.LOST) or row.uri is not None


def expected_of(row: Row, layout: Layout) -> list[Expected]:
    """The stored images of the row, the current one first. Copies without the name of an object are left out."""
    found = []
    for number, copy in enumerate(copies_of(row)):
        key = layout.own_image(copy.uri)
        parsed = layout.parse_image(key) if key else None
        if key and parsed:
            found.append(Expected(row, key, copy, parsed.digest, row.uri is not None and number == 0))
    return found


def is_nameless(row: Row, layout: Layout) -> bool:
    """Whether the row says that its image is stored, but not under which key."""
    return is_checkable(row) and (row.uri is None or layout.own_image(row.uri) is None)


def drop_named(unnamed: dict[str, T], row: Row, layout: Layout) -> None:
    """Remove the objects that a row names. If it should name one and does not, all objects of its image are taken for its own."""
    for each in expected_of(row, layout):
        unnamed.pop(each.key, None)
    if is_nameless(row, layout):
        for key in [*unnamed]:
            parsed = layout.parse_image(key)
            if parsed and (parsed.output_id, parsed.rendition) == row.key:
                del unnamed[key]


def likely(row: Row, layout: Layout) -> Expected | None:
    """The image of a row without the name of an object, at the key that follows from its hash; None if it has none."""
    extension = EXTENSIONS.get(row.content_type or "")
    digest = (row.sha256 or "")[:DIGEST_DIGITS]
    if extension is None or not is_safe_id(row.output_id):
        return None
    try:
        rendition = Rendition(row.rendition)
        key = layout.image(ImageKey(day_of(row.created_at), row.output_id, rendition, digest, extension))
    except ValueError:
        return None
    at = row.archived_at or row.first_seen_at
    copy = Copy(at, row.sha256, layout.uri(key), row.content_type, row.bytes, row.archived_url)
    return Expected(row, key, copy, digest)
