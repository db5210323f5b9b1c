"""A run's metrics, as a StatsD server and an OpenTelemetry collector receive them."""

from __future__ import annotations

import http.server
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from stablecog_provider.airflow.metrics import emit
from stablecog_provider.airflow.versions import Stats
from stablecog_provider.errors import SourceUnavailable
from stablecog_provider.model.coverage import Coverage, Window
from stablecog_provider.model.verdict import Outcome
from support.airflow_canary import KEY, Connect
from support.airflow_metrics import metrics_with
from support.airflow_recorded import NOW, Recorded, report
from support.tree import ROOT

COVERED = Coverage.of([Window(NOW - timedelta(days=9), NOW - timedelta(hours=2))])


@pytest.fixture
def statsd() -> Iterator[socket.socket]:
    """A StatsD server, and Airflow's metrics set up as in a task's process."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        settings = {"ON": "True", "HOST": "127.0.0.1", "PORT": str(server.getsockname()[1]), "INFLUXDB_ENABLED": "True"}
        with metrics_with({f"AIRFLOW__METRICS__STATSD_{name}": value for name, value in settings.items()}):
            yield server


def received(server: socket.socket, number: int) -> dict[str, str]:
    """The values by name, without tags, of so many packets."""
    lines = [server.recv(4096).decode() for _ in range(number)]
    tagged = [line.partition(":") for line in lines]
    assert {name.partition(",")[2] for name, _, _ in tagged} == {"archive=bucket/prefix,dag_id=d,task_id=t"}
    return {name.partition(",")[0]: value for name, _, value in tagged}


def test_a_statsd_server_receives_all_of_them(statsd: socket.socket) -> None:
    done = report(copied=5, bytes=500, new=4, failed=1, coverage=COVERED, outcome=Outcome.WITH_FAILED)
    emit(done, "d", "t")
    assert received(statsd, 6) == {
        "airflow.stablecog.outputs": "4|c",
        "airflow.stablecog.bytes": "500|c",
        "airflow.stablecog.failed": "1|c",
        "airflow.stablecog.seconds": "0.0|g",
        "airflow.stablecog.proven": "1|g",
        "airflow.stablecog.lag_seconds": "7200.0|g",
    }


def test_without_coverage_there_is_no_lag_and_what_is_not_proven_is_zero(statsd: socket.socket) -> None:
    emit(report(Outcome.NOT_PROVEN, source=4), "d", "t")
    found = received(statsd, 5)
    assert "airflow.stablecog.lag_seconds" not in found
    assert found["airflow.stablecog.proven"] == "0|g"


def test_the_operator_sends_them_also_if_the_counts_differ(statsd: socket.socket, connect: Connect) -> None:
    connect("stablecog_default", conn_type="stablecog", password=KEY)
    connect("aws_default", conn_type="aws", login="access", password="s", extra={"region_name": "eu-west-1"})
    Recorded.outcome = report(Outcome.NOT_PROVEN, source=4)
    operator = Recorded(task_id="t", bucket="bucket", prefix="prefix")
    context: Any = {"ti": SimpleNamespace(xcom_push=lambda **_: None), "outlet_events": {}}
    with pytest.raises(Exception, match="the source counts 4"):
        operator.execute(context)
    names = [statsd.recv(4096).decode().partition(",")[0] for _ in range(5)]
    assert "airflow.stablecog.proven" in names
    Recorded.outcome = SourceUnavailable("no answer")
    with pytest.raises(Exception, match="no answer"):
        operator.execute(context)
    statsd.settimeout(0.01)
    with pytest.raises(TimeoutError):
        statsd.recv(4096)


def test_a_backend_that_fails_does_not_fail_the_run(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("no route to sc-secret")

    monkeypatch.setattr(Stats, "incr", staticmethod(fail))
    emit(report(), "d", "t")
    assert "metrics were not sent: OSError" in caplog.text
    assert "sc-secret" not in caplog.text


EXPORT = """
from support.airflow_metrics import start
start()
from opentelemetry import metrics
from stablecog_provider.airflow.metrics import emit
from support.airflow_recorded import report
emit(report(new=4, bytes=500), "d", "t")
metrics.get_meter_provider().force_flush()
"""


class Collector(http.server.BaseHTTPRequestHandler):
    bodies: list[bytes] = []  # noqa: RUF012 (one per test process)

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Prints nothing."""


@pytest.mark.slow
def test_an_opentelemetry_collector_receives_them() -> None:
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_port
        environment = {
            "AIRFLOW__METRICS__OTEL_ON": "True",
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"http://127.0.0.1:{port}/v1/metrics",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_SERVICE_NAME": "airflow",
            "AIRFLOW__METRICS__OTEL_HOST": "127.0.0.1",
            "AIRFLOW__METRICS__OTEL_PORT": str(port),
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}",
        }
        done = subprocess.run(
            [sys.executable, "-c", EXPORT],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=120,
        )
        server.shutdown()
    assert done.returncode == 0, done.stderr[-3000:]
    found = {}
    for body in Collector.bodies:
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            for scope in resource.scope_metrics:
                for metric in (each for each in scope.metrics if each.name.startswith("airflow.stablecog.")):
                    (point,) = metric.sum.data_points or metric.gauge.data_points
                    found[metric.name] = point.as_int or point.as_double
                    assert {each.key for each in point.attributes} >= {"archive", "dag_id", "task_id"}, metric.name
    assert found["airflow.stablecog.outputs"] == 4
    assert found["airflow.stablecog.bytes"] == 500
    assert found["airflow.stablecog.proven"] == 1
