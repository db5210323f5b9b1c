"""The verify operator around a fake use case: what it passes on, returns, logs and raises."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException
from airflow.sdk import Asset
from airflow.sdk.execution_time.context import OutletEventAccessors
from structlog.testing import capture_logs

from stablecog_provider.adapters.settings import StoreSettings
from stablecog_provider.airflow.operators import StablecogVerifyOperator
from stablecog_provider.archive.ports import Progress
from stablecog_provider.archive.reports.verify import VerifyReport
from stablecog_provider.archive.verify import VerifySettings
from stablecog_provider.errors import BucketMissing
from stablecog_provider.model.finding import Finding, Kind
from stablecog_provider.model.object_keys import Layout
from support.airflow_canary import AWS_SECRET, KEY, Connect

ASSET = Asset(name="archive", uri="s3://bucket/prefix")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def a_report(*findings: Finding, **values: Any) -> VerifyReport:
    return VerifyReport(
        run_id="r1",
        archive="s3://bucket/prefix",
        started_at=NOW,
        finished_at=NOW,
        seconds=1.0,
        level="content",
        findings=findings,
        **values,
    )


def a_finding(*, repaired: bool) -> Finding:
    return Finding(Kind.CHANGED, "prefix/images/x.jpeg", "x", "original", "recorded with 3 bytes", repaired)


class Recorded(StablecogVerifyOperator):
    """The operator with both seams replaced."""

    outcome: ClassVar[VerifyReport | Exception] = a_report()
    given: ClassVar[dict[str, Any]] = {}

    @staticmethod
    @asynccontextmanager
    async def open_bucket(store: StoreSettings, layout: Layout, image_hosts: tuple[str, ...]) -> AsyncIterator[str]:
        Recorded.given = {"layout": layout, "image_hosts": image_hosts}
        yield "ports"

    @staticmethod
    async def verify(ports: str, settings: VerifySettings, on_progress: Any) -> VerifyReport:
        Recorded.given |= {"ports": ports, "settings": settings}
        on_progress(Progress())
        if isinstance(Recorded.outcome, Exception):
            raise Recorded.outcome
        return Recorded.outcome


@pytest.fixture(autouse=True)
def connections(connect: Connect) -> None:
    connect("stablecog_default", conn_type="stablecog", password=KEY, extra={"image_hosts": "cdn.example.com"})
    connect("aws_default", conn_type="aws", login="access", password=AWS_SECRET, extra={"region_name": "eu-west-1"})


@pytest.fixture
def context() -> Any:
    pushed: dict[str, Any] = {}
    return {
        "ti": SimpleNamespace(values=pushed, xcom_push=lambda key, value: pushed.update({key: value})),
        "outlet_events": OutletEventAccessors(),
    }


def run(context: Any, outcome: VerifyReport | Exception, **arguments: Any) -> Any:
    Recorded.outcome = outcome
    settings = {"bucket": "bucket", "prefix": "prefix", **arguments}
    return Recorded(task_id="verify", outlets=[ASSET], **settings).execute(context)


@pytest.mark.parametrize("budget", [None, "", "None", "50GB"])
def test_arguments_become_plain_settings(context: Any, budget: str | None) -> None:
    run(context, a_report(), level="listing", budget=budget, repair="true", concurrency=7)
    wanted = {"level": "listing", "budget": "50GB" if budget == "50GB" else None, "repair": True, "concurrency": 7}
    assert Recorded.given["settings"] == VerifySettings(Layout("bucket", "prefix"), **wanted)  # type: ignore[arg-type]
    assert Recorded.given["image_hosts"] == ("cdn.example.com",)


def test_without_repair_the_stablecog_connection_is_not_needed(context: Any) -> None:
    run(context, a_report(), stablecog_conn_id="no_such_connection")
    assert Recorded.given["image_hosts"] == ()


def test_the_summary_is_returned_and_added_to_the_event(context: Any) -> None:
    with capture_logs() as lines:
        summary = run(context, a_report(a_finding(repaired=True), checked=5))
    assert (summary["outcome"], summary["checked"], summary["findings"]) == ("repaired", 5, {"changed": 1})
    assert context["outlet_events"][ASSET].extra == json.loads(json.dumps(summary))
    assert any(line["log_level"] == "warning" and "1 repaired" in line["event"] for line in lines)


def test_damage_fails_the_task_for_good_and_pushes_the_numbers(context: Any) -> None:
    with pytest.raises(AirflowFailException, match="1 finding is not repaired"):
        run(context, a_report(a_finding(repaired=False)))
    assert context["ti"].values["return_value"]["unrepaired"] == 1


def test_what_could_not_be_read_is_retried(context: Any) -> None:
    with pytest.raises(AirflowException, match="503 SlowDown") as failed:
        run(context, a_report(unread=2, first_unread="x: 503 SlowDown"))
    assert not isinstance(failed.value, AirflowFailException)


def test_errors_of_the_archive_are_mapped(context: Any) -> None:
    with pytest.raises(AirflowFailException, match="no bucket"):
        run(context, BucketMissing("no bucket", hint="create it"))


def test_a_long_summary_is_cut(context: Any) -> None:
    findings = [a_finding(repaired=True)] * 500
    assert len(json.dumps(run(context, a_report(*findings, notes=("x" * 900,) * 9)))) < 8_000


@pytest.mark.parametrize(
    ("wrong", "name"), [({"level": "deep"}, "level"), ({"budget": "lots"}, "budget"), ({"repair": "maybe"}, "repair")]
)
def test_wrong_arguments_are_refused_when_the_dag_is_parsed_and_when_they_are_rendered(
    context: Any, wrong: dict[str, Any], name: str
) -> None:
    with pytest.raises(ValueError, match=name):
        StablecogVerifyOperator(task_id="verify", bucket="bucket", **wrong)
    operator = Recorded(task_id="verify", bucket="bucket", **{name: "{{ params.x }}"})
    setattr(operator, name, wrong[name])
    with pytest.raises(AirflowFailException, match=name):
        operator.execute(context)


def test_a_wrong_concurrency_is_found_when_the_dag_is_parsed() -> None:
    with pytest.raises(ValueError, match="concurrency"):
        StablecogVerifyOperator(task_id="verify", bucket="bucket", concurrency=0)
