"""Asset events: which asset has one, with which days; and the DAG that loads the days that changed."""

from __future__ import annotations

import json
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import Asset, AssetAlias
from airflow.sdk.execution_time.context import OutletEventAccessors

from stablecog_provider.airflow import assets
from stablecog_provider.airflow.assets import archive_asset, changed_days, manifest_asset, once_per_changed_day
from stablecog_provider.airflow.versions import HAS_PARTITION_KEYS
from stablecog_provider.archive.ports import Progress
from stablecog_provider.archive.reports.wording import MAX_DAYS
from stablecog_provider.errors import ConfigurationError, SourceUnavailable
from stablecog_provider.model.object_keys import Layout
from stablecog_provider.model.verdict import Outcome
from support.airflow_canary import AWS_SECRET, KEY, Connect
from support.airflow_recorded import Recorded, report

pytestmark = [pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")]

DAYS = (date(2026, 11, 19), date(2026, 11, 21))
ARCHIVE, MANIFEST = archive_asset("s3://bucket/prefix"), manifest_asset("s3://bucket/prefix")
ALIAS = AssetAlias("stablecog_archive")


partitioned = pytest.mark.skipif(not HAS_PARTITION_KEYS, reason="this version of Airflow has no partition keys")


class States(dict[str, Any]):
    """The state of one asset."""

    def set(self, key: str, value: Any) -> None:
        self[key] = json.loads(json.dumps(value))


class ByAsset(dict[str, Any]):
    """A mapping from assets by their names, because assets have no hash on Airflow 3.1."""

    def __getitem__(self, asset: Any) -> Any:
        return super().__getitem__(asset.name)


@pytest.fixture(autouse=True)
def connections(connect: Connect) -> None:
    connect("stablecog_default", conn_type="stablecog", password=KEY)
    connect("aws_default", conn_type="aws", login="access", password=AWS_SECRET, extra={"region_name": "eu-west-1"})


@pytest.fixture
def context() -> Any:
    states = ByAsset({each.name: States() for each in (ARCHIVE, MANIFEST)})
    ti = SimpleNamespace(xcom_push=lambda **_: None, try_number=1, max_tries=1)
    return {"ti": ti, "outlet_events": OutletEventAccessors(), "asset_state_store": states}


def run(context: Any, outcome: Any, prefix: str = "prefix", outlets: Any = (ARCHIVE, MANIFEST, ALIAS)) -> Recorded:
    Recorded.outcome = outcome
    operator = Recorded(task_id="archive", bucket="bucket", prefix=prefix, outlets=list(outlets))
    operator.execute(context)
    return operator


def sent(operator: Any, context: Any) -> list[tuple[str, str | None]]:
    """What Airflow's own code makes of it: the address and the partition of each event."""
    from airflow.sdk.execution_time.task_runner import _build_asset_profiles, _serialize_outlet_events

    left = {str(each.uri) for each in _build_asset_profiles(operator.outlets) if each.type == "Asset"}
    events: list[dict[str, Any]] = [dict(each) for each in _serialize_outlet_events(context["outlet_events"])]
    found: list[tuple[str, str | None]] = [
        (each["dest_asset_key"]["uri"], each.get("partition_key")) for each in events if "source_alias_name" not in each
    ]
    named = {address for address, _ in found}
    assert named <= left, "an event of an outlet that is no more"
    # Airflow sends an event without anything for an outlet that has none.
    found += [(address, None) for address in left - named]
    return sorted(found, key=str)


@partitioned
def test_an_event_per_run_and_one_per_changed_day(context: Any) -> None:
    operator = run(context, report(changed_days=DAYS))
    assert sent(operator, context) == [
        ("s3://bucket/prefix", None),
        ("s3://bucket/prefix/manifest", "2026-11-19"),
        ("s3://bucket/prefix/manifest", "2026-11-21"),
    ]
    extra = context["outlet_events"][ARCHIVE].extra
    assert (extra["changed_days"], extra["changed_day_count"]) == (["2026-11-19", "2026-11-21"], 2)
    assert context["outlet_events"][MANIFEST].extra == {"archive": "s3://bucket/prefix", "run_id": "r1"}


def test_a_run_that_changes_nothing_sends_no_event_for_days(context: Any) -> None:
    assert sent(run(context, report()), context) == [("s3://bucket/prefix", None)]


def test_the_outlets_of_the_dag_stay_as_they_are(context: Any) -> None:
    outlets = [ARCHIVE, MANIFEST, ALIAS]
    Recorded.outcome = report()
    operator = Recorded(task_id="archive", bucket="bucket", prefix="other", outlets=outlets)
    operator.execute(context)
    assert outlets == [ARCHIVE, MANIFEST, ALIAS]


def test_another_archive_has_its_own_event_by_the_alias(context: Any) -> None:
    operator = run(context, report(changed_days=DAYS), prefix="other")
    assert operator.outlets == [ALIAS]
    (event,) = context["outlet_events"][ALIAS].asset_alias_events
    assert event.dest_asset_key.uri == "s3://bucket/other"
    assert event.extra["changed_day_count"] == 2


def test_without_an_alias_every_outlet_has_the_summary_as_before(context: Any) -> None:
    ours = Asset(name="ours", uri="s3://else/where")
    run(context, report(), outlets=[ours])
    assert context["outlet_events"][ours].extra["outcome"] == "proven"


@partitioned
def test_a_first_run_of_many_days_keeps_the_summary_small(context: Any) -> None:
    days = tuple(date(2023, 1, 1) + timedelta(days=n) for n in range(1_100))
    operator = run(context, report(changed_days=days))
    extra = context["outlet_events"][ARCHIVE].extra
    assert len(json.dumps(extra)) < 8_000
    assert extra["changed_day_count"] == 1_100
    assert extra["changed_days"] == [day.isoformat() for day in days[-MAX_DAYS:]]
    assert len(context["outlet_events"][MANIFEST].partition_keys) == 1_100
    assert len(sent(operator, context)) == 1_101


def test_the_state_of_the_asset_shows_the_watermark(context: Any) -> None:
    run(context, report())
    assert context["asset_state_store"][ARCHIVE] == {"outcome": "proven"}


@partitioned
def test_days_of_tries_that_failed_are_announced_by_the_next(context: Any) -> None:
    with pytest.raises(Exception, match="the source counts"):
        run(context, report(Outcome.NOT_PROVEN, source=4, changed_days=DAYS[:1]))
    assert sent(SimpleNamespace(outlets=[]), context) == []

    class Half(Recorded):
        @staticmethod
        async def archive(ports: str, settings: Any, on_progress: Any, earlier: Any) -> Any:
            on_progress(Progress(written=frozenset(DAYS[1:])))
            raise SourceUnavailable("no answer")

    with pytest.raises(Exception, match="no answer"):
        Half(task_id="archive", bucket="bucket", prefix="prefix", outlets=[MANIFEST]).execute(context)
    run(context, report())
    assert context["outlet_events"][MANIFEST].partition_keys == {day.isoformat() for day in DAYS}
    context["outlet_events"] = OutletEventAccessors()
    assert sent(run(context, report()), context) == [("s3://bucket/prefix", None)]


@partitioned
def test_a_state_that_cannot_be_reached_fails_no_run(context: Any, caplog: Any) -> None:
    class Broken:
        def get(self, key: str) -> Any:
            raise OSError("sc-secret")

        def set(self, key: str, value: Any) -> None:
            raise OSError("sc-secret")

    context["asset_state_store"] = ByAsset({each.name: Broken() for each in (ARCHIVE, MANIFEST)})
    operator = run(context, report(changed_days=DAYS))
    assert len(sent(operator, context)) == 3
    assert "sc-secret" not in caplog.text


def test_before_airflow_3_3_one_event_lists_the_days(context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "HAS_PARTITION_KEYS", False)
    del context["asset_state_store"]
    operator = run(context, report(changed_days=DAYS))
    assert sent(operator, context) == [("s3://bucket/prefix", None), ("s3://bucket/prefix/manifest", None)]
    extra = context["outlet_events"][MANIFEST].extra
    assert once_per_changed_day(MANIFEST) == [MANIFEST]
    events = {MANIFEST.uri: [SimpleNamespace(extra=extra)]}
    assert changed_days({"triggering_asset_events": events}) == list(DAYS)
    many = {**extra, "changed_day_count": MAX_DAYS + 1}
    assert changed_days({"triggering_asset_events": {MANIFEST.uri: [SimpleNamespace(extra=many)]}}) is None


def test_the_days_of_a_run() -> None:
    assert changed_days({"partition_key": "2026-11-21"}) == [DAYS[1]]
    assert changed_days({"dag_run": SimpleNamespace(partition_key="2026-11-21")}) == [DAYS[1]]
    assert changed_days({}) == []
    assert changed_days({"partition_key": "2026-11-21"}, "2026-11-19, 2026-11-21") == list(DAYS)
    assert changed_days({}, "all") is None
    with pytest.raises(ConfigurationError, match="not a day"):
        changed_days({"partition_key": "week 7"})


def test_assets_of_an_archive_at_the_root_of_its_bucket() -> None:
    assert archive_asset(str(Layout("bucket"))).uri == archive_asset("s3://bucket/").uri == "s3://bucket/"
    assert manifest_asset("s3://bucket/").uri == "s3://bucket/manifest"
