"""Runs the daily DAG in Airflow at DEBUG with canaries as credentials, and returns output, home, XCom, templates and bucket."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from ..rig.canaries import API_KEY, AWS_ID, AWS_SECRET, GATEWAY, PASSWORD, SESSION_TOKEN
from ..rig.captured_output import captured_output
from ..rig.listeners import HOST
from .stage import BUCKET, Scenario, Stage, always, environment

ROOT = Path(__file__).parents[3]
_PATIENCE = 90.0
"""Seconds. If the source fails, the task waits minutes for its retries. The output until then is searched."""
_TEST_CONNECTION = """
import logging; logging.basicConfig(level=1)
from stablecog_provider.airflow.hooks import StablecogHook
print(StablecogHook("stablecog_default").test_connection())
"""
SCENARIOS = (
    Scenario("all is well"),
    Scenario("401", api=always(status=401)),
    Scenario("images that fail", image=always(status=403)),
    Scenario("a store that repeats the request", store="echoes"),
    Scenario("a source that repeats the request", source="echoes"),
    Scenario("a source without TLS", source="no tls"),
    Scenario("a gateway that repeats the headers", source="repeats the headers"),
    Scenario("a gateway that encodes the headers", source="encodes the headers"),
    Scenario(
        "a gateway that answers in headers", source="answers in headers", secret_headers={"X-Gateway-Key": GATEWAY}
    ),
    Scenario("a gateway's header without a colon", secret_headers=GATEWAY),
    Scenario("a gateway's header with the secret first", secret_headers={GATEWAY: "X-Gateway-Key"}),
    Scenario("a gateway's header in a list", secret_headers=[f"X-Gateway-Key: {GATEWAY}"]),
    Scenario("a password in the source's address", source=f"http://u:{PASSWORD}@{HOST}"),
    Scenario("a password in the store's address", store=f"http://:{PASSWORD}@{HOST}"),
)


async def airflow_scenarios(scene: Stage, home: Path) -> AsyncIterator[tuple[str, bytes]]:
    folder = home / "airflow"
    folder.mkdir()
    base = {
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder / 'airflow.db'}",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    await _run(base, "-m", "airflow", "db", "migrate")
    for number, scenario in enumerate(SCENARIOS):
        scene.prepare(scenario)
        environ = {**base, **_connections(scene, scenario)}
        place = json.dumps({"bucket": BUCKET, "prefix": f"airflow-{number}"})
        run = await _run(environ, "-m", "airflow", "dags", "test", "stablecog_archive_daily", "-c", place)
        test = await _run(environ, "-c", _TEST_CONNECTION)
        searched = run + test + await scene.kept(f"airflow-{number}")
        yield scenario.name, searched if run and test else b""
    kept = [file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()]
    yield "its home (database, XCom, templates, logs)", b"\n".join(kept)


def _connections(scene: Stage, scenario: Scenario) -> dict[str, str]:
    source = {
        "conn_type": "stablecog",
        "host": scene.source_of(scenario),
        "password": API_KEY,
        "extra": {"image_hosts": scene.image_host, "secret_headers": scenario.secret_headers},
    }
    extra = {
        "endpoint_url": scene.store_of(scenario),
        "region_name": "us-east-1",
        "aws_session_token": SESSION_TOKEN,
    }
    store = {"conn_type": "aws", "login": AWS_ID, "password": AWS_SECRET, "extra": extra}
    return {
        "AIRFLOW_CONN_STABLECOG_DEFAULT": json.dumps(source),
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(store),
    }


async def _run(environ: dict[str, str], *arguments: str) -> bytes:
    """Return the output of a child, without one kind of line: `dags test` at DEBUG logs its own request to mask a secret."""
    home = Path(environ["AIRFLOW_HOME"])
    out = await captured_output(
        (sys.executable, *arguments), _without_credentials(environment(**environ)), patience=_PATIENCE, folder=home
    )
    lines = [line for line in out.splitlines() if b"Sending request" not in line or b"msg=MaskSecret(" not in line]
    return b"\n".join(lines)


def _without_credentials(environ: dict[str, str]) -> dict[str, str]:
    """Remove the secrets, which must come from the connections only."""
    gone = {
        "STABLECOG_API_KEY",
        "STABLECOG_SOURCE_HEADERS",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    }
    return {name: value for name, value in environ.items() if name not in gone}
