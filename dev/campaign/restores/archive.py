"""A small archive on a real S3 server, written without a source, and what a restore of it must end with."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from PIL import Image

from stablecog_provider.adapters.object_store import S3ObjectStore
from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.archive.committing.moves import place_of
from stablecog_provider.archive.ports import ObjectStore
from stablecog_provider.errors import ArchiveDamaged
from stablecog_provider.model.checkpoint import Checkpoint
from stablecog_provider.model.counts import Proof
from stablecog_provider.model.coverage import Axis, Coverage, Window
from stablecog_provider.model.manifest import Row
from stablecog_provider.model.object_keys import ImageKey, Layout, Rendition
from stablecog_provider.model.times import BEGINNING

IMAGES, DAYS = 120, 4
START = datetime(2026, 11, 1, tzinfo=UTC)
STAGING = ".stablecog-restore"

Tree = dict[str, bytes]
"""Files by relative name, or objects by key below the prefix."""


def _jpeg(random: Random) -> bytes:
    sink = io.BytesIO()
    Image.frombytes("RGB", (48, 32), random.randbytes(48 * 32 * 3)).save(sink, "JPEG")
    return sink.getvalue()


async def write(store: S3ObjectStore, layout: Layout, random: Random) -> None:
    """Write the archive."""
    manifest, summaries = ParquetManifest(store, layout), {}
    for number in range(DAYS):
        day = START + timedelta(days=number)
        rows = [
            await _stored(store, layout, day + timedelta(minutes=minute), random) for minute in range(IMAGES // DAYS)
        ]
        summaries[day.date()] = (await manifest.merge(day.date(), rows, run_id="campaign")).summary()
    end = START + timedelta(days=DAYS)
    checkpoint = Checkpoint(
        source="https://campaign.test",
        axis=Axis.REQUESTED,
        coverage=Coverage((Window(BEGINNING, end),)),
        partitions=summaries,
        proof=Proof(BEGINNING, end, IMAGES, IMAGES, end),
        places=(place_of(store, layout),),
        run_id="campaign",
        saved_at=end,
    )
    await store.put(layout.checkpoint, checkpoint.to_json(), content_type="application/json")


async def _stored(store: S3ObjectStore, layout: Layout, at: datetime, random: Random) -> Row:
    body, output_id = _jpeg(random), str(UUID(int=random.getrandbits(128)))
    digest = hashlib.sha256(body).hexdigest()
    key = layout.image(ImageKey(at.date(), output_id, Rendition.ORIGINAL, digest[:16], "jpeg"))
    await store.put(key, body, content_type="image/jpeg", metadata={"sha256": digest})
    return Row(
        output_id=output_id,
        rendition=Rendition.ORIGINAL,
        created_at=at,
        state="archived",
        uri=layout.uri(key),
        sha256=digest,
        content_type="image/jpeg",
        bytes=len(body),
        attempts=1,
        archived_at=at,
        first_seen_at=at,
        last_seen_at=at,
        prompt=f"campaign {output_id}",
        run_id="campaign",
        raw="{}",
    )


def files(folder: Path) -> Tree:
    """The files of a folder, without those that are not finished."""
    return {
        name: path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not (name := path.relative_to(folder).as_posix()).startswith(STAGING)
    }


async def objects(store: ObjectStore, layout: Layout) -> Tree:
    """What is at a place: images as they are; rows and checkpoint as documents that do not name the place."""
    tree: Tree = {}
    async for listed in store.list(layout.images):
        stored = await store.get(listed.key)
        tree[listed.key.removeprefix(layout.key(""))] = stored.body if stored else b""
    manifest = ParquetManifest(store, layout)
    for day in await manifest.days():
        rows = sorted((await manifest.load(day)).rows(), key=lambda row: row.key)
        tree[f"rows of {day}"] = repr(
            [replace(row, uri=(row.uri or "").removeprefix(f"{layout}/")) for row in rows]
        ).encode()
    if checkpoint := await checkpoint_at(store, layout):
        tree["checkpoint"] = json.dumps(_claims(checkpoint)).encode()
    return tree


async def checkpoint_at(store: ObjectStore, layout: Layout) -> Checkpoint | None:
    """The checkpoint at a place, if it has one. Raises ArchiveDamaged."""
    stored = await store.get(layout.checkpoint)
    return Checkpoint.from_json(stored.body) if stored else None


def _claims(checkpoint: Checkpoint) -> dict[str, Any]:
    days = {str(day): (each.live, each.bytes, each.images.archived) for day, each in checkpoint.partitions.items()}
    return {"coverage": str(checkpoint.coverage), "days": days, "proof": str(checkpoint.proof)}


async def false_claims(store: ObjectStore, layout: Layout) -> list[str]:
    """What a checkpoint claims, and the place does not hold."""
    try:
        checkpoint = await checkpoint_at(store, layout)
    except ArchiveDamaged as error:
        return [error.message]
    if checkpoint is None or not checkpoint.coverage:
        return []
    expected: set[date] = {(START + timedelta(days=number)).date() for number in range(DAYS)}
    held = {*await ParquetManifest(store, layout).days()}
    return [f"{day} is covered and has no partition" for day in sorted(expected - held)]
