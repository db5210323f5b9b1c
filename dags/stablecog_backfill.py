"""Archive all that an account has with many workers at once: the first time, or after a long pause."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Param, task

from stablecog_provider.airflow.operators import StablecogToS3Operator
from stablecog_provider.airflow.planning import planned_windows
from stablecog_provider.archive.copying.concurrency import DEFAULT_CONCURRENCY

BUCKET = os.environ.get("STABLECOG_ARCHIVE_BUCKET", "STABLECOG_ARCHIVE_BUCKET-is-not-set")
PREFIX = os.environ.get("STABLECOG_ARCHIVE_PREFIX", "stablecog").strip("/")
POOL = os.environ.get("STABLECOG_API_POOL", "default_pool")

DOC = """
### Everything at once, in windows of equal work

`plan` halves what the archive lacks by the source's own counts, `archive` runs once for each window on whatever workers
there are, and `prove` reads what is left and proves the whole. Trigger it by hand; afterwards the daily Dag goes on from
there. It may run beside the daily Dag, and may be cleared or stopped at any time: the windows meet in objects that are
replaced by compare-and-swap.

**The rate limit is the client address's, not the worker's** (10 requests a second; workers behind one address share it).
Share it by a pool: with as many slots as windows may run at once, and that share of the rate in the connection's extra,
here four times two:

    airflow pools set stablecog_api 4 "windows of the Stablecog backfill"
    STABLECOG_API_POOL=stablecog_api            in the environment of the Dag processor
    {"requests_per_second": 2}                  in the extra of stablecog_default
"""

with DAG(
    dag_id="stablecog_backfill",
    description="Archive all of a Stablecog account with many workers",
    doc_md=DOC,
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["stablecog", "archive", "s3"],
    default_args={
        "retries": 4,
        "retry_delay": timedelta(minutes=1),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=15),
        "execution_timeout": timedelta(hours=12),
    },
    params={
        "bucket": Param(BUCKET, type="string", description="The bucket"),
        "prefix": Param(PREFIX, type="string", description="Where in the bucket the archive lies"),
        "pieces": Param(16, type="integer", minimum=1, maximum=500, description="How many windows, about"),
        "concurrency": Param(
            DEFAULT_CONCURRENCY,
            type="integer",
            minimum=1,
            maximum=1024,
            description="At most so many images at once, in each window",
        ),
    },
) as dag:

    @task(task_id="plan")
    def planned(params: dict[str, Any]) -> list[dict[str, Any]]:
        """The windows, as arguments of `archive`."""
        windows = planned_windows(params["bucket"], params["prefix"], pieces=params["pieces"])
        return [{**window, "concurrency": params["concurrency"]} for window in windows]

    archived = StablecogToS3Operator.partial(
        task_id="archive",
        bucket="{{ params.bucket }}",
        prefix="{{ params.prefix }}",
        lookback=timedelta(0),
        pool=POOL,
        map_index_template="{{ task.start }} to {{ task.end }}",
    ).expand_kwargs(planned())

    # Whatever became of the windows, this reads what they left and compares the whole with the source's counts.
    proven = StablecogToS3Operator(
        task_id="prove",
        bucket="{{ params.bucket }}",
        prefix="{{ params.prefix }}",
        trigger_rule="all_done",
    )
    archived >> proven
