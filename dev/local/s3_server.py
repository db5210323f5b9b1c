"""A real S3 server (SeaweedFS) on 127.0.0.1 for the demo and the tests.

Facts about `weed`, observed with version 4.48:

- Its gRPC ports are its HTTP ports + 10000, so HTTP ports stay below 22000, and both must be free.
- An open port does not mean that it serves. It is ready when a PUT and a GET succeed.
- It takes 17 s to end after SIGTERM. It gets one second to flush, then SIGKILL, which its volumes survive.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .children import die_with_parent

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_s3 import S3Client

HOST = "127.0.0.1"
READY_SECONDS = 60.0
TERM_SECONDS = 1.0
GRPC_OFFSET = 10000


class ServerFailed(Exception):
    """A server did not become ready. The message contains the end of its log."""


@dataclass(frozen=True, slots=True)
class S3Server:
    """Address of a server, and the key that it accepts."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)

    def session(self) -> boto3.session.Session:
        # boto3 takes as long to import as SeaweedFS takes to start, so the two overlap.
        import boto3

        return boto3.session.Session(self.access_key, self.secret_key, region_name="us-east-1")

    def client(self) -> S3Client:
        """Return a boto3 client that fails fast, for set-up and for reading what the archive wrote."""
        from botocore.config import Config

        config = Config(
            s3={"addressing_style": "path"}, connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 1}
        )
        client: S3Client = self.session().client("s3", endpoint_url=self.endpoint, config=config)
        return client


@contextlib.contextmanager
def seaweedfs(
    folder: Path, *, bucket: str = "archive", port: int | None = None, ready_seconds: float = READY_SECONDS
) -> Iterator[S3Server]:
    """Run SeaweedFS with its data in `folder` and with `bucket` in it. Raises ServerFailed.

    If the folder was served before, its data is still there. `port`: where S3 listens; None: any free port, that of the last
    time if it is free. The server dies with the thread that started it.
    """
    if port is not None:
        _refuse_taken(port)
    folder.mkdir(parents=True, exist_ok=True)
    master, volume, filer, s3 = _ports(folder)
    s3 = port or s3
    server = S3Server(f"http://{HOST}:{s3}", "demo-access-key", "demo-secret-key")
    log = folder / "weed.log"
    with log.open("ab") as output:
        child = subprocess.Popen(  # noqa: S603 - our own program and arguments
            _command(folder, server, master=master, volume=volume, filer=filer, s3=s3),
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=folder,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
    try:
        _wait_until_ready(server, child, log, bucket, ready_seconds)
        yield server
    finally:
        _stop(child)


def _command(folder: Path, server: S3Server, *, master: int, volume: int, filer: int, s3: int) -> list[str]:
    storage = folder / "volumes"
    storage.mkdir(exist_ok=True)
    identities = folder / "s3.json"
    identities.write_text(
        json.dumps(
            {
                "identities": [
                    {
                        "name": "demo",
                        "credentials": [{"accessKey": server.access_key, "secretKey": server.secret_key}],
                        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
                    }
                ]
            }
        )
    )
    identities.chmod(0o600)
    return [
        str(Path(sys.executable).with_name("weed")), "-logtostderr=true", "server",
        f"-dir={storage}", f"-ip={HOST}", f"-ip.bind={HOST}",
        f"-master.port={master}", "-master.volumeSizeLimitMB=256", "-master.telemetry=false", "-master.electionTimeout=1s",
        f"-volume.port={volume}", "-volume.max=0", "-volume.preStopSeconds=0",
        "-filer", f"-filer.port={filer}",
        "-s3", f"-s3.port={s3}", f"-s3.config={identities}", "-s3.port.iceberg=0", "-s3.port.lance=0",
        "-s3.autoCreateBucket=false", "-s3.allowDeleteBucketNotEmpty=false",
    ]  # fmt: skip


def _ports(folder: Path) -> list[int]:
    """Return four ports, those of the last time if they are free: with a new master port an election takes 15 s."""
    remembered = folder / "ports.json"
    ports: list[int] = json.loads(remembered.read_text()) if remembered.exists() else []
    if not ports or not all(_is_free(port) and _is_free(port + GRPC_OFFSET) for port in ports):
        ports = free_ports(4)
        remembered.write_text(json.dumps(ports))
    return ports


def _refuse_taken(port: int) -> None:
    for each in (port, port + GRPC_OFFSET):
        if not _is_free(each):
            needed = "" if each == port else f", which belongs to {port},"
            raise ServerFailed(
                f"port {each} of {HOST}{needed} is in use: stop the other program, or choose another --port"
            )


def free_ports(count: int) -> list[int]:
    """Return ports that are free, as are those 10000 above. Another program may still take one before we do."""
    found: list[int] = []
    for port in random.sample(range(12000, 22000), 1000):
        if _is_free(port) and _is_free(port + GRPC_OFFSET):
            found.append(port)
        if len(found) == count:
            return found
    raise ServerFailed("no free ports between 12000 and 22000")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: lingering connections of a stopped server do not block a port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _wait_until_ready(server: S3Server, child: subprocess.Popen[bytes], log: Path, bucket: str, seconds: float) -> None:
    from botocore.exceptions import BotoCoreError, ClientError

    client = server.client()
    deadline = time.monotonic() + seconds
    trouble: Exception | None = None
    while child.poll() is None and time.monotonic() < deadline:
        try:
            _put_and_get(client, bucket)
            return
        except (BotoCoreError, ClientError) as error:
            trouble = error
            time.sleep(0.1)
    tail = log.read_text(errors="replace")[-2000:]
    raise ServerFailed(f"SeaweedFS is not ready (exit code {child.poll()}): {trouble}; the end of its log:\n{tail}")


def _put_and_get(client: S3Client, bucket: str) -> None:
    with contextlib.suppress(client.exceptions.BucketAlreadyExists, client.exceptions.BucketAlreadyOwnedByYou):
        client.create_bucket(Bucket=bucket)
    client.put_object(Bucket=bucket, Key=".ready", Body=b"ready")
    client.get_object(Bucket=bucket, Key=".ready")
    client.delete_object(Bucket=bucket, Key=".ready")


def _stop(child: subprocess.Popen[bytes]) -> None:
    for number, seconds in ((signal.SIGTERM, TERM_SECONDS), (signal.SIGKILL, 30.0)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        try:
            child.wait(seconds)
            return
        except subprocess.TimeoutExpired:
            continue
