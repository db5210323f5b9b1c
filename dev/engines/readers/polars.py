"""Polars: lazy frames."""

from __future__ import annotations

from typing import Any

import polars as pl

from ..questions import COMPOSED, DAY, EXACT, FOX, TOWER, UNNAMED, ZONES, Rows
from .place import NEW_COLUMN, Place, Reading, plain


def options(place: Place) -> dict[str, Any]:
    """Return the arguments that Polars needs to read a place."""
    if not place.is_s3:
        return {}
    key, secret = place.keys
    return {
        "storage_options": {
            "aws_endpoint_url": place.endpoint, "aws_access_key_id": key, "aws_secret_access_key": secret,
            "aws_region": "us-east-1", "aws_allow_http": "true",
        }
    }  # fmt: skip


def read(place: Place) -> Reading:
    given = options(place)
    models = pl.scan_parquet(place.models, **given)
    # The first file decides which columns there are, and the oldest file comes first.
    newest = pl.scan_parquet(f"{place.manifest}/dt=2026-11-22/*.parquet", **given, hive_partitioning=False)
    schema = newest.collect_schema()
    manifest = pl.scan_parquet(
        f"{place.manifest}/*/*.parquet", **given, hive_partitioning=True, schema=schema, missing_columns="insert"
    )
    elsewhere = manifest.filter(pl.col("created_at").dt.date() != pl.col("dt")).select(pl.len()).collect().item()
    kind = str(manifest.collect_schema()["dt"]).lower()
    plain_columns = pl.scan_parquet(f"{place.manifest}/*/*.parquet", **given).collect_schema()
    return Reading(pl.__version__, kind, answers(manifest, models), elsewhere, NEW_COLUMN in plain_columns)


def answers(manifest: pl.LazyFrame, models: pl.LazyFrame) -> dict[str, Rows]:
    archived = manifest.filter(pl.col("state") == "archived")
    named = manifest.join(models, left_on="model_id", right_on="id", how="left").with_columns(
        pl.col("name").fill_null(UNNAMED)
    )
    originals, upscaled = (archived.filter(pl.col("rendition") == name) for name in ("original", "upscaled"))
    outputs, images = pl.col("output_id").n_unique(), pl.len()
    prompt, seed = pl.col("prompt"), pl.col("seed")
    odd = prompt.str.contains(FOX, literal=True) | prompt.str.contains(TOWER, literal=True) | (prompt == COMPOSED)
    questions = {
        "days": archived.group_by("dt").agg(outputs, images, pl.col("bytes").sum()).sort("dt"),
        "models": named.group_by("name").agg(outputs, images).sort("name"),
        "pairs": originals.join(upscaled, on=["dt", "output_id"], suffix="_u")
        .group_by("dt")
        .agg(images, (pl.col("bytes") + pl.col("bytes_u")).sum().alias("total"))
        .sort("dt"),
        "one_day": manifest.filter((pl.col("dt") == pl.lit(DAY).str.to_date()) & (pl.col("state") != "archived"))
        .select("output_id", "rendition", "state")
        .sort("output_id", "rendition"),
        "zones": pl.concat(
            manifest.select(
                pl.lit(zone), (pl.col("created_at").dt.convert_time_zone(zone).dt.date() != pl.col("dt")).sum()
            )
            for zone in ZONES
        ),
        "instants": manifest.filter(pl.col("rendition") == "original")
        .select("output_id", pl.col("created_at").dt.epoch("us"))
        .sort("created_at", "output_id", descending=[True, False])
        .limit(5),
        "nulls": manifest.select(
            images, seed.count().alias("seeds"), prompt.count().alias("prompts"), pl.col("guidance_scale").count(),
            (prompt == "").sum().alias("blank"), pl.col("deleted_at").is_null().sum(), pl.col("is_favorited").is_null().sum(),
        ),
        "unicode": manifest.filter(odd).select(prompt, prompt.str.len_chars().alias("n")).unique().sort("n", "prompt"),
        "seeds": manifest.filter((seed > EXACT) | (seed < -EXACT)).group_by("seed").agg(images).sort("seed"),
        "evolution": manifest.group_by("dt")
        .agg(images, pl.col("gone_since").count(), pl.col("earlier_images").count())
        .sort("dt"),
    }  # fmt: skip
    return {
        name: [[plain(value) for value in row] for row in frame.collect().rows()] for name, frame in questions.items()
    }
