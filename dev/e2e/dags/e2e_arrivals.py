"""Dags for `make e2e`: one archives, one waits in a deferred sensor before, one is started by a watcher in the triggerer."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Asset, AssetWatcher

from stablecog_provider.airflow.assets import archive_asset, manifest_asset
from stablecog_provider.airflow.operators import StablecogToS3Operator
from stablecog_provider.airflow.sensors import StablecogNewOutputsSensor
from stablecog_provider.airflow.triggers import StablecogNewOutputsWatcher

BUCKET, PREFIX = os.environ["STABLECOG_ARCHIVE_BUCKET"], os.environ["STABLECOG_ARCHIVE_PREFIX"]
PLACE: dict[str, Any] = {"bucket": BUCKET, "prefix": PREFIX}
ADDRESS = f"s3://{BUCKET}/{PREFIX}"
OUTLETS = [archive_asset(ADDRESS), manifest_asset(ADDRESS)]
START = datetime(2026, 1, 1, tzinfo=UTC)
SECONDS = 2.0
"""Between two looks at the source."""

with DAG("e2e_archive", schedule=None, start_date=START, catchup=False):
    StablecogToS3Operator(task_id="archive", outlets=OUTLETS, **PLACE)

with DAG("e2e_waiting", schedule=None, start_date=START, catchup=False):
    wait = StablecogNewOutputsSensor(
        task_id="wait", deferrable=True, poke_interval=SECONDS, timeout=timedelta(minutes=20), **PLACE
    )
    wait >> StablecogToS3Operator(task_id="archive", outlets=OUTLETS, **PLACE)

WATCHER = AssetWatcher(
    name="e2e", trigger=StablecogNewOutputsWatcher(BUCKET, PREFIX, poke_interval=SECONDS, repeat_after=3600.0)
)
NEW = Asset(uri=f"stablecog-e2e://{BUCKET}/{PREFIX}", watchers=[WATCHER])

with DAG("e2e_watched", schedule=[NEW], start_date=START, catchup=False, max_active_runs=1):
    StablecogToS3Operator(task_id="archive", outlets=OUTLETS, **PLACE)
