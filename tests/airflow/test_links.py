"""Links on tasks: where they lead, and that they hold no secret."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from structlog.testing import capture_logs

from stablecog_provider import get_provider_info
from stablecog_provider.adapters.settings import StoreSettings
from stablecog_provider.airflow.consoles import Console, console_of
from stablecog_provider.airflow.links import ArchivePageLink, ManifestLink, RunReportLink, places_of
from stablecog_provider.airflow.operators import StablecogToS3Operator, StablecogVerifyOperator
from stablecog_provider.airflow.operators.base import ArchiveOperator
from stablecog_provider.errors import ConfigurationError, SourceUnavailable
from stablecog_provider.model.object_keys import Layout
from support.airflow_canary import AWS_SECRET, KEY, Connect
from support.airflow_recorded import Recorded, report

LAYOUT = Layout("bucket", "a=b/prefix")


def store(**parts: Any) -> StoreSettings:
    return StoreSettings(session=boto3.Session("access", AWS_SECRET), **parts)


def links(operator: Any) -> dict[str, str]:
    return {link.name: link.get_link(operator, ti_key=None) for link in operator.operator_extra_links}


@pytest.fixture(autouse=True)
def connections(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    connect("stablecog_default", conn_type="stablecog", password=KEY)
    connect("aws_default", conn_type="aws", login="access", password=AWS_SECRET, extra={"region_name": "eu-west-1"})
    monkeypatch.delenv("STABLECOG_PAGE_ARCHIVES", raising=False)
    monkeypatch.delenv("STABLECOG_ARCHIVE_BUCKET", raising=False)


def run(outcome: Any = None) -> Recorded:
    Recorded.outcome = outcome or report()
    operator = Recorded(task_id="archive", bucket="bucket", prefix="prefix")
    context: Any = {"ti": SimpleNamespace(xcom_push=lambda **_: None), "outlet_events": {}}
    if isinstance(outcome, Exception):
        with pytest.raises(Exception, match=str(outcome)):
            operator.execute(context)
    else:
        operator.execute(context)
    return operator


def test_airflow_is_told_of_all_links() -> None:
    kinds = [type(link) for link in ArchiveOperator.operator_extra_links]
    assert get_provider_info()["extra-links"] == [f"{kind.__module__}.{kind.__name__}" for kind in kinds]
    assert len({kind().xcom_key for kind in kinds}) == len(kinds) == 3


@pytest.mark.parametrize("operator", [StablecogToS3Operator, StablecogVerifyOperator])
def test_a_task_that_has_not_run_has_no_links(operator: type[Any]) -> None:
    assert set(links(operator(task_id="t", bucket="bucket")).values()) == {""}


def test_on_aws_they_lead_to_the_console() -> None:
    found = links(run())
    console = "https://console.aws.amazon.com/s3"
    assert found == {
        "Run report": f"{console}/object/bucket?region=eu-west-1&prefix=prefix/runs/20261121T120000Z-r1.json",
        "Manifest": f"{console}/buckets/bucket?region=eu-west-1&prefix=prefix/manifest/",
        "Archive": "",
    }


def test_an_archive_that_the_page_shows_has_its_report_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STABLECOG_PAGE_ARCHIVES", "s3://other, s3://bucket/prefix")
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com/team")
    found = links(run())
    assert found["Archive"] == "/team/stablecog/bucket~prefix/"
    assert found["Run report"] == "/team/stablecog/bucket~prefix/runs/20261121T120000Z-r1.json"


def test_a_run_that_fails_leads_to_the_archive_but_has_no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STABLECOG_PAGE_ARCHIVES", "s3://bucket/prefix")
    found = links(run(SourceUnavailable("no answer")))
    assert found["Archive"]
    assert found["Manifest"]
    assert found["Run report"] == ""


def test_no_link_holds_a_secret() -> None:
    assert not [text for text in links(run()).values() if KEY in text or AWS_SECRET in text]


@pytest.mark.parametrize(
    ("region", "begin"),
    [
        ("cn-north-1", "https://console.amazonaws.cn/s3/"),
        ("us-gov-west-1", "https://console.amazonaws-us-gov.com/s3/"),
        ("eu-central-1", "https://console.aws.amazon.com/s3/"),
    ],
)
def test_each_partition_of_aws_has_a_console_of_its_own(region: str, begin: str) -> None:
    found = console_of(LAYOUT, store(region=region)).folder(LAYOUT.manifest)
    assert found.startswith(begin)
    assert found.endswith(f"buckets/bucket?region={region}&prefix=a%3Db/prefix/manifest/")


def test_a_region_that_boto3_does_not_know_has_no_console() -> None:
    assert console_of(LAYOUT, store(region="mars-1")) == Console("bucket")


def test_another_store_has_no_console_unless_the_connection_names_it(connect: Connect) -> None:
    own = store(endpoint_url="http://127.0.0.1:9", region="us-east-1")
    assert places_of(LAYOUT, own, "aws_default").manifest == ""
    assert places_of(LAYOUT, own, "aws_default").report(report()) == ""
    where = {"stablecog_console_url": "https://minio.example.com/browser/{bucket}/{key}"}
    connect("ours", conn_type="aws", extra=where)
    places = places_of(LAYOUT, own, "ours")
    assert places.manifest == "https://minio.example.com/browser/bucket/a%3Db/prefix/manifest/"
    assert places.report(report()).startswith("https://minio.example.com/browser/bucket/a%3Db/prefix/runs/2026")


@pytest.mark.parametrize(
    "url", ["minio:9001", "javascript:alert(1)", "https://", "https://me:secret@minio", "http://[x"]
)
def test_a_console_that_is_no_plain_address_is_refused_and_fails_no_run(url: str, connect: Connect) -> None:
    with pytest.raises(ConfigurationError, match="stablecog_console_url"):
        console_of(LAYOUT, store(), url)
    connect("aws_default", conn_type="aws", login="a", password=AWS_SECRET, extra={"stablecog_console_url": url})
    with capture_logs() as lines:
        assert links(run())["Manifest"] == ""
    assert "secret" not in str(lines).replace(AWS_SECRET, "")


def test_links_of_a_worker_without_a_connection() -> None:
    assert places_of(LAYOUT, store(region="us-east-1"), None).manifest.startswith("https://console.aws")
    assert places_of(LAYOUT, store(region="us-east-1"), "nowhere").manifest.startswith("https://console.aws")


def test_each_link_has_a_name_of_its_own() -> None:
    assert {link().name for link in (RunReportLink, ManifestLink, ArchivePageLink)} == {
        "Run report",
        "Manifest",
        "Archive",
    }
