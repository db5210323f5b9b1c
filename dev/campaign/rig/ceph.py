"""A second, independent S3 server: Ceph's object gateway with one monitor and one OSD, on 127.0.0.1, in a folder.

Observed with version 16.2: a cluster of one needs pools of size 1, the gateway answers 503 until its pools exist, and the OSD
needs its own block file. Everything is stopped by process group when the block ends.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from ...local.children import started
from ...local.s3_server import HOST, S3Server, free_ports

PROGRAMS = ("ceph", "ceph-authtool", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")
READY_SECONDS = 120.0
KEY, SECRET = "ceph-access-key", "ceph-secret-key"
_OSD_BYTES = 4 * 1024**3


class CephFailed(Exception):
    """The cluster did not start. The message names the step."""


def missing_programs() -> list[str]:
    return [name for name in PROGRAMS if shutil.which(name) is None]


@contextlib.contextmanager
def ceph(folder: Path, bucket: str = "archive") -> Iterator[S3Server]:
    """Run a cluster of one with `bucket` in it. Raises CephFailed."""
    cluster = _Cluster(folder)
    with contextlib.ExitStack() as running:
        for name in cluster.set_up_monitor():
            running.enter_context(cluster.daemon(name))
        cluster.wait("the monitor", "status")
        cluster.set_up_osd()
        running.enter_context(cluster.daemon("ceph-osd", "-i", "0", "--osd-objectstore", "bluestore"))
        running.enter_context(
            cluster.daemon("radosgw", "-n", "client.admin", "--keyring", str(cluster.folder / "keyring"))
        )
        cluster.make_user()
        server = S3Server(f"http://{HOST}:{cluster.port}", KEY, SECRET)
        _make_bucket(server, bucket)
        yield server


class _Cluster:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fsid = str(uuid.uuid4())
        self.monitor, self.port = free_ports(2)
        self.configuration = folder / "ceph.conf"

    def set_up_monitor(self) -> list[str]:
        for name in ("mon", "osd", "run", "log"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.configuration.write_text(self._configured())
        keyring, monmap = self.folder / "keyring", self.folder / "monmap"
        self._run("ceph-authtool", "--create-keyring", keyring, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
        everything = [part for service in ("mon", "osd", "mgr") for part in ("--cap", service, "allow *")]
        self._run("ceph-authtool", keyring, "--gen-key", "-n", "client.admin", *everything)
        osd = ("--cap", "mon", "allow profile osd", "--cap", "osd", "allow *")
        self._run("ceph-authtool", keyring, "--gen-key", "-n", "osd.0", *osd)
        self._run("monmaptool", "--create", "--addv", "a", f"[v2:{HOST}:{self.monitor}]", "--fsid", self.fsid, monmap)
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap, "--keyring", keyring)
        return ["ceph-mon"]

    def _configured(self) -> str:
        settings = {
            "fsid": self.fsid,
            "mon host": f"[v2:{HOST}:{self.monitor}]",
            "public addr": HOST,
            "cluster addr": HOST,
            "run dir": self.folder / "run",
            "admin socket": "",
            "log file": self.folder / "log" / "$name.log",
            "mon data": self.folder / "mon",
            "osd data": self.folder / "osd",
            "keyring": self.folder / "keyring",
            "osd pool default size": 1,
            "osd pool default min size": 1,
            "osd pool default pg num": 8,
            "osd pool default pg autoscale mode": "off",
            "osd crush chooseleaf type": 0,
            "mon warn on pool no redundancy": "false",
            "mon allow pool size one": "true",
            "bluestore block size": _OSD_BYTES,
            "osd memory target": 939524096,
            "rgw frontends": f"beast endpoint={HOST}:{self.port}",
            "rgw dns name": HOST,
        }
        lines = [f"{name} = {value}" for name, value in settings.items()]
        return "\n".join(["[global]", *lines, ""])

    def wait(self, step: str, *command: str) -> str:
        """Repeat a `ceph` command until it succeeds, and return its output. Raises CephFailed after `READY_SECONDS`."""
        deadline, trouble = time.monotonic() + READY_SECONDS, ""
        while time.monotonic() < deadline:
            done = self._try("ceph", "--connect-timeout", "5", *command)
            if done.returncode == 0:
                return done.stdout
            trouble = done.stderr[-500:]
            time.sleep(0.5)
        raise CephFailed(f"{step}: {trouble}")

    def set_up_osd(self) -> None:
        osd = str(uuid.uuid4())
        self.wait("the OSD's number", "osd", "create", osd)
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd, "--osd-objectstore", "bluestore")

    def make_user(self) -> None:
        named = ("--uid=campaign", "--display-name=campaign", f"--access-key={KEY}", f"--secret-key={SECRET}")
        self._run("radosgw-admin", "user", "create", *named)

    def daemon(self, program: str, *arguments: str) -> contextlib.AbstractContextManager[object]:
        arguments = arguments or ("-i", "a")
        command = [program, "-c", str(self.configuration), "-f", *arguments]
        return started(command, self.folder / "log" / f"{program}.out", os.environ)

    def _try(self, program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [program, "-c", str(self.configuration), *map(str, arguments)]
        if program in ("ceph-authtool", "monmaptool"):
            command = [program, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=READY_SECONDS, check=False)

    def _run(self, program: str, *arguments: object) -> None:
        done = self._try(program, *arguments)
        if done.returncode:
            raise CephFailed(f"{program} ended with {done.returncode}: {done.stderr[-1000:]}")


def _make_bucket(server: S3Server, bucket: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    client = server.client()
    while True:
        try:
            client.create_bucket(Bucket=bucket)
            return
        except (BotoCoreError, ClientError) as error:
            if time.monotonic() > deadline:
                raise CephFailed(f"the gateway: {error}") from None
            time.sleep(0.5)
