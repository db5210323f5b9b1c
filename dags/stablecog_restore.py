"""Restores a selection of an archive into another one: triggered by hand, or from the archive's page."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, AssetAlias, Param

from stablecog_provider.airflow.operators import StablecogRestoreOperator
from stablecog_provider.airflow.params import place_params, restore_params, templates

BUCKET = os.environ.get("STABLECOG_ARCHIVE_BUCKET") or "STABLECOG_ARCHIVE_BUCKET-is-not-set"
PREFIX = os.environ.get("STABLECOG_ARCHIVE_PREFIX", "stablecog").strip("/")

DOC = """
### Pictures out of the archive, into another one

Copies what the condition selects to `into`, an empty prefix, and compares the SHA-256 of every image. It writes nothing to
the archive. It is safe to clear the task: what is there is skipped. To get files on a machine instead, use
`stablecog-archive restore` there.
"""

with DAG(
    dag_id="stablecog_restore",
    description="Restore a selection of the archive into another one",
    doc_md=DOC,
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    tags=["stablecog", "archive", "s3"],
    default_args={"retries": 3, "retry_delay": timedelta(minutes=2), "execution_timeout": timedelta(hours=12)},
    params={
        **place_params(BUCKET, PREFIX),
        "into": Param(
            "", type="string", pattern=r"^(s3://.+)?$", description="Where to: s3://bucket/prefix, at an empty prefix"
        ),
        **restore_params(),
    },
) as dag:
    StablecogRestoreOperator(task_id="restore", outlets=[AssetAlias("stablecog_archive")], **templates(*dag.params))
