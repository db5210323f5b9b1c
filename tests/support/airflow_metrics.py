"""Sets up Airflow's metrics in this process, as a task does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from stablecog_provider.airflow.versions import Stats

try:
    from airflow.sdk.configuration import conf
    from airflow.sdk.observability.metrics import stats_utils
    from airflow.sdk.observability.stats import initialize
except ImportError:
    # Airflow 3.1 has only the core's metrics, and sets them up when they are first used.
    initialize = None  # type: ignore[assignment]


@contextmanager
def metrics_with(settings: Mapping[str, str]) -> Iterator[None]:
    """Set up the metrics with these environment variables, and at the end with the previous ones."""
    with pytest.MonkeyPatch.context() as changed:
        for name, value in settings.items():
            changed.setenv(name, value)
        clients = start()
        yield
    for each in clients or [Stats.instance]:
        each.statsd.close()
    start()


def start() -> list[Any]:
    """Set up the metrics from the environment. Returns the list that clients are added to; on 3.1, it stays empty."""
    clients: list[Any] = []
    if initialize is None:
        from airflow.stats import _Stats  # type: ignore[attr-defined]

        for name in ("factory", "instance"):
            if name in vars(Stats):
                delattr(Stats, name)
        if hasattr(_Stats, "factory"):
            del _Stats.factory
        # Its metaclass chooses the kind of client when a class is made.
        _Stats.__init__(Stats)
        return clients

    def client() -> Any:
        clients.append(stats_utils.get_stats_factory()())
        return clients[-1]

    initialize(factory=client, export_legacy_names=conf.getboolean("metrics", "legacy_names_on"))
    return clients
