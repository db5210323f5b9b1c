"""The checkpoint: the durable document that holds what is proven archived, kept small whatever the archive's size.

Walks need no frontier of their own: every walk of the archive can begin at any instant, so what coverage lacks *is* the
frontier. `partitions` is derived from the manifest and can be rebuilt from it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any

from ..errors import ArchiveDamaged, ArchiveTooNew
from .counts import Difference, Proof
from .coverage import MAX_LATENCY, Axis, Coverage
from .damage import Damage
from .documents import document_of, value_of
from .object_keys import day_of
from .partition_summary import ImageCounts, PartitionSummary
from .refreshed import RefreshCoverage, Refreshed, on_axis
from .times import BEGINNING, format_instant
from .verification import VerificationCoverage

VERSION = 3
Migrations = Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]]
MIGRATIONS: Migrations = {}
"""From version to the function that turns its document into the next version's. No version was released before 3."""
REBUILD = (
    "restore an earlier version of the object, or run `stablecog-archive rebuild`, which recreates it from the manifest "
    "and the source's counts; images and manifest are untouched"
)
MAX_SAMPLES = 16
"""Outputs by which the account is recognised before anything else is known of it."""
MAX_CONSENTS = 20
"""The latest that are kept."""
MAX_PLACES = 8
"""The latest that are kept."""


