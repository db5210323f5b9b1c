"""Sixty ways to hurt an archive, drawn at random, each with what a verify must say about it."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from random import Random
from typing import TYPE_CHECKING, Any

from stablecog_provider.adapters.parquet_partition import read_partition
from stablecog_provider.model.finding import Kind
from stablecog_provider.model.manifest import Row
from stablecog_provider.model.object_keys import Layout, day_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KINDS = ("lost", "cut", "emptied", "flipped", "swapped", "hash edited", "orphan", "nameless", "partition")


@dataclass(frozen=True, slots=True)
class Injury:
    """One injury. `key`: the object that a finding names. `kinds`: what each level says; a level that is left out cannot see it.
    `repairable`: an earlier version, the source or the row's own key still has what it takes.
    """

    what: str
    key: str
    kinds: dict[str, Kind]
    repairable: bool


class Bucket:
    """The bucket as another program uses it. `keeps_versions`: versioning is on."""

    def __init__(self, client: S3Client, layout: Layout) -> None:
        self.client, self.layout = client, layout

    def get(self, key: str) -> bytes:
        return self.client.get_object(Bucket=self.layout.bucket, Key=key)["Body"].read()

    def put(self, key: str, body: bytes, *, with_checksum: bool = True) -> None:
        checksum: dict[str, Any] = (
            {"ChecksumSHA256": b64encode(hashlib.sha256(body).digest()).decode()} if with_checksum else {}
        )
        self.client.put_object(Bucket=self.layout.bucket, Key=key, Body=body, **checksum)

    def delete(self, key: str) -> None:
        self.client.delete_object(Bucket=self.layout.bucket, Key=key)

    def forget_versions(self, key: str) -> None:
        """Delete all versions but the current one."""
        page = self.client.list_object_versions(Bucket=self.layout.bucket, Prefix=key)
        for version in page.get("Versions", []):
            if not version["IsLatest"]:
                self.client.delete_object(Bucket=self.layout.bucket, Key=key, VersionId=version["VersionId"])

    def edit(self, row: Row, **columns: Any) -> None:
        """Change columns of a row."""
        day, key = day_of(row.created_at), self.layout.partition(day_of(row.created_at))
        found = read_partition(day, self.get(key), key)
        edited = found.amended(lambda each: replace(each, **columns) if each.key == row.key else each)
        self.put(key, edited.to_parquet())

    def sizes(self) -> dict[str, int]:
        """Return all images by key, with their sizes."""
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.layout.bucket, Prefix=self.layout.images
        )
        return {item["Key"]: item["Size"] for page in pages for item in page.get("Contents", [])}


def name_of(row: Row) -> str:
    return PurePosixPath(row.source_url or "").name


def key_of(row: Row, layout: Layout) -> str:
    key = layout.own_image(row.uri or "")
    assert key
    return key


def injure(bucket: Bucket, rows: list[Row], count: int, random: Random) -> tuple[list[Injury], set[str], set[str]]:
    """Hurt the archive `count` times, each kind about equally often. Returns the injuries, the names of images that the source
    must not have any more, and those that it must serve with other bytes.
    """
    rows = [row for row in rows if row.state == "archived"]
    days = sorted({day_of(row.created_at) for row in rows})
    spared = days[: max(1, len(days) // 6)]
    victims = random.sample([row for row in rows if day_of(row.created_at) not in spared], 2 * count)
    gone, other = set[str](), set[str]()
    injuries: list[Injury] = []
    partitions = iter(spared)
    for number in range(count):
        what = KINDS[number % len(KINDS)]
        day = next(partitions, None) if what == "partition" else None
        if day is not None:
            injuries.append(_partition(bucket, bucket.layout.partition(day), random))
            continue
        row, neighbour = victims[2 * number], victims[2 * number + 1]
        source = random.choice(("same", "gone", "other"))
        keeps_version = random.random() < 0.5
        injury = _image(bucket, row, neighbour, "lost" if what == "partition" else what, random)
        if what not in ("orphan", "hash edited"):
            gone |= {name_of(row)} if source == "gone" else set()
            other |= {name_of(row)} if source == "other" else set()
            if what != "nameless" and not keeps_version:
                bucket.forget_versions(injury.key)
            injury = replace(injury, repairable=what == "nameless" or keeps_version or source == "same")
        injuries.append(injury)
    return injuries, gone, other


def _partition(bucket: Bucket, key: str, random: Random) -> Injury:
    body = bucket.get(key)
    bucket.put(key, body[: random.randrange(len(body))])
    keeps_version = random.random() < 0.5
    if not keeps_version:
        bucket.forget_versions(key)
    return Injury("partition", key, _everywhere(Kind.UNREADABLE_PARTITION), keeps_version)


def _image(bucket: Bucket, row: Row, neighbour: Row, what: str, random: Random) -> Injury:
    key = key_of(row, bucket.layout)
    if what == "lost":
        bucket.delete(key)
        return Injury(what, key, _everywhere(Kind.MISSING), False)
    if what == "nameless":
        bucket.edit(row, uri=random.choice((None, "", "s3://elsewhere/nothing")))
        return Injury(what, key, _everywhere(Kind.ROW_WITHOUT_OBJECT_NAME), True)
    if what == "hash edited":
        bucket.edit(row, sha256=hashlib.sha256(random.randbytes(8)).hexdigest())
        return Injury(what, key, {"checksum": Kind.CHANGED, "content": Kind.CHANGED}, True)
    body = bucket.get(key)
    if what == "orphan":
        stray = key.replace(row.output_id, f"{random.getrandbits(128):032x}")
        bucket.put(stray, body)
        return Injury(what, stray, _everywhere(Kind.ORPHAN), False)
    damage: dict[str, Callable[[], bytes]] = {
        "cut": lambda: body[: random.randrange(1, len(body))],
        "emptied": lambda: b"",
        "flipped": lambda: _flipped(body, random),
        "swapped": lambda: bucket.get(key_of(neighbour, bucket.layout)),
    }
    changed, with_checksum = damage[what](), random.random() < 0.5
    bucket.put(key, changed, with_checksum=with_checksum)
    kinds = {} if len(changed) == len(body) else {"listing": _by_size(changed, body)}
    # Where the store keeps no SHA-256 of what was put there, its size is all that a checksum can tell.
    kept = {"checksum": Kind.SWAPPED if what == "swapped" else _by_size(changed, body)}
    kinds |= kept if with_checksum else {"checksum": kinds["listing"]} if kinds else {}
    kinds["content"] = Kind.SWAPPED if what == "swapped" else _by_size(changed, body)
    return Injury(what, key, kinds, False)


def _by_size(changed: bytes, body: bytes) -> Kind:
    return Kind.TRUNCATED if len(changed) < len(body) else Kind.CHANGED


def _flipped(body: bytes, random: Random) -> bytes:
    changed = bytearray(body)
    changed[random.randrange(len(body))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _everywhere(kind: Kind) -> dict[str, Kind]:
    return dict.fromkeys(("listing", "checksum", "content"), kind)
