"""What the demo tells of the archive, read back from the bucket: reports, and the manifest asked by DuckDB.

DuckDB can read `s3://` by itself with its httpfs extension, which it downloads; here Arrow tables are handed to it instead.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ..local.s3_server import S3Server

QUERIES = {
    "Outputs a day": """
        select cast(created_at at time zone 'UTC' as date) as day, count(*) as images,
               count(distinct output_id) as outputs, sum(bytes) as bytes
        from manifest where state = 'archived' group by day order by day desc limit 8""",
    "By model": """
        select model_id as model, count(distinct output_id) as outputs, count(*) as images, sum(bytes) as bytes
        from manifest where state = 'archived' group by model order by outputs desc limit 6""",
    "By kind of image": """
        select rendition, content_type as type, state, count(*) as images, sum(bytes) as bytes,
               cast(avg(bytes) as bigint) as mean_bytes
        from manifest group by all order by images desc""",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A query's columns and rows."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


class Archive:
    """An archive in a bucket, read with boto3."""

    def __init__(self, server: S3Server, bucket: str, prefix: str) -> None:
        self._client = server.client()
        self._bucket, self._prefix = bucket, prefix.strip("/") + "/"

    def _objects(self, folder: str = "") -> Iterator[tuple[str, int]]:
        """Keys without the prefix, and sizes in bytes."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix + folder
        )
        for page in pages:
            for item in page.get("Contents", ()):
                yield item["Key"].removeprefix(self._prefix), item["Size"]

    def _body(self, key: str) -> bytes:
        return self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)["Body"].read()

    def reports(self) -> list[dict[str, Any]]:
        """The reports of all runs, oldest first."""
        return [json.loads(self._body(key)) for key, _ in sorted(self._objects("runs/"))]

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Objects and bytes by folder."""
        counts: Counter[str] = Counter()
        sums: Counter[str] = Counter()
        for key, size in self._objects():
            folder = key.split("/")[0] + "/" if "/" in key else key
            counts[folder] += 1
            sums[folder] += size
        return {folder: (counts[folder], sums[folder]) for folder in sorted(counts)}

    def download_manifest(self, folder: Path) -> list[Path]:
        """Copy all partitions as they lie, `dt=.../manifest.parquet`."""
        copied = []
        for key, _ in self._objects("manifest/"):
            path = folder / key.removeprefix("manifest/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._body(key))
            copied.append(path)
        return sorted(copied)


def ask(partitions: list[Path]) -> dict[str, Answer]:
    """Every query of QUERIES, over the partitions."""
    manifest = pa.concat_tables([pq.ParquetFile(path).read() for path in partitions])
    with duckdb.connect() as connection:
        connection.register("manifest", manifest)
        return {title: _answer(connection.execute(query)) for title, query in QUERIES.items()}


def _answer(result: duckdb.DuckDBPyConnection) -> Answer:
    return Answer([column[0] for column in result.description or ()], result.fetchall())
