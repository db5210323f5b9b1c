"""Entry point of the containers in compose.yaml: `python start.py keys | store | source | airflow | first-run`.

`keys` makes this installation's own random keys, once, in a volume that the others read: nothing secret is written down
anywhere, and nothing that is generated here works anywhere else.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

HOME = Path(os.environ.get("STABLECOG_DEMO_HOME", "/opt/stablecog"))
STORE = os.environ.get("STABLECOG_DEMO_STORE", "http://store:8333")
SOURCE = os.environ.get("STABLECOG_DEMO_SOURCE", "http://source:8787")
AIRFLOW = os.environ.get("STABLECOG_DEMO_AIRFLOW", "http://airflow:8080")
BUCKET, PREFIX, DAG = "archive", "stablecog", "stablecog_archive_daily"


def keys() -> None:
    """Create the keys that do not exist yet."""
    place = HOME / "keys/keys.json"
    made = {
        "s3_access": secrets.token_hex(10),
        "s3_secret": secrets.token_urlsafe(30),
        "fernet": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "airflow": secrets.token_urlsafe(64),
        # Airflow signs with HS512, whose key has at least 64 bytes (RFC 7518, 3.2).
        "jwt": secrets.token_urlsafe(64),
    }
    if place.exists():
        made |= _keys()
    half = place.with_suffix(".half")
    half.touch(mode=0o600)
    half.write_text(json.dumps(made))
    half.replace(place)


def store() -> None:
    """Run SeaweedFS for the other containers."""
    made, folder = _keys(), HOME / "store"
    identity = {
        "name": "archive",
        "credentials": [{"accessKey": made["s3_access"], "secretKey": made["s3_secret"]}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    settings = folder / "s3.json"
    settings.touch(mode=0o600)
    settings.write_text(json.dumps({"identities": [identity]}))
    volumes = folder / "volumes"
    volumes.mkdir(exist_ok=True)
    _become(
        "weed", "-logtostderr=true", "server", f"-dir={volumes}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        "-master.volumeSizeLimitMB=256", "-master.telemetry=false", "-master.electionTimeout=1s",
        "-volume.max=0", "-volume.preStopSeconds=0", "-filer", "-s3", "-s3.port=8333", "-s3.ip.bind=0.0.0.0",
        f"-s3.config={settings}", "-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.autoCreateBucket=false",
    )  # fmt: skip


def source() -> None:
    """Run the simulated account, with a clock that runs like ours."""
    state = str(HOME / "source-state/simulation.json")
    _become("stablecog-archive", "simulate", "--host", "0.0.0.0", "--port", "8787", "--state", state)  # noqa: S104 - the network of the containers


def airflow() -> None:
    """Create the bucket, then run Airflow with both connections."""
    make_bucket()
    _become("airflow", "standalone", environ=os.environ | airflow_settings())


def airflow_settings() -> dict[str, str]:
    """Return the environment of Airflow."""
    from stablecog_provider.simulator.world import DEFAULT_KEY

    made, place = _keys(), SOURCE.removeprefix("http://")
    stablecog = {"conn_type": "stablecog", "host": SOURCE, "password": DEFAULT_KEY, "extra": {"image_hosts": [place]}}
    s3 = {
        "endpoint_url": STORE,
        "region_name": "us-east-1",
        "config_kwargs": {"s3": {"addressing_style": "path"}},
    }
    aws = {"conn_type": "aws", "login": made["s3_access"], "password": made["s3_secret"], "extra": s3}
    return {
        "AIRFLOW_CONN_STABLECOG_DEFAULT": json.dumps(stablecog),
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(aws),
        "STABLECOG_ARCHIVE_BUCKET": BUCKET,
        "STABLECOG_ARCHIVE_PREFIX": PREFIX,
        # The volume: database, configuration and the logs of tasks. The DAGs are in the image.
        "AIRFLOW_HOME": f"{HOME}/airflow",
        "AIRFLOW__CORE__DAGS_FOLDER": "/opt/airflow/dags",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME}/airflow/airflow.db",
        "AIRFLOW__CORE__FERNET_KEY": made["fernet"],
        "AIRFLOW__API__SECRET_KEY": made["airflow"],
        "AIRFLOW__API_AUTH__JWT_SECRET": made["jwt"],
        # Everybody who can open the page is an administrator, so compose.yaml publishes it on 127.0.0.1 only.
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        # A run that starts before the API server listens fails. `first_run` unpauses the DAG once it does.
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        # Seconds, for a busy machine. The API server's first answer to a task takes longer than the default of 5, and a task that
        # gets none fails before it starts. A DAG whose file is not read in 30 seconds is gone until it is.
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "120",
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "180",
        "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "240",
        "AIRFLOW__DAG_PROCESSOR__STALE_DAG_THRESHOLD": "600",
    }


def make_bucket() -> None:
    """Create the bucket of the archive unless it exists."""
    import boto3

    made = _keys()
    session = boto3.Session(made["s3_access"], made["s3_secret"], region_name="us-east-1")
    client = session.client("s3", endpoint_url=STORE)
    if BUCKET not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
        client.create_bucket(Bucket=BUCKET)


def first_run() -> None:
    """Unpause the DAG and trigger it, so that there is a result to look at."""
    # On a busy machine, an API server that is healthy may take long for a first request.
    token = _ask("GET", f"{AIRFLOW}/auth/token", seconds=60)["access_token"]
    _ask("PATCH", f"{AIRFLOW}/api/v2/dags/{DAG}", {"is_paused": False}, token, seconds=60)
    run = _ask("POST", f"{AIRFLOW}/api/v2/dags/{DAG}/dagRuns", {"logical_date": None}, token, seconds=60)
    print(f"triggered {run['dag_run_id']}: see http://127.0.0.1:8080/dags/{DAG}")


def healthy(name: str) -> None:
    """Health check: exit with an error unless the service answers correctly."""
    if name == "store":
        # Only a running S3 server refuses an anonymous request.
        try:
            _ask("GET", f"{STORE}/")
        except urllib.error.HTTPError as refused:
            sys.exit(refused.code != 403)
    if name == "source":
        _ask("GET", f"{SOURCE}/_simulator/state")
    if name == "airflow":
        health = _ask("GET", f"{AIRFLOW}/api/v2/monitor/health")
        token = _ask("GET", f"{AIRFLOW}/auth/token")["access_token"]
        _ask("GET", f"{AIRFLOW}/api/v2/dags/{DAG}", token=token)
        sys.exit(any(health[part]["status"] != "healthy" for part in ("metadatabase", "scheduler", "dag_processor")))


def _keys() -> dict[str, str]:
    found: dict[str, str] = json.loads((HOME / "keys/keys.json").read_text())
    return found


def _ask(method: str, url: str, body: object = None, token: str = "", *, seconds: float = 5) -> Any:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    payload = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data=payload, headers=headers, method=method)  # noqa: S310 - our own services
    with urllib.request.urlopen(request, timeout=seconds) as answer:  # noqa: S310
        return json.loads(answer.read() or b"null")


def _become(*command: str, environ: dict[str, str] | None = None) -> None:
    """Replace this process with the service, so that the service receives the signals."""
    os.execvpe(command[0], command, environ or dict(os.environ))  # noqa: S606


COMMANDS = {
    "keys": keys,
    "store": store,
    "source": source,
    "airflow": airflow,
    "first-run": first_run,
}

if __name__ == "__main__":
    if sys.argv[1] == "healthy":
        healthy(sys.argv[2])
    else:
        COMMANDS[sys.argv[1]]()
