"""The operator around a fake use case: what it passes on, returns, logs and raises."""

from __future__ import annotations

import asyncio
import gc
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, AirflowTaskTimeout
from airflow.sdk import Asset
from airflow.sdk.execution_time.context import OutletEventAccessors
from airflow.sdk.execution_time.timeout import TimeoutPosix
from structlog.testing import capture_logs

from stablecog_provider.adapters.garbage import OBJECTS
from stablecog_provider.adapters.settings import SourceSettings
from stablecog_provider.airflow.operators import StablecogToS3Operator
from stablecog_provider.airflow.task_log import table_of
from stablecog_provider.archive.reports.run import RunReport
from stablecog_provider.archive.run import ArchiveSettings
from stablecog_provider.errors import ArchiveDamaged, ArchiveError, BucketMissing, SourceUnavailable
from stablecog_provider.model.counts import Difference
from stablecog_provider.model.failure import Failure
from stablecog_provider.model.object_keys import Layout
from stablecog_provider.model.verdict import Outcome
from support.airflow_canary import AWS_SECRET, KEY, Connect
from support.airflow_recorded import NOW, Pushed, Recorded, report

ASSET = Asset(name="archive", uri="s3://bucket/prefix")


@pytest.fixture(autouse=True)
def connections(connect: Connect) -> None:
    connect("stablecog_default", conn_type="stablecog", password=KEY, extra={"image_hosts": "cdn.example.com"})
    connect("aws_default", conn_type="aws", login="access", password=AWS_SECRET, extra={"region_name": "eu-west-1"})


@pytest.fixture
def context() -> Any:
    return {"ti": Pushed(), "outlet_events": OutletEventAccessors()}


def run(context: Any, outcome: RunReport | Exception | None = None, **arguments: Any) -> Any:
    Recorded.outcome = outcome or report()
    operator = Recorded(task_id="archive", outlets=[ASSET], **{"bucket": "bucket", "prefix": "prefix", **arguments})
    return operator.execute(context)


def warnings(lines: Any) -> list[str]:
    return [line["event"] for line in lines if line["log_level"] == "warning"]


WRONG: list[dict[str, Any]] = [
    {"start": "yesterday"},
    {"retry_failed": "perhaps"},
    {"allow_account_mismatch": 2},
    {"allow_deletions": 10**9 + 1},
]

# --- what goes in ----------------------------------------------------------------------------------------------------


def test_arguments_become_plain_settings(context: Any) -> None:
    flags: dict[str, Any] = {"retry_failed": True, "allow_unsafe_store": True, "allow_account_mismatch": True}
    flags["allow_deletions"] = 12
    run(context, start="2026-11-20", end=NOW, lookback=timedelta(0), concurrency=7, per_page=9, **flags)
    assert Recorded.given["source"] == SourceSettings(api_key=KEY, image_hosts=("cdn.example.com",))
    assert Recorded.given["settings"] == ArchiveSettings(
        layout=Layout("bucket", "prefix"),
        start=datetime(2026, 11, 20, tzinfo=UTC),
        end=NOW,
        lookback=timedelta(0),
        concurrency=7,
        per_page=9,
        retry_failed=True,
        allow_unsafe_store=True,
        allow_account_mismatch=True,
        allow_deletions=12,
    )
    assert Recorded.given["ports"] == "ports"
    assert Recorded.given["closed"]


def test_the_collector_runs_rarely_during_the_run_only(context: Any) -> None:
    before = gc.get_threshold()[0]
    run(context)
    assert Recorded.given["gc"] == OBJECTS > before
    assert gc.get_threshold()[0] == before


def test_credentials_come_from_the_aws_connection(context: Any, connect: Connect) -> None:
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
def test_a_missing_connection_fails_for_good_before_the_ports_are_opened(
    context: Any, arguments: dict[str, Any], named: str
) -> None:
    Recorded.given = {}
    with pytest.raises(AirflowFailException, match=named):
        run(context, **arguments)
    assert not Recorded.given


