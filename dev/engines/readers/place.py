"""Where the objects are: a folder, or a bucket of an S3 server; and what a reader reports."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date, datetime

from ..questions import Rows

NEW_COLUMN = "gone_since"
"""The oldest partition lacks it."""


@dataclass(frozen=True)
class Place:
    """`root`: a folder, or `s3://bucket/prefix`. The server's address and keys come from the environment."""

    root: str

    @property
    def is_s3(self) -> bool:
        return self.root.startswith("s3://")

    @property
    def manifest(self) -> str:
        return f"{self.root}/manifest"

    @property
    def models(self) -> str:
        return f"{self.root}/models/models.parquet"

    @property
    def iceberg(self) -> str:
        """The address of the Iceberg table's metadata."""
        return os.environ["ICEBERG_METADATA"]

    @property
    def endpoint(self) -> str:
        return os.environ["AWS_ENDPOINT_URL_S3"]

    @property
    def host(self) -> str:
        return self.endpoint.partition("://")[2]

    @property
    def keys(self) -> tuple[str, str]:
        return os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]


@dataclass(frozen=True)
class Reading:
    """`answers`: by question. `dt`: its type. `elsewhere`: number of rows for which the plain date of `created_at` is not `dt`,
    while the process is in another time zone. `new_columns`: whether the columns that the oldest partition lacks are there
    without any option.
    """

    version: str
    dt: str
    answers: dict[str, Rows]
    elsewhere: int
    new_columns: bool


def plain(value: object) -> object:
    """Return a value as JSON has it; days as text."""
    if isinstance(value, datetime):
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, date) else value
