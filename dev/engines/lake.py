"""A small archive's manifest that has what trips readers up, and the names of its models.

Four days. The oldest partition has the columns of the first schema version alone. Its rows have nulls, text in several scripts,
seeds at the limits of 64 bits, and instants on both sides of midnight in several time zones.
"""

from __future__ import annotations

import io
import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq

from stablecog_provider.adapters.parquet_partition import SCHEMA, VERSION_KEY, ParquetPartition, table_of
from stablecog_provider.model.manifest import Row, State

from .questions import COMPOSED, FOX, TOWER

OLD = date(2023, 3, 5)
DAYS = (OLD, date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 22))
FIRST_VERSION = SCHEMA.names[: SCHEMA.names.index("raw") + 1]
"""The columns of a partition that an early version wrote."""
OUTPUTS = 60
"""Of each day."""
MODELS = {
    f"{number:08d}-0000-4000-8000-000000000000": name for number, name in enumerate(("Luna", "Kandinsky 2.2", "灯台"))
}
FORGOTTEN_MODEL = "99999999-0000-4000-8000-000000000000"
"""No list of models names it."""
SEEDS = (-(2**63), 2**63 - 1, 2**53 + 1, -(2**53) - 1, 2**53, 0, 7, None)
PROMPTS = (
    "", None, COMPOSED, "e\u0301clair", f"a {TOWER} at dusk", f"{FOX}\u200d{FOX} two foxes", f"{FOX}\x00 after a NUL",
    "'quoted', \\back, \"double\"; -- no comment", f"{FOX} " + "long " * 5000, "שלום", "a lighthouse\nin two lines",
)  # fmt: skip


def rows() -> dict[date, list[Row]]:
    """Return the rows of each day, the same every time."""
    chance = random.Random(14)  # noqa: S311 (the same every time)
    return {day: _sorted([row for number in range(OUTPUTS) for row in _images(day, number, chance)]) for day in DAYS}


def _sorted(found: list[Row]) -> list[Row]:
    return sorted(found, key=lambda row: (row.created_at, row.output_id, row.rendition))


def _images(day: date, number: int, chance: random.Random) -> list[Row]:
    """Return one or two rows of an output."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    created = midnight + number * timedelta(days=1) / OUTPUTS + timedelta(microseconds=chance.randrange(10**6))
    if number == OUTPUTS - 1:
        created = midnight + timedelta(days=1, microseconds=-1)
    columns: dict[str, Any] = {
        "output_id": str(UUID(int=chance.getrandbits(128))), "created_at": created, "first_seen_at": created,
        "last_seen_at": created, "run_id": "lake", "raw": "{}", "attempts": 1, "prompt": chance.choice(PROMPTS),
        "seed": chance.choice(SEEDS), "model_id": chance.choice([*MODELS, FORGOTTEN_MODEL, None]),
        "guidance_scale": chance.choice([None, 7.5]), "is_favorited": chance.choice([None, True, False]),
        "deleted_at": created if number % 9 == 0 else None,
    }  # fmt: skip
    found = [_row(columns, "original", chance, is_old=day == OLD)]
    if number % 4 == 0:
        found.append(_row(columns, "upscaled", chance, is_old=day == OLD))
    return found


def _row(columns: dict[str, Any], rendition: str, chance: random.Random, *, is_old: bool) -> Row:
    at = columns["created_at"]
    if chance.randrange(8) == 0:
        return Row(**columns, rendition=rendition, state=State.GONE, gone_since=None if is_old else at)
    digest = f"{chance.getrandbits(256):064x}"
    stored = {
        "sha256": digest, "bytes": chance.randrange(2**31, 2**33), "archived_at": at,
        "uri": f"s3://archive/images/{digest}.jpeg", "source_url": "https://b.example/a.jpeg",
        "earlier_images": "[]" if not is_old and chance.randrange(5) == 0 else None,
    }  # fmt: skip
    return Row(**columns, **stored, rendition=rendition, state=State.ARCHIVED)


def objects() -> dict[str, bytes]:
    """Return the objects of the archive that readers need, by key: partitions and the names of models."""
    found = {f"manifest/dt={day}/manifest.parquet": _partition(day, each) for day, each in rows().items()}
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": list(MODELS), "name": list(MODELS.values())}), sink)
    return found | {"models/models.parquet": sink.getvalue()}


def _partition(day: date, found: list[Row]) -> bytes:
    table = table_of(found)
    if day != OLD:
        return ParquetPartition(day, table, "lake").to_parquet()
    sink = io.BytesIO()
    pq.write_table(table.select(FIRST_VERSION).replace_schema_metadata({VERSION_KEY: b"1"}), sink, compression="zstd")
    return sink.getvalue()


def write(folder: Path) -> None:
    """Write the objects below a folder."""
    for key, body in objects().items():
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(body)
