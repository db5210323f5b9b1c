"""The assets of an archive, and the events that a task sends for them.

- The archive (`s3://bucket/prefix`): an event per run, with the run's summary.
- Its manifest (`s3://bucket/prefix/manifest`): an event per changed day, with the day as partition key. Events with a key do not
  start DAGs without partitions, nor the other way round, hence two assets. Before Airflow 3.3: one event that lists the days.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Any

from airflow.sdk import Asset, AssetAlias, BaseOperator

from ..archive.reports.wording import newest_days
from .arguments import day_of_key
from .versions import HAS_PARTITION_KEYS, PartitionedAssetTimetable

_log = logging.getLogger(__name__)

UNANNOUNCED = "unannounced_days"
"""Key in the manifest's asset state: days that a task has changed before it failed."""


def archive_asset(address: str) -> Asset:
    """The asset of an archive. `address`: `s3://bucket/prefix`."""
    return Asset(uri=address.rstrip("/"))


def manifest_asset(address: str) -> Asset:
    """The asset of an archive's manifest, of which each day is a partition."""
    return Asset(uri=f"{address.rstrip('/')}/manifest")


def once_per_changed_day(manifest: Asset) -> Any:
    """Return the schedule of a DAG that runs once per changed day; before Airflow 3.3, once per run that changed days."""
    return PartitionedAssetTimetable(assets=manifest) if HAS_PARTITION_KEYS else [manifest]


def changed_days(context: Mapping[str, Any], named: str = "") -> list[date] | None:
    """Return the days that a run of such a DAG is about; None for all, if an event could not list them.

    `named`: days that a person wants instead, separated by commas, or `all`. Raises ConfigurationError for what is not a day.
    """
    if named.strip():
        return None if named.strip() == "all" else [day_of_key(each.strip()) for each in named.split(",")]
    key = context.get("partition_key") or getattr(context.get("dag_run"), "partition_key", None)
    if key:
        return [day_of_key(key)]
    found = set[date]()
    for events in (context.get("triggering_asset_events") or {}).values():
        for extra in (event.extra for event in events):
            listed = extra.get("changed_days", [])
            if extra.get("changed_day_count", 0) > len(listed):
                return None
            found |= {day_of_key(day) for day in listed}
    return sorted(found)


def announce(
    operator: BaseOperator, context: Any, address: str, summary: Mapping[str, Any], days: Collection[date]
) -> None:
    """Put the summary and the changed days into the events of the task's outlets.

    With an `AssetAlias` among the outlets, only assets of the archive that was written get an event. If no outlet is one, the
    alias has its event. Outlets without an event are taken off this run of the task.
    """
    if not operator.outlets:
        return
    archive, manifest = archive_asset(address), manifest_asset(address)
    events, kept = context["outlet_events"], list[Any]()
    aliases = [each for each in operator.outlets if isinstance(each, AssetAlias)]
    is_named = False
    for outlet in operator.outlets:
        if isinstance(outlet, Asset):
            if outlet.uri == manifest.uri:
                is_named = True
                days = _all_unannounced(context, outlet, days)
                if not days:
                    continue
                _announce_days(events[outlet], summary, days)
            elif aliases and outlet.uri.startswith("s3://") and outlet.uri != archive.uri:
                continue
            else:
                is_named = is_named or outlet.uri == archive.uri
                events[outlet].extra.update(summary)
                _mirror(context, outlet, {"watermark": summary.get("watermark"), "outcome": summary.get("outcome")})
        kept.append(outlet)
    if not is_named:
        for alias in aliases:
            events[alias].add(archive, extra=dict(summary))
    operator.outlets = kept


def keep_for_later(operator: BaseOperator, context: Any, address: str, days: Collection[date]) -> None:
    """Note days that a task has changed before it failed: a failed task has no events, so the next one announces them."""
    for outlet in operator.outlets:
        if days and isinstance(outlet, Asset) and outlet.uri == manifest_asset(address).uri:
            _mirror(context, outlet, {UNANNOUNCED: _texts(_all_unannounced(context, outlet, days, keep=True))})


def _announce_days(event: Any, summary: Mapping[str, Any], days: Collection[date]) -> None:
    event.extra.update({name: summary[name] for name in ("archive", "run_id") if name in summary})
    if HAS_PARTITION_KEYS:
        event.add_partitions(_texts(days))
    else:
        event.extra.update(changed_days=newest_days(days), changed_day_count=len(days))


def _all_unannounced(context: Any, manifest: Asset, days: Collection[date], *, keep: bool = False) -> Collection[date]:
    """These days, and those of tasks that failed before; the latter are forgotten unless `keep`."""
    state = _state(context, manifest)
    if state is None:
        return days
    try:
        before = state.get(UNANNOUNCED) or []
        if before and not keep:
            state.set(UNANNOUNCED, [])
        return {*days, *(day_of_key(day) for day in before)}
    except Exception as error:  # Airflow's own, and whatever its store of states raises.
        _log.warning("The days that earlier tasks changed cannot be read: %s", type(error).__name__)
        return days


def _mirror(context: Any, asset: Asset, values: Mapping[str, Any]) -> None:
    """Set keys of the asset's state, for people to see. The truth is in the bucket."""
    state = _state(context, asset)
    try:
        for key, value in values.items():
            if state is not None and value is not None:
                state.set(key, value)
    except Exception as error:
        _log.warning("The state of %s was not set: %s", asset.uri, type(error).__name__)


def _state(context: Any, asset: Asset) -> Any:
    """The asset's state; None before Airflow 3.3."""
    try:
        return context["asset_state_store"][asset]
    except KeyError:
        return None


def _texts(days: Iterable[date]) -> list[str]:
    return [day.isoformat() for day in sorted(days)]
