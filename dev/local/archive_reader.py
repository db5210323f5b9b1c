"""Reads an archive from its bucket with boto3 alone, independently of the archive's own code."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .s3_server import S3Server


class ArchiveReader:
    """Reports, sizes and partitions below `prefix` in `bucket`."""

    def __init__(self, server: S3Server, bucket: str, prefix: str) -> None:
        self._client = server.client()
        self._bucket, self._prefix = bucket, prefix.strip("/") + "/"

    def _objects(self, folder: str = "") -> Iterator[tuple[str, int]]:
        """Yield keys without the prefix, and sizes in bytes."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix + folder
        )
        for page in pages:
            for item in page.get("Contents", ()):
                yield item["Key"].removeprefix(self._prefix), item["Size"]

    def _body(self, key: str) -> bytes:
        return self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)["Body"].read()

    def reports(self) -> list[dict[str, Any]]:
        """Return the reports of all runs, oldest first."""
        return [json.loads(self._body(key)) for key, _ in sorted(self._objects("runs/"))]

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Return the number of objects and of bytes per folder."""
        counts: Counter[str] = Counter()
        sums: Counter[str] = Counter()
        for key, size in self._objects():
            folder = key.split("/")[0] + "/" if "/" in key else key
            counts[folder] += 1
            sums[folder] += size
        return {folder: (counts[folder], sums[folder]) for folder in sorted(counts)}

    def download(self, key: str, path: Path) -> Path:
        """Copy one object of the archive to `path`, and return it."""
        ((found, _),) = self._objects(key)
        path.write_bytes(self._body(found))
        return path

    def download_manifest(self, folder: Path) -> list[Path]:
        """Copy all partitions to `folder` with their names, `dt=.../manifest.parquet`, and return their paths."""
        copied = []
        for key, _ in self._objects("manifest/"):
            path = folder / key.removeprefix("manifest/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._body(key))
            copied.append(path)
        return sorted(copied)
