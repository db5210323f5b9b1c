"""The operator around a story of the test's own: what it asks for, returns, says and raises."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowTaskTimeout
from airflow.sdk.execution_time.timeout import TimeoutPosix
from structlog.testing import capture_logs

from stablecog_provider.adapters.assembly import SourceSettings, StoreSettings
from stablecog_provider.airflow.operators import StablecogToS3Operator
from stablecog_provider.archive.committing.tally import Failure
from stablecog_provider.archive.ports import Progress
from stablecog_provider.archive.reports.run import RunReport
from stablecog_provider.archive.run import ArchiveSettings
from stablecog_provider.errors import ArchiveDamaged, ArchiveError, BucketMissing, SourceUnavailable
from stablecog_provider.model.checkpoint import Proof
from stablecog_provider.model.object_keys import Layout
from support.airflow_canary import AWS_SECRET, KEY, Connect

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ASSET = Asset(name="archive", uri="s3://bucket/prefix")


def report(*, source: int | None = 3, manifest: int = 3, **counts: Any) -> RunReport:
    proof = None if source is None else Proof(NOW - timedelta(days=1), NOW, source, manifest, NOW)
    return RunReport(
        run_id="r1",
        archive="s3://bucket/prefix",
        source="https://a",
        started_at=NOW,
        finished_at=NOW,
        proof=proof,
        **counts,
    )


class Recorded(StablecogToS3Operator):
    """The operator with its two seams taken: it remembers what it was given, and ends as the test says."""

    outcome: ClassVar[RunReport | Exception] = report()
    given: ClassVar[dict[str, Any]] = {}

    @staticmethod
    @asynccontextmanager
    async def open_ports(source: SourceSettings, store: StoreSettings, layout: Layout) -> AsyncIterator[str]:
        Recorded.given = {"source": source, "store": store, "layout": layout, "closed": False}
        yield "a world"
        Recorded.given["closed"] = True

    @staticmethod
    async def archive(world: str, settings: ArchiveSettings, watch: Any) -> RunReport:
        Recorded.given |= {"world": world, "settings": settings}
        watch(Progress())
        if isinstance(Recorded.outcome, Exception):
            raise Recorded.outcome
        return Recorded.outcome


class Pushed:
    """Stands in for the task instance: keeps what is pushed."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.values[key] = value


@pytest.fixture(autouse=True)
def connections(connect: Connect) -> None:
    connect("stablecog_default", conn_type="stablecog", password=KEY, extra={"image_hosts": "cdn.example.com"})
    connect("aws_default", conn_type="aws", login="access", password=AWS_SECRET, extra={"region_name": "eu-west-1"})


@pytest.fixture
def context() -> Any:
    return {"ti": Pushed(), "outlet_events": {ASSET: SimpleNamespace(extra={})}}


def run(context: Any, outcome: RunReport | Exception | None = None, **arguments: Any) -> Any:
    Recorded.outcome = outcome or report()
    operator = Recorded(task_id="archive", outlets=[ASSET], **{"bucket": "bucket", "prefix": "prefix", **arguments})
    return operator.execute(context)


def warnings(lines: Any) -> list[str]:
    return [line["event"] for line in lines if line["log_level"] == "warning"]


# --- what goes in ----------------------------------------------------------------------------------------------------


def test_plain_values_are_handed_down(context: Any) -> None:
    run(context, start="2026-11-20", end=NOW, lookback=timedelta(0), concurrency=7)
    assert Recorded.given["source"] == SourceSettings(api_key=KEY, image_hosts=("cdn.example.com",))
    assert Recorded.given["settings"] == ArchiveSettings(
        layout=Layout("bucket", "prefix"),
        start=datetime(2026, 11, 20, tzinfo=UTC),
        end=NOW,
        lookback=timedelta(0),
        concurrency=7,
    )
    assert Recorded.given["world"] == "a world"
    assert Recorded.given["closed"]


def test_the_aws_connection_says_who_we_are(context: Any, connect: Connect) -> None:
    connect("ours", conn_type="aws", login="access", password=AWS_SECRET, extra={"endpoint_url": "http://127.0.0.1:9"})
    run(context, aws_conn_id="ours")
    store = Recorded.given["store"]
    credentials = store.session.get_credentials().get_frozen_credentials()
    assert (credentials.access_key, credentials.secret_key) == ("access", AWS_SECRET)
    assert store.endpoint_url == "http://127.0.0.1:9"
    assert AWS_SECRET not in repr(store)


def test_the_region_comes_from_the_connection(context: Any) -> None:
    run(context)
    assert Recorded.given["store"].region == "eu-west-1"
    assert Recorded.given["store"].endpoint_url is None


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"aws_conn_id": "nowhere"}, "the AWS connection 'nowhere' does not exist"),
        ({"stablecog_conn_id": "nowhere"}, "the connection 'nowhere' does not exist"),
    ],
)
def test_a_missing_connection_fails_for_good_before_anything_is_opened(
    context: Any, arguments: dict[str, Any], named: str
) -> None:
    Recorded.given = {}
    with pytest.raises(AirflowFailException, match=named):
        run(context, **arguments)
    assert not Recorded.given


