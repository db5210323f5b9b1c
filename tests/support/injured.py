"""Injuries to a scene's archive, one function per kind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date

from stablecog_provider.adapters.memory import Call, MemoryObject
from stablecog_provider.adapters.parquet_partition import ParquetPartition, read_partition
from stablecog_provider.archive.ports import ImageBody
from stablecog_provider.archive.reports.verify import VerifyReport
from stablecog_provider.errors import ImageGone, ObjectInArchiveClass
from stablecog_provider.model.manifest import Row
from stablecog_provider.model.object_keys import day_of
from support.archived import put
from support.scene import LAYOUT, Scene


class NoImages:
    """An ImageSource that has none."""

    asked: tuple[str, ...] = ()

    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[ImageBody]:
        raise ImageGone(f"404: {url}")
        yield


async def rows_of(scene: Scene) -> list[Row]:
    """Return the archived rows, in the order of their keys."""
    return [row for _, row in sorted((await scene.rows()).items()) if row.state == "archived"]


def key_of(row: Row) -> str:
    key = LAYOUT.own_image(row.uri or "")
    assert key
    return key


def body_of(scene: Scene, row: Row) -> bytes:
    return scene.store.objects[key_of(row)].body


def lose(scene: Scene, row: Row) -> None:
    del scene.store.objects[key_of(row)]


def cut(scene: Scene, row: Row) -> None:
    put(scene, key_of(row), body_of(scene, row)[:-7])


def change(scene: Scene, row: Row) -> None:
    body = body_of(scene, row)
    put(scene, key_of(row), body[:-1] + bytes([body[-1] ^ 1]))


def swap(scene: Scene, row: Row, other: Row) -> None:
    put(scene, key_of(row), body_of(scene, other))


def orphan(scene: Scene, row: Row, name: str = "11111111-2222-4333-8444-555555555555") -> str:
    """Store an object that is an image by its key, and that no row names."""
    key = key_of(row).replace(row.output_id, name)
    put(scene, key, body_of(scene, row))
    return key


def edit(scene: Scene, row: Row, **columns: object) -> None:
    """Change columns of a row as another program would."""
    day = day_of(row.created_at)
    key = LAYOUT.partition(day)
    found = read_partition(day, scene.store.objects[key].body, key)
    edited = found.amended(lambda each: replace(each, **columns) if each.key == row.key else each)  # type: ignore[arg-type]
    assert isinstance(edited, ParquetPartition)
    put(scene, key, edited.to_parquet())


def garble_partition(scene: Scene, row: Row) -> str:
    key = LAYOUT.partition(day_of(row.created_at))
    put(scene, key, b"PAR1, but no more")
    return key


def replace_object(scene: Scene, key: str, body: bytes) -> None:
    scene.store.objects[key] = MemoryObject(body, "replaced", "image/jpeg", {})


def found(report: VerifyReport) -> dict[str, tuple[str, bool]]:
    """Return kind and repair of each finding by its key."""
    return {finding.key: (finding.kind.value, finding.repaired) for finding in report.findings}


def freeze(scene: Scene, *days: date) -> None:
    """Put these partitions into an archive storage class: listings show them as before."""
    frozen = {LAYOUT.partition(day) for day in days}

    def refuse(call: Call) -> None:
        if call.operation == "get" and call.key in frozen:
            raise ObjectInArchiveClass(f"s3://archive/{call.key}: 403 InvalidObjectState", hint="restore it in S3")

    scene.store.before = refuse
