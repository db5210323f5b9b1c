"""Checks a Stablecog archive every week: stored bytes, a restore of a sample, metadata, and its state as a whole."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, AssetAlias, Param

from stablecog_provider.airflow.assets import manifest_asset
from stablecog_provider.airflow.operators import (
    StablecogRefreshOperator,
    StablecogRestoreOperator,
    StablecogStatusOperator,
    StablecogVerifyOperator,
)

BUCKET = os.environ.get("STABLECOG_ARCHIVE_BUCKET") or "STABLECOG_ARCHIVE_BUCKET-is-not-set"
PREFIX = os.environ.get("STABLECOG_ARCHIVE_PREFIX", "stablecog").strip("/")
MANIFEST = manifest_asset(f"s3://{BUCKET}/{PREFIX}")
ELSEWHERE = AssetAlias("stablecog_archive")

DOC = """
### Is the archive still what it should be?

- `verify` reads a slice of the stored bytes, least recently verified first, and compares their SHA-256.
- `drill` restores a random sample of 20 images to a scratch folder, compares it with the source, and removes it.
- `refresh` reads as much of the history again as keeps metadata younger than 30 days.
- `status` fails if the archive is not proven, or if a part of it was not checked for too long.

The tasks do not wait for each other's success: each finds what the others cannot.

#### If a task fails

| task | what it means | next step |
|---|---|---|
| `verify` | stored bytes are missing or damaged; nothing was deleted | trigger this Dag with the param `repair` |
| `verify`, could not be read | the store failed; nothing is known to be damaged | none: a retry reads them again |
| `drill` | an image could not be restored, or the source has other bytes | the log names each; for damage, the param `repair` |
| `refresh` | the counts differ, or the source failed; what was read is saved | clear the task once; then ask the service |
| `status` | the log names what is left, or the limit that is broken | what the line `What to do` says |
"""

with DAG(
    dag_id="stablecog_archive_weekly",
    description="Verify, try to restore, and refresh a Stablecog archive, and check its state",
    doc_md=DOC,
    schedule="@weekly",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["stablecog", "archive", "s3"],
    default_args={
        "retries": 2,
        "retry_delay": timedelta(minutes=5),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=30),
        "execution_timeout": timedelta(hours=12),
    },
    params={
        "bucket": Param(BUCKET, type="string", description="Bucket of the archive"),
        "prefix": Param(PREFIX, type="string", description="Prefix of the archive"),
        "verify_budget": Param("50GB", type="string", description="How much to verify: bytes, a time or images"),
        "repair": Param(False, type="boolean", description="Repair what verify finds"),
    },
) as dag:
    verified = StablecogVerifyOperator(
        task_id="verify",
        bucket="{{ params.bucket }}",
        prefix="{{ params.prefix }}",
        budget="{{ params.verify_budget }}",
        repair="{{ params.repair }}",
    )
    drilled = StablecogRestoreOperator(
        task_id="drill",
        bucket="{{ params.bucket }}",
        prefix="{{ params.prefix }}",
        drill=True,
        sample=20,
    )
    refreshed = StablecogRefreshOperator(
        task_id="refresh",
        bucket="{{ params.bucket }}",
        prefix="{{ params.prefix }}",
        within=timedelta(days=30),
        outlets=[MANIFEST, ELSEWHERE],
    )
    # Runs even if the others failed: it says what is left, whatever the reason.
    state = StablecogStatusOperator(
        task_id="status",
        bucket="{{ params.bucket }}",
        prefix="{{ params.prefix }}",
        max_lag=timedelta(hours=36),
        max_unrefreshed=timedelta(days=35),
        trigger_rule="all_done",
        retries=0,
    )
    [verified, drilled, refreshed] >> state