def test_without_an_aws_connection_the_workers_credentials_are_used(
    context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ambient")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    run(context, aws_conn_id=None)
    assert Recorded.given["store"].session.get_credentials().access_key == "ambient"


def test_what_templates_render_is_parsed(context: Any) -> None:
    flags: dict[str, Any] = {"retry_failed": "True", "allow_account_mismatch": "", "allow_deletions": "260"}
    run(context, start="None", end="2026-11-21T12:00:00Z", **flags)
    assert Recorded.given["settings"] == ArchiveSettings(
        layout=Layout("bucket", "prefix"), end=NOW, retry_failed=True, allow_deletions=260
    )


@pytest.mark.parametrize(("bucket", "prefix"), [("", "p"), ("b" * 70, "p"), ("bucket", "a//b"), ("bucket", "../x")])
def test_a_wrong_bucket_or_prefix_fails_for_good(context: Any, bucket: str, prefix: str) -> None:
    with pytest.raises(AirflowFailException, match="correct `bucket` and `prefix`"):
        run(context, bucket=bucket, prefix=prefix)


@pytest.mark.parametrize(
    "wrong",
    [
        {"lookback": timedelta(days=-1)},
        {"lookback": "a day"},
        {"concurrency": 0},
        {"concurrency": 1025},
        {"concurrency": "many"},
        {"per_page": 301},
        {"per_page": True},
        {"allow_unsafe_store": "perhaps"},
        *WRONG,
    ],
    ids=str,
)
def test_a_wrong_argument_is_refused_when_the_dag_is_parsed(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        StablecogToS3Operator(task_id="archive", bucket="bucket", **wrong)


@pytest.mark.parametrize("wrong", [{"lookback": "a day"}, {"concurrency": "0"}, *WRONG], ids=str)
def test_a_template_that_renders_to_nonsense_fails_for_good_before_anything_is_opened(
    context: Any, wrong: dict[str, Any]
) -> None:
    Recorded.given = {}
    templates: dict[str, Any] = {name: f"{{{{ params.{name} }}}}" for name in wrong}
    operator = Recorded(task_id="archive", bucket="bucket", prefix="prefix", **templates)
    for name, value in wrong.items():
        setattr(operator, name, str(value))
    with pytest.raises(AirflowFailException, match=next(iter(wrong))):
        operator.execute(context)
    assert not Recorded.given


def test_texts_of_templates_become_the_same_settings_as_values(context: Any) -> None:
    values: dict[str, Any] = {
        "lookback": timedelta(hours=36), "refresh_within": timedelta(days=30), "per_page": 20, "concurrency": 8,
        "allow_unsafe_store": True,
    }  # fmt: skip
    run(context, **values)
    by_value = Recorded.given["settings"]
    texts: dict[str, Any] = {
        "lookback": "36h",
        "refresh_within": "30d",
        "per_page": "20",
        "concurrency": "8",
        "allow_unsafe_store": "True",
    }
    run(context, **texts)
    assert Recorded.given["settings"] == by_value
    run(context, None, **dict.fromkeys(texts, ""))
    assert Recorded.given["settings"] == ArchiveSettings(layout=Layout("bucket", "prefix"))


# --- what comes out --------------------------------------------------------------------------------------------------


def test_the_summary_is_returned_and_added_to_the_asset_event(context: Any) -> None:
    summary = run(context, report(copied=5, bytes=500))
    assert summary["outcome"] == "proven"
    assert context["outlet_events"][ASSET].extra == summary
    assert json.loads(json.dumps(summary)) == summary


def test_a_proven_run_is_logged_sentence_by_sentence_in_a_group_and_ends_with_a_table(context: Any) -> None:
    with capture_logs() as lines:
        run(context, report(copied=5))
    told = ["::group::Report", *report(copied=5).explain(), "::endgroup::", *table_of(report(copied=5))]
    assert [line["event"] for line in lines if line["log_level"] == "info"][-len(told) :] == told


def test_what_is_not_proven_is_not_folded(context: Any) -> None:
    with capture_logs() as lines, pytest.raises(AirflowException):
        run(context, report(Outcome.NOT_PROVEN, source=4))
    assert not any("::group::" in line["event"] for line in lines)
    assert any(line["event"].split() == ["outcome", "not", "proven"] for line in lines)


def test_failed_images_are_logged_as_warnings(context: Any) -> None:
    failures = (Failure("o1", "original", "truncated"),)
    with capture_logs() as lines:
        summary = run(context, report(Outcome.WITH_FAILED, failed=1, failures=failures))
    assert summary["outcome"] == "proven, with failed images"
    assert context["outlet_events"][ASSET].extra == summary
    assert "  o1 (original): truncated" in warnings(lines)


def test_a_proof_that_differs_fails_after_the_numbers_are_saved(context: Any) -> None:
    with (
        capture_logs() as lines,
        pytest.raises(AirflowException, match="counts 4 outputs, the manifest holds 3") as caught,
    ):
        run(context, report(Outcome.NOT_PROVEN, source=4))
    assert not isinstance(caught.value, AirflowFailException)
    assert context["ti"].values["return_value"]["proven"] is False
    assert any("NOT proven" in line for line in warnings(lines))
    assert context["outlet_events"][ASSET].extra == {}


def test_a_place_that_differs_fails_though_the_sums_agree(context: Any) -> None:
    place = Difference(NOW, NOW + timedelta(hours=1), 2, 1, NOW, NOW)
    with pytest.raises(AirflowException, match="differ in 1 period, though their sums agree"):
        run(context, report(Outcome.NOT_PROVEN, differences=(place,)))
    assert context["outlet_events"][ASSET].extra == {}


def test_a_part_that_is_proven_succeeds_with_warnings(context: Any) -> None:
    with capture_logs() as lines:
        summary = run(context, report(Outcome.IN_PART))
    assert (summary["outcome"], summary["proven"]) == ("proven, in part", True)
    assert any("for the part that was compared" in line for line in warnings(lines))


def test_a_run_without_a_proof_logs_warnings(context: Any) -> None:
    with capture_logs() as lines:
        assert run(context, report(Outcome.NOT_PROVEN, source=None))["proven"] is False
    assert "Nothing was compared with the source's counts." in warnings(lines)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (BucketMissing("no bucket", hint="make one"), AirflowFailException),
        (ArchiveDamaged("no checkpoint"), AirflowFailException),
        (SourceUnavailable("no answer"), AirflowException),
    ],
)
def test_an_error_keeps_its_hint(context: Any, error: ArchiveError, kind: type[Exception]) -> None:
    with pytest.raises(AirflowException) as caught:
        run(context, error)
    assert type(caught.value) is kind
    assert str(caught.value) == str(error)


def test_an_unexpected_error_is_raised_unchanged(context: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        run(context, ZeroDivisionError())


class Hanging(Recorded):
    @staticmethod
    async def archive(ports: str, settings: ArchiveSettings, on_progress: Any, earlier: Any) -> RunReport:
        await asyncio.Event().wait()
        raise AssertionError("nothing sets the event")


def test_airflows_execution_timeout_ends_a_run_that_waits(context: Any) -> None:
    # Airflow's own mechanism: an alarm whose handler raises. An event loop that only logs the exception would wait for ever.
    operator = Hanging(task_id="archive", bucket="bucket", prefix="prefix")
    with pytest.raises(AirflowTaskTimeout), TimeoutPosix(seconds=1):
        operator.execute(context)
