"""Archive a Stablecog account to S3, every day."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, Asset, Param

from stablecog_provider.airflow.operators import StablecogToS3Operator

# No name that somebody might own: S3 has no bucket with capitals.
BUCKET = os.environ.get("STABLECOG_ARCHIVE_BUCKET", "STABLECOG_ARCHIVE_BUCKET-is-not-set")
PREFIX = os.environ.get("STABLECOG_ARCHIVE_PREFIX", "stablecog").strip("/")

# Named by its address: a name of its own could belong to one archive only, and a second Dag, or one that moved, would not run.
ARCHIVE = Asset(uri=f"s3://{BUCKET}/{PREFIX}".rstrip("/"))
"""Schedule other Dags on it: the extra of each event is the run's summary (`archive`: which one, also where a run's params name
another than the environment; counts, watermark, proof)."""

DOC = """
### Every image of the account, in S3, proven complete

Copies what the account has and the bucket lacks, writes the manifest (`{prefix}/manifest/`, Parquet, one partition a day), and
compares the source's own counts with it. Uses the connections `stablecog_default` (the API key) and `aws_default`.

**If it failed in the night**

| the log's last lines say | do |
|---|---|
| `Proven` | nothing: it is well, and this attempt was not the last |
| an answer of 401 or 403, a connection or bucket that does not exist | fix what the sentence names, then clear the task |
| the source or the store failed or cannot be reached | nothing: the retries and the next run go on where this one stopped |
| the source counts other than the manifest | clear the task once; if the places stay the same, tell the service's support |
| the source contradicts itself, or a document cannot be read | leave it: the checkpoint has not moved; tell who keeps this Dag |

Clearing, running again, running twice at once and stopping in the middle are all safe: no row and no image is lost or
doubled, and nothing is ever deleted. A day without runs needs no backfill: each run reads all that is missing.
Images that failed do not fail the run; later runs try them again by themselves.
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
    params={
        "bucket": Param(
            BUCKET, type="string", pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{1,61}[0-9A-Za-z]$", description="The bucket"
        ),
        "prefix": Param(
            PREFIX,
            type="string",
            maxLength=512,
            pattern=r"^([0-9A-Za-z!_.*'()=-]+(/[0-9A-Za-z!_.*'()=-]+)*)?$",
            description="Where in the bucket the archive lies; no slash at its ends",
        ),
    },
) as dag:
    StablecogToS3Operator(
        task_id="archive",
        bucket="{{ params.bucket }}",
        prefix="{{ params.prefix }}",
        outlets=[ARCHIVE],
    )
