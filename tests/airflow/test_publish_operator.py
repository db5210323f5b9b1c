"""The operator that publishes: with a real table, and, with a fake use case, what it returns, logs and raises."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException
from airflow.sdk import Asset
from airflow.sdk.execution_time.context import OutletEventAccessors
from pyiceberg.catalog import load_catalog
from pyiceberg.utils.config import Config
from structlog.testing import capture_logs

from dev.local.s3_server import S3Server
from stablecog_provider.adapters.object_store import S3ObjectStore
from stablecog_provider.adapters.settings import StoreSettings
from stablecog_provider.airflow.operators import StablecogToIcebergOperator
from stablecog_provider.archive.publish import PublishSettings
from stablecog_provider.archive.reports.publish import PublishReport
from stablecog_provider.errors import BucketMissing, StoreUnavailable
from stablecog_provider.model.object_keys import Layout
from support.airflow_canary import AWS_SECRET, Connect
from support.published import an_archive, keys_of

TABLE = Asset(name="lake", uri="iceberg://lake/db.outputs")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = date(2026, 11, 20)


def a_report(**values: Any) -> PublishReport:
    return PublishReport(
        archive="s3://bucket/prefix", table="lake: db.outputs", started_at=NOW, finished_at=NOW, **values
    )


class Recorded(StablecogToIcebergOperator):
    """The operator with both seams replaced."""

    outcome: ClassVar[PublishReport | Exception | None] = None
    given: ClassVar[dict[str, Any]] = {}
    kill: ClassVar[Any] = None

    @staticmethod
    @asynccontextmanager
    async def open_publishing(store: StoreSettings, layout: Layout, catalog: str, table: str) -> AsyncIterator[str]:
        Recorded.given = {"layout": layout, "catalog": catalog, "table": table}
        yield "ports"

    @staticmethod
    async def publish(ports: str, settings: PublishSettings, on_progress: Any) -> PublishReport:
        Recorded.given |= {"settings": settings}
        if Recorded.outcome is None:
            Recorded.kill()
            await asyncio.Event().wait()
        if isinstance(Recorded.outcome, Exception):
            raise Recorded.outcome
        assert Recorded.outcome is not None
        return Recorded.outcome


@pytest.fixture
def context() -> Any:
    pushed: dict[str, Any] = {}
    ti = SimpleNamespace(values=pushed, xcom_push=lambda key, value: pushed.update({key: value}))
    return {"ti": ti, "outlet_events": OutletEventAccessors()}


@pytest.fixture
def aws(connect: Connect) -> None:
    connect("aws_default", conn_type="aws", login="access", password=AWS_SECRET, extra={"region_name": "eu-west-1"})


def operator(outcome: PublishReport | Exception | None) -> Recorded:
    Recorded.outcome = outcome
    place = {"bucket": "bucket", "prefix": "prefix", "catalog": "lake", "table": "db.outputs"}
    return Recorded(task_id="publish", outlets=[TABLE], **place)


def test_the_summary_is_returned_and_added_to_the_event_of_the_table(context: Any, aws: None) -> None:
    summary = operator(a_report(days=(DAY,), rows=4, commits=1, total=9)).execute(context)
    assert (summary["outcome"], summary["days"], summary["rows"]) == ("published", 1, 4)
    assert context["outlet_events"][TABLE].extra == json.loads(json.dumps(summary))
    assert Recorded.given["settings"] == PublishSettings(Layout("bucket", "prefix"), "lake", "db.outputs")


@pytest.mark.parametrize(
    ("left", "what"),
    [({"missing": (DAY,)}, "no partition for 1 days"), ({"kept_snapshots": 2}, "kept by tags or branches")],
)
def test_what_is_left_to_do_fails_for_good_and_pushes_the_numbers(
    context: Any, aws: None, left: dict[str, Any], what: str
) -> None:
    with pytest.raises(AirflowFailException, match=what):
        operator(a_report(**left)).execute(context)
    assert context["ti"].values["return_value"]["table"] == "lake: db.outputs"
    assert not context["outlet_events"][TABLE].extra


def test_an_error_ends_the_log_with_two_lines_and_has_no_traceback_of_ours(context: Any, aws: None) -> None:
    with capture_logs() as lines, pytest.raises(AirflowFailException) as caught:
        operator(BucketMissing("no bucket", hint="create it")).execute(context)
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["no bucket", "What to do: create it"]
    assert caught.value.__suppress_context__


def test_a_store_that_is_down_is_retried(context: Any, aws: None) -> None:
    with pytest.raises(AirflowException) as caught:
        operator(StoreUnavailable("503")).execute(context)
    assert not isinstance(caught.value, AirflowFailException)


def test_on_kill_stops_it(context: Any, aws: None) -> None:
    publishing = operator(None)
    Recorded.kill = staticmethod(publishing.on_kill)
    with pytest.raises(AirflowException, match="Airflow stopped the task") as caught:
        publishing.execute(context)
    assert not isinstance(caught.value, AirflowFailException)


@pytest.mark.slow
def test_a_real_table_has_the_rows_of_the_manifest(
    context: Any, connected: Callable[..., None], moto_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected()
    layout = Layout("archive", "published")
    store = S3ObjectStore("archive", session=moto_server.session(), endpoint_url=moto_server.endpoint)

    async def fill() -> Any:
        manifest = await an_archive(store, layout, 3)
        return await keys_of(manifest)

    wanted = asyncio.run(fill())
    store.close()
    uri = f"sqlite:///{tmp_path}/catalog.db"
    for name, value in {"TYPE": "sql", "URI": uri, "WAREHOUSE": f"file://{tmp_path}"}.items():
        monkeypatch.setenv(f"PYICEBERG_CATALOG__LAKE__{name}", value)
    # pyiceberg reads the environment when it is imported, and another test may have imported it.
    monkeypatch.setattr("pyiceberg.catalog._ENV_CONFIG", Config())
    place = {"bucket": "archive", "prefix": "published", "catalog": "lake", "table": "db.outputs"}
    publishing = StablecogToIcebergOperator(task_id="publish", outlets=[TABLE], **place)
    assert publishing.execute(context)["days"] == 3
    assert publishing.execute(context)["outcome"] == "up to date"
    table = load_catalog("lake").load_table("db.outputs").scan().to_arrow()
    columns = (table[name].to_pylist() for name in ("dt", "output_id", "rendition", "state"))
    assert sorted((str(day), *rest) for day, *rest in zip(*columns, strict=True)) == wanted