def test_none_is_the_way_to_the_credentials_of_the_surroundings(context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ambient")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    run(context, aws_conn_id=None)
    assert Recorded.given["store"].session.get_credentials().access_key == "ambient"


@pytest.mark.parametrize("nothing", [None, "", " ", "None", "none"])
def test_a_template_of_nothing_is_no_bound(context: Any, nothing: str | None) -> None:
    run(context, start=nothing, end=nothing)
    assert (Recorded.given["settings"].start, Recorded.given["settings"].end) == (None, None)


@pytest.mark.parametrize("text", ["2026-11-21T12:00:00Z", "2026-11-21 14:00:00+02:00", " 2026-11-21T12:00:00.000Z "])
def test_an_instant_may_be_written_as_templates_render_it(context: Any, text: str) -> None:
    run(context, end=text)
    assert Recorded.given["settings"].end == NOW


@pytest.mark.parametrize("wrong", ["yesterday", "2026-11-21T12:00:00", datetime(2026, 11, 21), "2026-13-21"])  # noqa: DTZ001
def test_an_instant_that_is_none_fails_for_good(context: Any, wrong: Any) -> None:
    with pytest.raises(AirflowFailException, match="`start`"):
        run(context, start=wrong)


@pytest.mark.parametrize(("bucket", "prefix"), [("", "p"), ("b" * 70, "p"), ("bucket", "a//b"), ("bucket", "../x")])
def test_a_place_that_is_none_fails_for_good(context: Any, bucket: str, prefix: str) -> None:
    with pytest.raises(AirflowFailException, match="set `bucket` and `prefix`"):
        run(context, bucket=bucket, prefix=prefix)


@pytest.mark.parametrize("wrong", [{"lookback": timedelta(days=-1)}, {"concurrency": 0}])
def test_a_wrong_argument_is_found_when_the_dag_is_read(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        StablecogToS3Operator(task_id="archive", bucket="bucket", **wrong)


# --- what comes out --------------------------------------------------------------------------------------------------


def test_the_summary_is_returned_and_stands_on_the_event(context: Any) -> None:
    summary = run(context, report(copied=5, bytes=500))
    assert summary["outcome"] == "proven"
    assert context["outlet_events"][ASSET].extra == summary
    assert json.loads(json.dumps(summary)) == summary


def test_a_good_run_is_told_sentence_by_sentence(context: Any) -> None:
    with capture_logs() as lines:
        run(context, report(copied=5))
    assert [line["event"] for line in lines if line["log_level"] == "info"][-3:] == report(copied=5).explain()


def test_failed_images_only_warn(context: Any) -> None:
    failures = [Failure("o1", "original", "truncated")]
    with capture_logs() as lines:
        summary = run(context, report(failed=1, failures=failures))
    assert summary["outcome"] == "proven, with failed images"
    assert "  o1 (original): truncated" in warnings(lines)


def test_a_proof_that_differs_fails_after_the_numbers_are_told(context: Any) -> None:
    with (
        capture_logs() as lines,
        pytest.raises(AirflowException, match="counts 4 outputs, the manifest holds 3") as caught,
    ):
        run(context, report(source=4))
    assert not isinstance(caught.value, AirflowFailException)
    assert context["ti"].values["return_value"]["proven"] is False
    assert any("NOT proven" in line for line in warnings(lines))
    assert context["outlet_events"][ASSET].extra == {}


def test_a_run_without_a_proof_warns(context: Any) -> None:
    with capture_logs() as lines:
        assert run(context, report(source=None))["proven"] is False
    assert "Nothing was compared with the source's counts." in warnings(lines)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (BucketMissing("no bucket", hint="make one"), AirflowFailException),
        (ArchiveDamaged("no checkpoint"), AirflowFailException),
        (SourceUnavailable("no answer"), AirflowException),
    ],
)
def test_what_fails_says_what_to_do(context: Any, error: ArchiveError, kind: type[Exception]) -> None:
    with pytest.raises(AirflowException) as caught:
        run(context, error)
    assert type(caught.value) is kind
    assert str(caught.value) == str(error)


def test_an_error_of_ours_is_not_dressed_up(context: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        run(context, ZeroDivisionError())


class Hanging(Recorded):
    @staticmethod
    async def archive(world: str, settings: ArchiveSettings, watch: Any) -> RunReport:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")


def test_airflows_execution_timeout_ends_a_run_that_waits_for_an_answer(context: Any) -> None:
    # By Airflow's own means: an alarm whose handler raises. An event loop that logs what a handler raises would wait for ever.
    operator = Hanging(task_id="archive", bucket="bucket", prefix="prefix")
    with pytest.raises(AirflowTaskTimeout), TimeoutPosix(seconds=1):
        operator.execute(context)
