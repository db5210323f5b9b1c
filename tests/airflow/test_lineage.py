"""Lineage: OpenLineage events as a file transport receives them, against the published schemas; assets of hook lineage."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest
from openlineage.client.serde import Serde
from referencing import Registry, Resource

from stablecog_provider.airflow.lineage import checks_of_run, checks_of_verify
from stablecog_provider.airflow.operators import (
    StablecogForgetOperator,
    StablecogRebuildOperator,
    StablecogRestoreOperator,
    StablecogToIcebergOperator,
    StablecogToS3Operator,
    StablecogVerifyOperator,
)
from stablecog_provider.airflow.operators.base import ArchiveOperator
from stablecog_provider.archive.reports.verify import VerifyReport
from stablecog_provider.model.manifest import COLUMNS
from stablecog_provider.model.verdict import Outcome
from stablecog_provider.simulator.server import Simulator
from stablecog_provider.simulator.world import DEFAULT_KEY
from support.airflow_canary import AWS_SECRET, KEY, OUTPUTS, Connect
from support.airflow_recorded import NOW, Recorded, report
from support.airflow_versions import HookLineageCollector
from support.tree import ROOT

SCHEMAS = [json.loads(file.read_text()) for file in (ROOT / "tests/support/openlineage").glob("*.json")]
REGISTRY: Registry[Any] = Registry().with_resources((each["$id"], Resource.from_contents(each)) for each in SCHEMAS)
KNOWN: dict[str, Any] = {"registry": REGISTRY}
EVENT = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"


def check(document: Any, schema: str) -> None:
    jsonschema.Draft202012Validator({"$ref": schema}, **KNOWN).validate(document)


def facets_of(dataset: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {**dataset.get("facets", {}), **dataset.get("inputFacets", {}), **dataset.get("outputFacets", {})}


def datasets(lineage: Any) -> dict[str, dict[str, dict[str, Any]]]:
    """The facets by dataset, inputs as `< name`, outputs as `> name`. Each facet satisfies its published schema."""
    found = {}
    for sign, group in (("<", lineage["inputs"]), (">", lineage["outputs"])):
        for dataset in group:
            facets = facets_of(dataset)
            for facet in facets.values():
                check(facet, facet["_schemaURL"])
            found[f"{sign} {dataset['namespace']} {dataset['name']}"] = facets
    return found


def made(operator: ArchiveOperator, moment: str = "complete") -> Any:
    method = getattr(operator, f"get_openlineage_facets_on_{moment}")
    lineage = method() if moment == "start" else method(None)
    return json.loads(Serde.to_json(lineage))


@pytest.fixture
def connections(connect: Connect) -> None:
    connect("stablecog_default", conn_type="stablecog", password=KEY)
    connect("aws_default", conn_type="aws", login="access", password=AWS_SECRET, extra={"region_name": "eu-west-1"})


def run(outcome: Any = None, **arguments: Any) -> Recorded:
    Recorded.outcome = outcome or report()
    operator = Recorded(task_id="archive", bucket="bucket", prefix="prefix", **arguments)
    context: Any = {"ti": SimpleNamespace(xcom_push=lambda **_: None), "outlet_events": {}}
    if Recorded.outcome.proof and not Recorded.outcome.proven:
        with pytest.raises(Exception, match="the source counts"):
            operator.execute(context)
    else:
        operator.execute(context)
    return operator


def test_before_the_run_only_the_places_are_known() -> None:
    found = datasets(made(StablecogToS3Operator(task_id="t", bucket="bucket", prefix="prefix"), "start"))
    assert set(found) == {
        "< stablecog://stablecog_default outputs",
        "> s3://bucket prefix/images",
        "> s3://bucket prefix/manifest",
    }
    assert [each["name"] for each in found["> s3://bucket prefix/manifest"]["schema"]["fields"]] == [
        name for name, _, _ in COLUMNS
    ]


def test_a_run_reports_counts_and_the_proof(connections: None) -> None:
    operator = run(report(copied=5, bytes=500, refreshed=2, failed=1, gone=3, outcome=Outcome.WITH_FAILED))
    found = datasets(made(operator))
    images = found["> s3://bucket prefix/images"]["outputStatistics"]
    assert (images["fileCount"], images["size"]) == (5, 500)
    assert found["> s3://bucket prefix/manifest"]["outputStatistics"]["rowCount"] == 11
    assert found["< stablecog://stablecog_default outputs"]["dataSource"]["uri"] == "https://a"
    proof, failed = found["< s3://bucket prefix/manifest"]["dataQualityAssertions"]["assertions"]
    assert (proof["assertion"], proof["success"], proof["expected"], proof["actual"]) == ("row_count", True, "3", "3")
    assert (failed["success"], failed["severity"], failed["actual"]) == (False, "warn", "1")


def test_a_proof_that_differs_is_an_assertion_that_failed(connections: None) -> None:
    found = datasets(made(run(report(Outcome.NOT_PROVEN, source=4)), "failure"))
    proof = found["< s3://bucket prefix/manifest"]["dataQualityAssertions"]["assertions"][0]
    assert (proof["success"], proof["expected"], proof["actual"]) == (False, "4", "3")


def test_what_was_not_compared_is_not_asserted() -> None:
    assert [each.kind for each in checks_of_run(report(source=None))] == ["images_stored"]


def test_a_verify_reads_and_asserts() -> None:
    operator = StablecogVerifyOperator(task_id="t", bucket="bucket")
    assert set(datasets(made(operator, "start"))) == {"< s3://bucket images", "< s3://bucket manifest"}
    done = VerifyReport(
        run_id="r", archive="s3://bucket", started_at=NOW, finished_at=NOW, seconds=0.0, level="content"
    )
    operator.note_report(done)
    (assertion,) = datasets(made(operator))["< s3://bucket images"]["dataQualityAssertions"]["assertions"]
    assert assertion["success"] is True
    assert checks_of_verify(done)[0].actual == 0


ARCHIVE = {"bucket": "bucket", "prefix": "prefix"}
READ, WRITTEN = ([f"{sign} s3://bucket prefix/{part}" for part in ("images", "manifest")] for sign in "<>")
OTHER = ["> s3://other images", "> s3://other manifest"]


@pytest.mark.parametrize(
    ("operator", "arguments", "places"),
    [
        (StablecogRebuildOperator, {}, ["< stablecog://stablecog_default outputs", READ[1]]),
        (StablecogForgetOperator, {"id": ["a"]}, [READ[1], *WRITTEN]),
        (StablecogRestoreOperator, {"into": "s3://other"}, [*READ, *OTHER]),
        (StablecogRestoreOperator, {"to_folder": "/mnt/restored"}, [*READ, "> file /mnt/restored"]),
        (StablecogRestoreOperator, {"drill": True}, READ),
        (
            StablecogToIcebergOperator,
            {"catalog": "lake", "table": "db.outputs"},
            [READ[1], "> iceberg://lake db.outputs"],
        ),
    ],
)
def test_the_others_name_what_they_read_and_write(
    operator: type[ArchiveOperator], arguments: dict[str, Any], places: list[str]
) -> None:
    found = datasets(made(operator(task_id="t", **ARCHIVE, **arguments), "start"))
    assert set(found) == {*places}


def test_a_place_that_cannot_be_used_has_no_lineage() -> None:
    assert StablecogToS3Operator(task_id="t", bucket="").get_openlineage_facets_on_start() is None


def test_hook_lineage_is_one_asset_each_way(connections: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from stablecog_provider.airflow.operators import telling

    collector = HookLineageCollector()
    monkeypatch.setattr(telling, "get_hook_lineage_collector", lambda: collector)
    run(report(copied=100_000))
    found = collector.collected_assets
    assert [each.asset.uri for each in found.inputs] == ["https://a/"]
    assert [each.asset.uri for each in found.outputs] == ["s3://bucket/prefix"]


def test_the_hook_names_the_account_that_it_reads(
    connect: Connect, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stablecog_provider.airflow import hooks

    collector = HookLineageCollector()
    monkeypatch.setattr(hooks, "get_hook_lineage_collector", lambda: collector)
    connect("stablecog_default", conn_type="stablecog", host=simulator.address, password=DEFAULT_KEY)
    assert len(list(hooks.StablecogHook().outputs(per_page=2))) >= OUTPUTS
    (asset,) = collector.collected_assets.inputs
    assert (asset.asset.uri.rstrip("/"), asset.count) == (simulator.address, 1)


@pytest.mark.slow
def test_airflow_sends_events_that_satisfy_the_published_schemas(
    airflow_database: None, connected: Callable[..., None], tmp_path: Path
) -> None:
    connected()
    log = tmp_path / "events.jsonl"
    transport = {"type": "file", "log_file_path": str(log), "append": True}
    place = json.dumps({"bucket": "archive", "prefix": "lineage"})
    done = subprocess.run(
        [sys.executable, "-m", "airflow", "dags", "test", "stablecog_archive_daily", "-c", place],
        env={**os.environ, "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(transport)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    text = log.read_text()
    assert DEFAULT_KEY not in text
    assert AWS_SECRET not in text
    events = [json.loads(line) for line in text.splitlines()]
    for event in events:
        check(event, EVENT)
    task = [event for event in events if event["job"]["name"] == "stablecog_archive_daily.archive"]
    assert [event["eventType"] for event in task] == ["START", "COMPLETE"]
    assert len(datasets(task[0])) == 3
    found = datasets(task[1])
    images = found["> s3://archive lineage/images"]["outputStatistics"]
    assert images["fileCount"] >= OUTPUTS
    assert found["> s3://archive lineage/manifest"]["outputStatistics"]["rowCount"] == images["fileCount"]
    proof = found["< s3://archive lineage/manifest"]["dataQualityAssertions"]["assertions"][0]
    assert proof["success"] is True
    assert int(proof["expected"]) == int(proof["actual"]) >= OUTPUTS
