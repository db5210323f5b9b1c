"""Archives a whole account with many workers at once: the first time, or after a long pause."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, AssetAlias, Param, task

from stablecog_provider.airflow.assets import archive_asset, manifest_asset
from stablecog_provider.airflow.operators import StablecogToS3Operator
from stablecog_provider.airflow.params import place_params, run_params, templates
from stablecog_provider.airflow.planning import planned_windows

BUCKET = os.environ.get("STABLECOG_ARCHIVE_BUCKET") or "STABLECOG_ARCHIVE_BUCKET-is-not-set"
PREFIX = os.environ.get("STABLECOG_ARCHIVE_PREFIX", "stablecog").strip("/")
ARCHIVE = archive_asset(f"s3://{BUCKET}/{PREFIX}")
MANIFEST = manifest_asset(f"s3://{BUCKET}/{PREFIX}")
ELSEWHERE = AssetAlias("stablecog_archive")
POOL = os.environ.get("STABLECOG_API_POOL", "default_pool")

PLACE = ("bucket", "prefix", "stablecog_conn_id", "aws_conn_id")
WINDOW = ("start", "end", "lookback")

DOC = """
### A whole account at once, in windows of equal work

- `plan` splits what the archive lacks into windows, by the source's own counts.
- `archive` runs once per window, on as many workers as are free.
- `prove` reads what is left and proves the whole archive.

Trigger it by hand; afterwards the daily Dag continues from there. It may run at the same time as the daily Dag, and may be
cleared or stopped at any time: windows write shared objects by compare-and-swap.

**The rate limit is per client address, not per worker**: 10 requests per second, shared by all workers behind one address.
Divide it with a pool. The pool's slots limit how many windows run at once; the connection's extra sets the rate of each. For
4 windows with 2 requests per second each:

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
        **place_params(BUCKET, PREFIX),
        **{name: param for name, param in run_params().items() if name not in WINDOW},
        "pieces": Param(16, type="integer", minimum=1, maximum=500, description="Approximate number of windows"),
    },
) as dag:

    @task(task_id="plan")
    def planned(params: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the windows as arguments of `archive`."""
        return planned_windows(pieces=params["pieces"], **{name: params[name] for name in PLACE})

    archived = StablecogToS3Operator.partial(
        task_id="archive",
        lookback=timedelta(0),
        # Consent to deletions is for the whole archive, not for each window.
        **templates(*PLACE, "per_page", "concurrency", "allow_unsafe_store", "allow_account_mismatch"),
        pool=POOL,
        outlets=[MANIFEST, ELSEWHERE],
        map_index_template="{{ task.start }} to {{ task.end }}",
    ).expand_kwargs(planned())

    # Runs even if windows failed: it reads what they left, and compares the whole with the source's counts.
    proven = StablecogToS3Operator(
        task_id="prove",
        **templates(*dag.params.keys() - {"pieces"}),
        outlets=[ARCHIVE, MANIFEST, ELSEWHERE],
        trigger_rule="all_done",
    )
    archived >> proven
