"""Recreates the checkpoint of an archive, and then runs once: triggered by hand, where there is no shell."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, Param

from stablecog_provider.airflow.assets import archive_asset, manifest_asset
from stablecog_provider.airflow.operators import StablecogRebuildOperator, StablecogToS3Operator
from stablecog_provider.airflow.params import place_params, run_params, templates

BUCKET = os.environ.get("STABLECOG_ARCHIVE_BUCKET") or "STABLECOG_ARCHIVE_BUCKET-is-not-set"
PREFIX = os.environ.get("STABLECOG_ARCHIVE_PREFIX", "stablecog").strip("/")
ADDRESS = f"s3://{BUCKET}/{PREFIX}"
CONSENTS = ("allow_account_mismatch", "allow_deletions")
OUTLETS = [archive_asset(ADDRESS), manifest_asset(ADDRESS)]

DOC = """
### A new checkpoint for an archive

Trigger it if a task says that the checkpoint is lost or damaged, or that a partition cannot be read. It compares the manifest
with the source's counts, and then runs once. It deletes nothing. The params have the names of the options that an error
message advises: `--set-aside-damaged` is `set_aside_damaged`.
"""

with DAG(
    dag_id="stablecog_rebuild",
    description="Recreate the checkpoint of an archive, and run once",
    doc_md=DOC,
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["stablecog", "archive", "s3"],
    default_args={"retries": 3, "retry_delay": timedelta(minutes=2), "execution_timeout": timedelta(hours=12)},
    params={
        **place_params(BUCKET, PREFIX),
        "set_aside_damaged": Param(False, type="boolean", description="Move unreadable partitions to damaged/"),
        "check_images": Param(False, type="boolean", description="Look for every archived image in the bucket"),
        **{name: run_params()[name] for name in CONSENTS},
    },
) as dag:
    rebuilt = StablecogRebuildOperator(task_id="rebuild", **templates(*dag.params))
    # Without the consents: the checkpoint keeps what the rebuild has not used.
    rebuilt >> StablecogToS3Operator(task_id="archive", outlets=OUTLETS, **templates(*place_params(BUCKET, PREFIX)))
