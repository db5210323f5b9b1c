"""Names that Airflow 3.1 has in other modules than later versions."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

try:
    from airflow.dag_processing.dagbag import BundleDagBag, DagBag, sync_bag_to_db
    from airflow.sdk.lineage import HookLineageCollector
except ImportError:  # below 3.2
    from airflow.lineage.hook import HookLineageCollector  # type: ignore[import-not-found,no-redef]
    from airflow.models.dagbag import BundleDagBag, DagBag, sync_bag_to_db  # type: ignore[no-redef]

__all__ = ["DagBag", "HookLineageCollector", "bag_in_database", "sync_bag_to_db"]


def bag_in_database(folder: Path) -> Any:
    """The DAGs of a folder, known to the database as `dag.test` wants it."""
    bundle: dict[str, Any] = {"bundle_path": folder, "bundle_name": "dags-folder"}
    known = inspect.signature(DagBag).parameters
    bag = BundleDagBag(dag_folder=str(folder), **{name: value for name, value in bundle.items() if name in known})
    assert bag.import_errors == {}
    sync_bag_to_db(bag, "dags-folder", None)
    return bag
