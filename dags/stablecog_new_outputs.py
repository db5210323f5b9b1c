"""Archives a Stablecog account as soon as it has new outputs, without a schedule."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, Asset, AssetAlias, AssetWatcher

from stablecog_provider.airflow.assets import archive_asset, manifest_asset
from stablecog_provider.airflow.operators import StablecogToS3Operator
from stablecog_provider.airflow.params import place_params, run_params, templates
from stablecog_provider.airflow.triggers import StablecogNewOutputsWatcher

BUCKET = os.environ.get("STABLECOG_ARCHIVE_BUCKET") or "STABLECOG_ARCHIVE_BUCKET-is-not-set"
PREFIX = os.environ.get("STABLECOG_ARCHIVE_PREFIX", "stablecog").strip("/")

ARCHIVE = archive_asset(f"s3://{BUCKET}/{PREFIX}")
MANIFEST = manifest_asset(f"s3://{BUCKET}/{PREFIX}")
ELSEWHERE = AssetAlias("stablecog_archive")
NEW = Asset(
    uri=f"stablecog://{BUCKET}/{PREFIX}".rstrip("/"),
    watchers=[
        AssetWatcher(
            name="stablecog_new_outputs", trigger=StablecogNewOutputsWatcher(BUCKET, PREFIX, poke_interval=300.0)
        )
    ],
)
"""Its events say that the source has settled outputs that the archive lacks. The triggerer asks every 5 minutes."""

DOC = """
### Every new image in S3 a few minutes after it was made

Airflow's triggerer asks the source every 5 minutes whether it has outputs that the archive lacks: one request, and no worker.
If so, this Dag runs once and archives them. If a run fails for good, the next one starts an hour later.

Use it instead of `stablecog_archive_daily`, or beside it: two runs at the same time lose and duplicate nothing. It needs the
variable `STABLECOG_ARCHIVE_BUCKET` where the Dag is parsed. The params are for a run by hand.

#### Troubleshooting

| what you see | next step |
|---|---|
| no run, though there are new outputs | is the Dag unpaused, and is a triggerer running? Its log names what it could not ask |
| a failed run | the log's last two lines of ours: what is wrong, and what to do |
"""

with DAG(
    dag_id="stablecog_new_outputs",
    description="Archive new outputs of a Stablecog account as they appear",
    doc_md=DOC,
    schedule=[NEW],
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
    params={**place_params(BUCKET, PREFIX), **run_params()},
) as dag:
    StablecogToS3Operator(
        task_id="archive",
        **templates(*dag.params),
        outlets=[ARCHIVE, MANIFEST, ELSEWHERE],
    )
