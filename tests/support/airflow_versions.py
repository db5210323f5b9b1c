"""What Airflow 3.1 has at another place than later versions."""

from __future__ import annotations

try:
    from airflow.dag_processing.dagbag import BundleDagBag, DagBag, sync_bag_to_db
    from airflow.sdk.lineage import HookLineageCollector
except ImportError:  # below 3.2
    from airflow.lineage.hook import HookLineageCollector  # type: ignore[import-not-found,no-redef]
    from airflow.models.dagbag import BundleDagBag, DagBag, sync_bag_to_db  # type: ignore[no-redef]

__all__ = ["BundleDagBag", "DagBag", "HookLineageCollector", "sync_bag_to_db"]
