"""The restore operator around a fake use case: what it passes on, returns, logs and raises."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from stablecog_provider.adapters.settings import StoreSettings
from stablecog_provider.airflow.operators import StablecogRestoreOperator
from stablecog_provider.archive.ports import Progress
from stablecog_provider.archive.reports.restore import Compared, Problem, RestoreReport
from stablecog_provider.archive.restore import RestoreSettings
from stablecog_provider.errors import ArchiveError, FolderUnusable, StoreUnavailable
from stablecog_provider.model.object_keys import Layout
from support.airflow_canary import AWS_SECRET, KEY, Connect
from support.airflow_recorded import NOW


def report(**values: Any) -> RestoreReport:
    return RestoreReport(archive="s3://bucket/prefix", to="/backup", started_at=NOW, finished_at=NOW, **values)


class Restored(StablecogRestoreOperator):
    """The operator with both seams replaced."""

    outcome: ClassVar[RestoreReport | Exception] = report()
    given: ClassVar[dict[str, Any]] = {}

    @staticmethod
    @asynccontextmanager
    async def open_ports(store: StoreSettings, layout: Layout, hosts: tuple[str, ...]) -> AsyncIterator[str]:
        Restored.given = {"layout": layout, "hosts": hosts, "closed": False}
        yield "ports"
        Restored.given["closed"] = True

    @staticmethod
    async def restore(ports: str, settings: RestoreSettings, on_progress: Any) -> RestoreReport:
        Restored.given |= {"ports": ports, "settings": settings}
        on_progress(Progress())
        if isinstance(Restored.outcome, Exception):
            raise Restored.outcome
        return Restored.outcome


class Pushed:
    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.values[key] = value


@pytest.fixture(autouse=True)
def connections(connect: Connect) -> None:
    connect("stablecog_default", conn_type="stablecog", password=KEY, extra={"image_hosts": "cdn.example.com"})
    connect("aws_default", conn_type="aws", login="access", password=AWS_SECRET, extra={"region_name": "eu-west-1"})


def run(outcome: RestoreReport | Exception | None = None, pushed: Pushed | None = None, **arguments: Any) -> Any:
    Restored.outcome = outcome or report()
    operator = Restored(task_id="restore", **{"bucket": "bucket", "prefix": "prefix", **arguments})
    context: Any = {"ti": pushed or Pushed()}
    return operator.execute(context)


def test_arguments_become_plain_settings() -> None:
    run(to_folder="/backup", where="width > 0", rendition="original", sidecars=True, overwrite=True, concurrency=3)
    assert Restored.given["settings"] == RestoreSettings(
        Layout("bucket", "prefix"),
        to_folder="/backup",
        where="width > 0",
        rendition="original",
        sidecars=True,
        overwrite=True,
        concurrency=3,
    )
    assert Restored.given["closed"]
    run(into="s3://other/copy", dry_run=True)
    assert Restored.given["settings"] == RestoreSettings(
        Layout("bucket", "prefix"), into=Layout("other", "copy"), dry_run=True
    )
    assert Restored.given["hosts"] == ()


def test_a_drill_asks_the_hosts_of_the_connection_and_returns_the_counts() -> None:
    counts = run(report(selected=20, restored=20, compared=Compared(same=19, gone=1)), drill=True, sample=20)
    assert Restored.given["hosts"] == ("cdn.example.com",)
    assert (counts["outcome"], counts["restored"], counts["compared"]["same"]) == ("restored", 20, 19)


@pytest.mark.parametrize(
    ("kind", "expected", "words"),
    [("changed", AirflowFailException, "changed: key"), ("name_taken", AirflowFailException, "name_taken: key")],
)
def test_what_could_not_be_restored_fails_the_task_and_leaves_the_counts(
    kind: str, expected: type[Exception], words: str
) -> None:
    pushed, problem = Pushed(), Problem(kind, "key", "id", "original", "detail")
    with pytest.raises(expected, match=words):
        run(report(restored=9, failed=1, found=1, problems=(problem,)), pushed, to_folder="/backup")
    assert pushed.values["return_value"]["restored"] == 9


@pytest.mark.parametrize(
    ("error", "expected"),
    [(FolderUnusable("full"), AirflowFailException), (StoreUnavailable("down"), AirflowException)],
)
def test_an_error_decides_whether_airflow_retries(error: ArchiveError, expected: type[Exception]) -> None:
    with pytest.raises(expected, match=error.message) as raised:
        run(error, to_folder="/backup")
    assert type(raised.value) is expected


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"to_folder": "x", "drill": True},
        {"to_folder": "x", "rendition": "huge"},
        {"to_folder": "x", "template": "{date}"},
        {"into": "s3://bucket/x", "sidecars": True},
        {"drill": True, "sample": -1},
    ],
)
def test_wrong_arguments_are_found_when_the_dag_is_parsed(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r" -> "):
        StablecogRestoreOperator(task_id="restore", bucket="bucket", **wrong)


def test_a_wrong_address_fails_the_task() -> None:
    with pytest.raises(AirflowFailException, match="`into`: not an s3:// address"):
        run(into="bucket/copy")
