"""What the e2e run receives from Airflow: metrics of ours, and lineage that satisfies the published schemas or does not."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

from dev.e2e.signals import lineage_faults, statsd
from support.tree import ROOT

SCHEMAS = ROOT / "tests/support/openlineage"
EVENT: dict[str, Any] = {
    "eventType": "COMPLETE",
    "eventTime": "2026-11-28T06:00:00.000Z",
    "run": {"runId": "01a220c3-3ba9-78fc-b79c-aa9003fd610b"},
    "job": {"namespace": "default", "name": "dag.task"},
    "inputs": [],
    "outputs": [],
    "producer": "https://example.com",
    "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
}


def test_metrics_of_ours_are_kept_and_all_others_are_not() -> None:
    with statsd() as metrics, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for packet in ("airflow.ti.start:1|c", "airflow.stablecog.outputs,archive=a:5|c\nairflow.stablecog.proven:1|g"):
            client.sendto(packet.encode(), ("127.0.0.1", metrics.port))
        while len(metrics.values) < 2:
            pass
    assert metrics.values == {"stablecog.outputs": "5|c", "stablecog.proven": "1|g"}


def test_events_of_a_task_are_counted_and_an_invalid_one_is_named(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    assert lineage_faults(log, SCHEMAS, "dag.task") == (0, [])
    log.write_text("".join(json.dumps(each) + "\n" for each in (EVENT, EVENT)))
    assert lineage_faults(log, SCHEMAS, "dag.task") == (2, [])
    log.write_text(json.dumps({**EVENT, "eventTime": 7}) + "\n")
    count, faults = lineage_faults(log, SCHEMAS, "dag.task")
    assert count == 1
    assert faults
    assert "dag.task is invalid" in faults[0]
