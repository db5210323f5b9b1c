"""Archives a Stablecog account to S3 every day."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, AssetAlias

from stablecog_provider.airflow.assets import archive_asset, manifest_asset
from stablecog_provider.airflow.operators import StablecogToS3Operator
from stablecog_provider.airflow.params import place_params, run_params, templates

# S3 has no bucket with capital letters, so nobody can own this default.
BUCKET = os.environ.get("STABLECOG_ARCHIVE_BUCKET") or "STABLECOG_ARCHIVE_BUCKET-is-not-set"
PREFIX = os.environ.get("STABLECOG_ARCHIVE_PREFIX", "stablecog").strip("/")

# Identified by its address. Airflow allows one asset per name, so a fixed name would stop a second Dag, or one that moved.
ARCHIVE = archive_asset(f"s3://{BUCKET}/{PREFIX}")
"""Schedule other Dags on it. The extra of each event is the run's summary: counts, watermark, proof, changed days."""
MANIFEST = manifest_asset(f"s3://{BUCKET}/{PREFIX}")
"""Schedule other Dags on its days, as `stablecog_changed_days` is."""
ELSEWHERE = AssetAlias("stablecog_archive")
"""Has the event instead, if params name another archive than the environment."""

DOC = """
### Every image of the account in S3, proven complete

Copies what the account has and the bucket lacks, writes the manifest (`{prefix}/manifest/`, Parquet, one partition per day), and
compares it with the source's own counts. Uses the connections `stablecog_default` (the API key) and `aws_default`.

#### Troubleshooting

The log of a failed try ends with two lines: what is wrong, and `What to do`. Airflow's own record of the exception follows.

| what is wrong | next step |
|---|---|
| a warning `Attempt ... failed`, and no error | none: the request succeeded later |
| 401, 403, or a missing connection or bucket | fix what the message names, then clear the task |
| the source or the store failed or cannot be reached | none: a retry or the next run continues from there |
| the source's count differs from the manifest's | clear the task once; if it differs again, report it to the service |
| the source contradicts itself, or a document cannot be read | report it to the Dag's owner; everything committed is kept |

It is safe to clear a task, to stop it, to run it again, and to run it twice at the same time. No row or image is lost or
duplicated, and nothing is deleted. Missed days need no backfill: each run reads everything that is missing.
Failed images do not fail the run; later runs retry them.
"""

with DAG(
    dag_id="stablecog_archive_daily",
    description="Archive a Stablecog account's generation outputs to S3",
    doc_md=DOC,
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["stablecog", "archive", "s3"],
    default_args={
        "retries": 4,
        "retry_delay": timedelta(minutes=2),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=30),
        "execution_timeout": timedelta(hours=12),
    },
    params={**place_params(BUCKET, PREFIX), **run_params(refresh_within="30d")},
) as dag:
    StablecogToS3Operator(
        task_id="archive",
        **templates(*dag.params),
        outlets=[ARCHIVE, MANIFEST, ELSEWHERE],
    )
