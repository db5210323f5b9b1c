"""Loads the days of a Stablecog archive that changed into a DuckDB database. A template for a consumer of your own."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Asset, AssetAlias, Param, task

from stablecog_provider.airflow.assets import changed_days, manifest_asset, once_per_changed_day
from stablecog_provider.airflow.loading import load_days

BUCKET = os.environ.get("STABLECOG_ARCHIVE_BUCKET") or "STABLECOG_ARCHIVE_BUCKET-is-not-set"
PREFIX = os.environ.get("STABLECOG_ARCHIVE_PREFIX", "stablecog").strip("/")
MANIFEST = manifest_asset(f"s3://{BUCKET}/{PREFIX}")
LOADED = AssetAlias("stablecog_duckdb")
"""Has an event per run, for the database that was written: its extra counts the rows of each day."""
DATABASE = os.environ.get("STABLECOG_DUCKDB") or os.path.expandvars("$AIRFLOW_HOME/stablecog.duckdb")

DOC = """
### The manifest as a table, kept up to date day by day

Runs once for each day whose rows changed: new outputs, late arrivals, changed metadata, outputs that were deleted or forgotten.
(Before Airflow 3.3: once for each run that changed days, for all of them.) Each run replaces its day in the table `images` in
one transaction, so it is safe to clear it, to repeat it, and to run it late.

Trigger it by hand with the param `days` (`2026-11-20,2026-11-21`, or `all`) to load days again.
The database is a file: all runs must see the same one, and they write one after the other.
"""

with DAG(
    dag_id="stablecog_changed_days",
    description="Load changed days of a Stablecog archive into DuckDB",
    doc_md=DOC,
    schedule=once_per_changed_day(MANIFEST),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["stablecog", "archive", "duckdb"],
    default_args={"retries": 4, "retry_delay": timedelta(minutes=2), "retry_exponential_backoff": True},
    params={
        "database": Param(DATABASE, type="string", description="File of the DuckDB database"),
        "days": Param("", type="string", description="Days to load again, separated by commas, or `all`"),
    },
) as dag:

    @task(task_id="load", inlets=[MANIFEST], outlets=[LOADED])
    def load(**context: Any) -> dict[str, int]:
        """Replace the changed days, and return the number of rows of each."""
        params = context["params"]
        loaded = load_days(params["database"], BUCKET, PREFIX, days=changed_days(context, params["days"]))
        context["outlet_events"][LOADED].add(
            Asset(f"file://{Path(params['database']).resolve()}"), extra={"days": loaded}
        )
        return loaded

    load()
