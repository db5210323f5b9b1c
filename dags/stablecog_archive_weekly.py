"""Checks a Stablecog archive every week: stored bytes, a restore of a sample, metadata, and its state as a whole."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, AssetAlias, Param

from stablecog_provider.airflow.assets import manifest_asset
from stablecog_provider.airflow.operators import (
    StablecogRefreshOperator,
    StablecogRestoreOperator,
    StablecogStatusOperator,
    StablecogVerifyOperator,
)
from stablecog_provider.airflow.params import (
    concurrency_param,
    place_params,
    run_params,
    span_param,
    templates,
    verify_params,
)
from stablecog_provider.archive.verify import VerifySettings

BUCKET = os.environ.get("STABLECOG_ARCHIVE_BUCKET") or "STABLECOG_ARCHIVE_BUCKET-is-not-set"
PREFIX = os.environ.get("STABLECOG_ARCHIVE_PREFIX", "stablecog").strip("/")
MANIFEST = manifest_asset(f"s3://{BUCKET}/{PREFIX}")
ELSEWHERE = AssetAlias("stablecog_archive")
PLACE = ("bucket", "prefix", "stablecog_conn_id", "aws_conn_id")

DOC = """
### Is the archive still what it should be?

- `verify` reads a slice of the stored bytes, least recently verified first, and compares their SHA-256.
- `drill` restores a random sample of 20 images to a scratch folder, compares it with the source, and removes it.
- `refresh` reads as much of the history again as keeps metadata younger than 30 days.
- `status` fails if the archive is not proven, or if a part of it was not checked for too long.

The tasks do not wait for each other's success: each finds what the others cannot. `well` succeeds if all did.

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
        **place_params(BUCKET, PREFIX),
        **verify_params(budget="50GB"),
        "drill_sample": Param(
            20, type="integer", minimum=1, maximum=1000, description="Images that the drill restores"
        ),
        "refresh_within": span_param("30d", "Keep metadata younger than this"),
        "refresh_budget": Param("", type="string", description="Requests (500requests) or time (10m) for the refresh"),
        "max_lag": span_param("36h", "Fail if the archive is further behind; empty: no limit"),
        "max_unverified": span_param("", "Fail if bytes were not verified for longer; empty: no limit"),
        "max_unrefreshed": span_param("35d", "Fail if metadata was not read for longer; empty: no limit"),
        "allow_unsafe_store": run_params()["allow_unsafe_store"],
        "concurrency": concurrency_param(VerifySettings, "Upper limit on parallel requests of each task"),
    },
) as dag:
    place, store = templates(*PLACE), templates("bucket", "prefix", "aws_conn_id")
    verified = StablecogVerifyOperator(
        task_id="verify",
        budget="{{ params.verify_budget }}",
        **place,
        **templates("level", "repair", "concurrency"),
    )
    drilled = StablecogRestoreOperator(task_id="drill", drill=True, sample="{{ params.drill_sample }}", **place)
    refreshed = StablecogRefreshOperator(
        task_id="refresh",
        within="{{ params.refresh_within }}",
        budget="{{ params.refresh_budget }}",
        outlets=[MANIFEST, ELSEWHERE],
        **place,
        **templates("concurrency", "allow_unsafe_store"),
    )
    # Runs even if the others failed: it says what is left, whatever the reason.
    state = StablecogStatusOperator(
        task_id="status",
        **store,
        **templates("max_lag", "max_unverified", "max_unrefreshed"),
        trigger_rule="all_done",
        retries=0,
    )
    [verified, drilled, refreshed] >> state
    # Airflow takes the state of the last task for that of the Dag: this one fails if any of them did.
    [verified, drilled, refreshed, state] >> EmptyOperator(task_id="well")
