"""What publishing needs from outside, besides what other use cases need: a table that is written in atomic commits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, Protocol

from ..ports import Clock, Manifest, ObjectStore, Partition


class Expired(NamedTuple):
    """`snapshots`: number of snapshots that are gone. `files`: number of deleted files. `kept`: number of earlier snapshots that
    a tag or a branch keeps.
    """

    snapshots: int = 0
    files: int = 0
    kept: int = 0


class PublishedTable(Protocol):
    """A table with the manifest's rows. Every method raises ConfigurationError or StoreUnavailable."""

    name: str

    async def published(self) -> Mapping[date, str]:
        """Read the table's state, which the next `replace` is based on. Returns the version of each partition that it holds;
        nothing if the table is new, or if another program has changed its rows.
        """

    async def replace(self, partitions: Sequence[Partition], *, forgotten: bool) -> None:
        """Put the rows of these days in place of those that it has, in one commit. `forgotten`: some of the rows were forgotten,
        so earlier snapshots have to go. Raises Conflict if the table has changed since `published`.
        """

    async def must_expire(self) -> bool:
        """Whether a commit with forgotten rows was made, and its earlier snapshots are still there."""

    async def expire(self) -> Expired:
        """Delete every earlier snapshot, and the files that only they use. Safe to repeat. Raises Conflict."""


@dataclass(frozen=True, slots=True)
class PublishPorts:
    """What publishing needs from outside."""

    store: ObjectStore
    manifest: Manifest
    table: PublishedTable
    clock: Clock
