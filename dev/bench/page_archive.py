"""An archive of any size, written without a run: rows over three years, and real images for the newest ones."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pyarrow as pa
from PIL import Image

from stablecog_provider.adapters.parquet_partition import SCHEMA, ParquetPartition
from stablecog_provider.archive.ports import ObjectStore
from stablecog_provider.model.checkpoint import Checkpoint
from stablecog_provider.model.coverage import Axis, Coverage, Window
from stablecog_provider.model.object_keys import DIGEST_DIGITS, ImageKey, Layout, Rendition
from stablecog_provider.model.partition_summary import PartitionSummary

NEWEST = datetime(2026, 11, 25, tzinfo=UTC)
DAYS = 1096
UPSCALED = 4
"""Every so many outputs have an upscaled image, too."""
OUTPUTS_PER_ROW = UPSCALED / (UPSCALED + 1)
SHAPES = ((1024, 1024), (1024, 768), (768, 1152), (1344, 768), (832, 1216), (512, 512))
SUBJECTS = [
    "lighthouse",
    "fox",
    "city",
    "forest",
    "portrait",
    "dragon",
    "harbour",
    "mountain",
    "teapot",
    "astronaut",
    "owl",
    "garden",
]
STYLES = [
    "gouache",
    "oil on canvas",
    "watercolour",
    "pencil sketch",
    "film grain",
    "isometric render",
    "ink wash",
    "pastel",
]
MODELS = (
    "22b0857d-7edc-4d00-9cd9-45aa509db093",
    "b6c1372f-31a7-457c-907c-d292a6ffef97",
    "9fa49c00-109d-430f-9ddd-449f02e2c71a",
)
RARE = "chrysoberyl"
"""In the prompt of one output of the oldest month alone."""
AT_ONCE = 8


def picture(number: int, size: tuple[int, int]) -> bytes:
    """Return a JPEG of about 100 kB, different for each number."""
    noise = Image.frombytes("L", (32, 32), random.Random(number).randbytes(32 * 32))  # noqa: S311 (the same each time)
    coloured = Image.merge("RGB", [noise, noise.rotate(90), noise.rotate(180)]).resize(size, Image.Resampling.BICUBIC)
    sink = io.BytesIO()
    coloured.save(sink, "JPEG", quality=90)
    return sink.getvalue()


async def write(store: ObjectStore, layout: Layout, rows: int, images: int) -> Checkpoint:
    """Write so many rows, and the images of the `images` newest outputs. Returns the checkpoint, which is written last."""
    outputs = int(rows * OUTPUTS_PER_ROW)
    slots, summaries = asyncio.Semaphore(AT_ONCE), dict[date, PartitionSummary]()

    async def one_day(number: int, first: int, count: int) -> None:
        day = (NEWEST - timedelta(days=number)).date()
        async with slots:
            bodies = {at: picture(at, SHAPES[at % len(SHAPES)]) for at in range(count) if first + at < images}
            table = await asyncio.to_thread(_table, layout, day, first, count, bodies, number == DAYS - 10)
            for at, body in bodies.items():
                key = _key(layout, day, _output_id(first + at), "original", hashlib.sha256(body).hexdigest())
                await store.put(key, body, content_type="image/jpeg")
            partition = ParquetPartition(day, table, "bench")
            body = await asyncio.to_thread(partition.to_parquet)
            partition.version = (await store.put(layout.partition(day), body, content_type="x/y")).strip('"')
            summaries[day] = partition.summary()

    async with asyncio.TaskGroup() as group:
        for number, (first, count) in enumerate(_spread(outputs)):
            group.create_task(one_day(number, first, count))
    whole = Window(NEWEST - timedelta(days=DAYS), NEWEST + timedelta(days=1))
    checkpoint = Checkpoint("https://api.example", Axis.REQUESTED, Coverage((whole,)), summaries, saved_at=whole.end)
    await store.put(layout.checkpoint, checkpoint.to_json(), content_type="application/json")
    return checkpoint


def _spread(outputs: int) -> Iterator[tuple[int, int]]:
    """The first output and the number of outputs of each day, newest first."""
    for number in range(DAYS):
        first, end = outputs * number // DAYS, outputs * (number + 1) // DAYS
        yield first, end - first


def _output_id(number: int) -> str:
    return str(UUID(bytes=hashlib.md5(number.to_bytes(8, "big"), usedforsecurity=False).digest()))


def _key(layout: Layout, day: date, output_id: str, rendition: str, sha256: str) -> str:
    return layout.image(ImageKey(day, output_id, Rendition(rendition), sha256[:DIGEST_DIGITS], "jpeg"))


def _table(layout: Layout, day: date, first: int, count: int, bodies: dict[int, bytes], is_rare: bool) -> pa.Table:
    """The rows of a day, rising; the newest output has the lowest number."""
    columns: dict[str, list[Any]] = {name: [] for name in SCHEMA.names}
    start, step = datetime(day.year, day.month, day.day, tzinfo=UTC), timedelta(days=1) / (count + 1)
    for at in reversed(range(count)):
        created = start + step * (count - at)
        for rendition in ("original", "upscaled")[: 2 if (first + at) % UPSCALED == 0 else 1]:
            row = _row(layout, day, first + at, created, rendition, bodies.get(at))
            if is_rare and at == 0:
                row["prompt"] = f"a ring with a {RARE}"
            for name in columns:
                columns[name].append(row.get(name))
    return pa.Table.from_arrays([pa.array(columns[field.name], field.type) for field in SCHEMA], schema=SCHEMA)


def _row(layout: Layout, day: date, number: int, at: datetime, rendition: str, body: bytes | None) -> dict[str, Any]:
    output_id, width_height = _output_id(number), SHAPES[number % len(SHAPES)]
    digest = hashlib.sha256(body if body and rendition == "original" else f"{number}{rendition}".encode()).hexdigest()
    prompt = (
        f"a {SUBJECTS[number * 7 % len(SUBJECTS)]} at dusk, {STYLES[number // 12 % len(STYLES)]}, variation {number}"
    )
    url = f"https://b.example/{digest[:32]}.jpeg"
    metadata = {
        "generation_id": _output_id(number // 4 + 2**40), "prompt_id": _output_id(number + 2**41), "prompt": prompt,
        "model_id": MODELS[number % 3], "scheduler_id": MODELS[number % 2], "gallery_status": "not_submitted",
        "width": width_height[0], "height": width_height[1], "inference_steps": 30, "num_outputs": 4, "seed": number * 7919,
        "guidance_scale": 7.0, "is_favorited": number % 50 == 0, "is_public": False,
    }  # fmt: skip
    times = dict.fromkeys(
        ("started_at", "completed_at", "output_created_at", "archived_at", "first_seen_at", "last_seen_at"), at
    )
    return {
        "output_id": output_id, "rendition": rendition, "created_at": at, "state": "archived", "sha256": digest,
        "uri": layout.uri(_key(layout, day, output_id, rendition, digest)), "source_url": url, "archived_url": url,
        "content_type": "image/jpeg", "bytes": len(body) if body else 110_000, "attempts": 1, "run_id": "bench",
        "raw": json.dumps({"id": output_id, "image_url": url, "generation": metadata}), **metadata, **times,
    }  # fmt: skip
