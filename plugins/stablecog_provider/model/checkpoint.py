"""The checkpoint: the durable document that holds what is proven archived, kept small whatever the archive's size.

Walks need no frontier of their own: every walk of the archive can begin at any instant, so what coverage lacks *is* the
frontier. `days` and `retries` are derived from the manifest and can be rebuilt from it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from ..errors import ArchiveDamaged, ArchiveTooNew
from .coverage import Axis, Coverage, Window
from .times import format_instant, parse_rfc3339

VERSION = 2
Migrations = Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]]
MIGRATIONS: Migrations = {1: lambda document: document}
"""From version to the function that turns its document into the next version's. What is new in 2 is `sha256`."""
REBUILD = (
    "restore an earlier version of the object, or run `stablecog-archive rebuild`, which makes a new one from the manifest "
    "and the source's counts; images and manifest are untouched"
)


@dataclass(frozen=True, slots=True)
class Proof:
    """What the source counted in `[start, end)` of the requested axis, against what the manifest holds there."""

    start: datetime
    end: datetime
    source: int
    manifest: int
    checked_at: datetime

    @property
    def agrees(self) -> bool:
        return self.source == self.manifest


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`source` is the API's address: a checkpoint of another source is refused. `days` counts the live outputs of each
    partition, `versions` names its object as it was counted, `retries` says when the first failed image of a day is due,
    `store_probed` names the store whose conditional writes were seen to work.
    """

    source: str
    axis: Axis
    coverage: Coverage = Coverage()
    days: Mapping[date, int] = field(default_factory=dict)
    versions: Mapping[date, str] = field(default_factory=dict)
    retries: Mapping[date, datetime] = field(default_factory=dict)
    proof: Proof | None = None
    store_probed: str = ""
    run_id: str = ""
    saved_at: datetime | None = None

    def __post_init__(self) -> None:
        for name in ("days", "versions", "retries"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    @property
    def watermark(self) -> datetime | None:
        return self.coverage.watermark

    @property
    def live(self) -> int:
        """How many outputs the manifest holds that the source still has."""
        return sum(self.days.values())

    def on(self, axis: Axis) -> Checkpoint:
        return replace(self, axis=axis, coverage=self.coverage.on(axis, self.axis))

    def to_json(self) -> bytes:
        """Canonical: the same checkpoint is the same bytes."""
        document: dict[str, Any] = {
            "version": VERSION,
            "source": self.source,
            "axis": str(self.axis),
            "coverage": [[format_instant(window.start), format_instant(window.end)] for window in self.coverage],
            "watermark": format_instant(self.watermark) if self.watermark else None,
            "days": {day.isoformat(): count for day, count in self.days.items()},
            "versions": {day.isoformat(): version for day, version in self.versions.items()},
            "retries": {day.isoformat(): format_instant(due) for day, due in self.retries.items()},
            "proof": None,
            "store_probed": self.store_probed,
            "run_id": self.run_id,
            "saved_at": format_instant(self.saved_at) if self.saved_at else None,
        }
        if self.proof:
            document["proof"] = {
                "start": format_instant(self.proof.start),
                "end": format_instant(self.proof.end),
                "source": self.proof.source,
                "manifest": self.proof.manifest,
                "checked_at": format_instant(self.proof.checked_at),
            }
        return signed(document)

    @classmethod
    def from_json(cls, body: bytes, migrations: Migrations = MIGRATIONS) -> Checkpoint:
        """Raises ArchiveDamaged, naming what is wrong, for anything that is not a checkpoint of a version we know."""
        document = _document(body)
        version = _version(document)
        _check_sum(document, version)
        if version > VERSION:
            raise ArchiveTooNew(
                f"checkpoint.json is of version {version}, and this program knows versions up to {VERSION}"
            )
        try:
            while version < VERSION:
                if version not in migrations:
                    raise _damaged(f"`version` is {version}, which nothing migrates")
                document = migrations[version](document) | {"version": version + 1}
                version += 1
            return _read(document)
        # The document may hold anything anywhere: these are what indexing, unpacking and converting it can raise.
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise _damaged(f"{type(error).__name__}: {error}") from None


def signed(document: Mapping[str, Any]) -> bytes:
    """The document with its own checksum: one flipped bit in a date would claim what was never archived."""
    return json.dumps({**document, "sha256": _sum(document)}, sort_keys=True, indent=1).encode() + b"\n"


def _sum(document: Mapping[str, Any]) -> str:
    bare = {name: value for name, value in document.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(bare, sort_keys=True).encode()).hexdigest()


def _check_sum(document: dict[str, Any], version: int) -> None:
    """Version 1 had none."""
    try:
        whole = document.get("sha256") == _sum(document) if version > 1 or "sha256" in document else True
    except RecursionError as error:
        raise _damaged(str(error)) from None
    if not whole:
        raise _damaged("its checksum (`sha256`) differs: something else than this program has changed it")


def _damaged(why: str) -> ArchiveDamaged:
    return ArchiveDamaged(f"checkpoint.json cannot be read: {why[:300]}", hint=REBUILD)


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _damaged(str(error)) from None
    if not isinstance(document, dict):
        raise _damaged("it is no JSON object")
    return document


def _version(document: dict[str, Any]) -> int:
    version = document.get("version")
    if type(version) is not int:
        raise _damaged(f"`version` is {version!r}")
    return version


def _read(document: dict[str, Any]) -> Checkpoint:
    proof = document.get("proof")
    saved_at = document.get("saved_at")
    return Checkpoint(
        source=_text(document["source"]),
        axis=Axis(document["axis"]),
        coverage=Coverage.of(Window(parse_rfc3339(start), parse_rfc3339(end)) for start, end in document["coverage"]),
        days={_day(day): _count(count) for day, count in document["days"].items()},
        versions={_day(day): _text(version) for day, version in document.get("versions", {}).items()},
        retries={_day(day): parse_rfc3339(due) for day, due in document["retries"].items()},
        proof=None if proof is None else _proof(proof),
        store_probed=_text(document.get("store_probed", "")),
        run_id=_text(document.get("run_id", "")),
        saved_at=None if saved_at is None else parse_rfc3339(saved_at),
    )


def _proof(document: dict[str, Any]) -> Proof:
    return Proof(
        start=parse_rfc3339(document["start"]),
        end=parse_rfc3339(document["end"]),
        source=_count(document["source"]),
        manifest=_count(document["manifest"]),
        checked_at=parse_rfc3339(document["checked_at"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text was expected, not {value!r}")
    return value


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"a count was expected, not {value!r}")
    return value


def _day(text: str) -> date:
    day = date.fromisoformat(text)
    if day.isoformat() != text:  # other spellings could name a day twice
        raise ValueError(f"a day was expected, not {text!r}")
    return day
