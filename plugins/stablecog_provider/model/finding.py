"""What a verify finds wrong."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is wrong with an object, or with the row that names it."""

    MISSING = "missing"
    TRUNCATED = "truncated"
    CHANGED = "changed"
    SWAPPED = "swapped"
    ORPHAN = "orphan"
    ROW_WITHOUT_OBJECT_NAME = "row_without_object_name"
    UNREADABLE_PARTITION = "unreadable_partition"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `key`: the object's, or its partition's if the row names no object. `output_id`, `rendition`: of
    the row that names the object, or of the object's key; None for a partition. `repaired`: it is whole again. `known`: the
    manifest counts on it no more, since its image is marked as lost or was replaced.
    """

    kind: Kind
    key: str
    output_id: str | None
    rendition: str | None
    detail: str
    repaired: bool = False
    known: bool = False