@dataclass(frozen=True, slots=True)
class Sample:
    """An output that the source listed when the archive was created. `at`: where to look for it, on the checkpoint's axis."""

    output_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Sweep:
    """How far the rotating second reading of the archive has come, on the checkpoint's axis.

    What lies before `position` was read again since `began`; the rest since `previous`, or never if that is None. `rounds`: how
    often all of it was read again. `unread`: where all pages failed in the last complete round; `failed`: so far in this one.
    `paced`: when a run last read its share of a promise. `refreshed`: when each stretch was last read, by whatever reading.
    """

    position: datetime = BEGINNING
    began: datetime | None = None
    previous: datetime | None = None
    rounds: int = 0
    unread: Coverage = Coverage()
    failed: Coverage = Coverage()
    paced: datetime | None = None
    refreshed: tuple[Refreshed, ...] = ()

    @property
    def oldest(self) -> datetime | None:
        """The instant since which everything was read again; None if something never was."""
        return self.previous


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the last run that came to its end found. `outcome`: as the run's report spells it."""

    outcome: str
    run_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person allowed, and when: `kind` is `deletions` or `account`; `count`: how many outputs it is about."""

    kind: str
    count: int
    run_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Intent:
    """The days whose partition a process is about to write, or was about to write when it was killed. `at`: when it said so."""

    run_id: str
    days: tuple[date, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Days on which images or earlier versions of forgotten outputs may still be in the bucket: a forget has not come to its end,
    or a run that began before it has stored an image since. `at`: when that was noted.
    """

    run_id: str
    days: tuple[date, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is known of an archive.

    `source`: the API's address when it was last read. `account`: outputs by which the account is recognised. `coverage`: what
    is archived, on `axis`. `holes`: stretches of `axis` that the listing cannot show; they are no part of coverage.
    `differences`: places of the requested axis where the counts differ. `reread`: stretches of the requested axis whose
    partition was changed by something else, until they are read again. `proofs`: how often the whole was compared.
    `places`: where the archive has been, the store's address included, the present place last; `elsewhere`: for those before it,
    the days whose images have been stored or looked for since the archive was there. `unchecked`: days whose stored images
    nobody has looked for since their partition was changed by something else, or since the archive was moved, each with the
    partition's version.
    `settled`: up to where (on `axis`) the last run could have read; with `--end`, it read less.
    `deletions_allowed`: so many outputs may still be marked as deleted beyond what is marked without asking.
    `store_probed`: the store whose conditional writes were seen to work at `store_probed_at`. `intents`: partitions that may
    have been written since, without being counted here. `storing`: days of which a process is storing images that have no row
    yet, or was when it was killed. `forgetting`: what is still to be deleted of what a person asked to forget. `damage`: what
    verifies found and no row says. `changes_recorded`: the number of the last change record.
    """

    source: str
    axis: Axis
    coverage: Coverage = Coverage()
    partitions: Mapping[date, PartitionSummary] = field(default_factory=dict)
    account: tuple[Sample, ...] = ()
    proof: Proof | None = None
    proofs: int = 0
    differences: tuple[Difference, ...] = ()
    holes: tuple[Difference, ...] = ()
    reread: Coverage = Coverage()
    places: tuple[str, ...] = ()
    elsewhere: Mapping[str, tuple[date, ...]] = field(default_factory=dict)
    unchecked: Mapping[date, str] = field(default_factory=dict)
    settled: datetime | None = None
    sweep: Sweep = Sweep()
    verdict: Verdict | None = None
    deletions_allowed: int = 0
    consents: tuple[Consent, ...] = ()
    intents: tuple[Intent, ...] = ()
    storing: tuple[Intent, ...] = ()
    forgetting: tuple[Forgetting, ...] = ()
    damage: tuple[Damage, ...] = ()
    changes_recorded: int = 0
    store_probed: str = ""
    store_probed_at: datetime | None = None
    run_id: str = ""
    saved_at: datetime | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "partitions", MappingProxyType(dict(self.partitions)))
        object.__setattr__(self, "unchecked", MappingProxyType(dict(self.unchecked)))
        object.__setattr__(self, "elsewhere", MappingProxyType(dict(self.elsewhere)))

    @property
    def watermark(self) -> datetime | None:
        return self.coverage.watermark

    @property
    def live(self) -> int:
        """How many outputs the manifest holds that the source still has."""
        return sum(each.live for each in self.partitions.values())

    @property
    def images(self) -> ImageCounts:
        """All images by what became of them."""
        return sum((each.images for each in self.partitions.values()), ImageCounts())

    @property
    def live_days(self) -> list[date]:
        """The days that hold live outputs, rising."""
        return sorted(day for day, each in self.partitions.items() if each.live)

    @property
    def due(self) -> dict[date, datetime]:
        """When the first image of a day is worth another attempt, for the days that have any."""
        return {day: each.due for day, each in self.partitions.items() if each.due is not None}

    def verification(self, now: datetime) -> VerificationCoverage:
        """How much of the archive was verified, and when."""
        each = self.partitions.values()
        stamps = (stamp for partition in each for stamp in partition.verified)
        return VerificationCoverage.of(self.images.archived, sum(partition.bytes for partition in each), stamps, now)

    def refresh(self, now: datetime) -> RefreshCoverage:
        """How recently the source's listing was read for what is covered."""
        live = {day: each.live for day, each in self.partitions.items() if each.live and day > day_of(BEGINNING)}
        return RefreshCoverage.of(live, self.coverage, self.sweep.refreshed, now)

    def on(self, axis: Axis) -> Checkpoint:
        """The same knowledge on another axis; holes are not carried over and so become gaps."""
        if axis is self.axis:
            return self
        coverage = self.coverage.on(axis, self.axis)
        # What completed before an instant was requested before it, but not the other way round.
        early = MAX_LATENCY if axis is Axis.REQUESTED else timedelta(0)
        sweep = replace(
            self.sweep,
            position=max(BEGINNING, self.sweep.position - early),
            unread=self.sweep.unread.around(axis, self.axis),
            failed=self.sweep.failed.around(axis, self.axis),
            refreshed=on_axis(self.sweep.refreshed, axis, self.axis),
        )
        settled = self.settled and self.settled - early
        return replace(self, axis=axis, coverage=coverage, holes=(), sweep=sweep, settled=settled, account=())

    def to_json(self) -> bytes:
        """Canonical: the same checkpoint is the same bytes."""
        watermark = format_instant(self.watermark) if self.watermark else None
        return signed({"version": VERSION, **document_of(self, sparse=True), "watermark": watermark})

    @classmethod
    def from_json(
        cls, body: bytes, migrations: Migrations = MIGRATIONS, *, address: str = "checkpoint.json"
    ) -> Checkpoint:
        """Parse a checkpoint. Raises ArchiveTooNew for a later version, and ArchiveDamaged, which names `address` and the cause,
        for anything else that is not a checkpoint of a version we know.
        """
        try:
            return cls._parsed(body, migrations, address)
        except _Unreadable as error:
            raise ArchiveDamaged(f"{address} cannot be read: {str(error)[:300]}", hint=REBUILD) from None

    @classmethod
    def _parsed(cls, body: bytes, migrations: Migrations, address: str) -> Checkpoint:
        document = _document(body)
        version = _version(document)
        _check_sum(document)
        if version > VERSION:
            raise ArchiveTooNew(f"{address} has version {version}, but this program supports versions up to {VERSION}")
        try:
            while version < VERSION:
                if version not in migrations:
                    raise _Unreadable(f"`version` is {version}, for which there is no migration")
                document = migrations[version](document) | {"version": version + 1}
                version += 1
            return value_of(cls, document)
        # The document may hold anything anywhere: these are what indexing, unpacking and converting it can raise.
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise _Unreadable(f"{type(error).__name__}: {error}") from None


class _Unreadable(Exception):
    """The body is not a checkpoint. The message has the reason."""


def signed(document: Mapping[str, Any]) -> bytes:
    """The document with its own checksum: one flipped bit in a date would claim what was never archived."""
    return json.dumps({**document, "sha256": _sum(document)}, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _sum(document: Mapping[str, Any]) -> str:
    bare = {name: value for name, value in document.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(bare, sort_keys=True).encode()).hexdigest()


def _check_sum(document: dict[str, Any]) -> None:
    try:
        whole = document.get("sha256") == _sum(document)
    except RecursionError as error:
        raise _Unreadable(str(error)) from None
    if not whole:
        raise _Unreadable("its checksum (`sha256`) differs: something other than this program has changed it")


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _Unreadable(str(error)) from None
    if not isinstance(document, dict):
        raise _Unreadable("it is not a JSON object")
    return document


def _version(document: dict[str, Any]) -> int:
    version = document.get("version")
    if type(version) is not int:
        raise _Unreadable(f"`version` is {version!r}")
    return version
