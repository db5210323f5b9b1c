"""Reads the Iceberg table with Polars."""

from __future__ import annotations

import polars as pl

from .place import NEW_COLUMN, Place, Reading
from .polars import answers, options


def read(place: Place) -> Reading:
    key, secret = place.keys
    # pyiceberg reads the metadata, and has its own names for these settings.
    metadata = {
        "s3.endpoint": place.endpoint, "s3.access-key-id": key, "s3.secret-access-key": secret, "s3.region": "us-east-1",
    }  # fmt: skip
    manifest = pl.scan_iceberg(place.iceberg, storage_options=options(place)["storage_options"] | metadata)
    models = pl.scan_parquet(place.models, **options(place))
    columns = manifest.collect_schema()
    elsewhere = manifest.filter(pl.col("created_at").dt.date() != pl.col("dt")).select(pl.len()).collect().item()
    return Reading(
        pl.__version__, str(columns["dt"]).lower(), answers(manifest, models), elsewhere, NEW_COLUMN in columns
    )
