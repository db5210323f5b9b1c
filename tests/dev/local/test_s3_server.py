"""The S3 server of the demo and the tests keeps its data, and never outlives the process that started it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dev.local import s3_server as servers
from dev.local.s3_server import ServerFailed, seaweedfs

ROOT = Path(servers.__file__).parents[2]
STARTS_A_SERVER_AND_WAITS = """
import sys
from pathlib import Path
from dev.local.s3_server import seaweedfs
with seaweedfs(Path(sys.argv[1])) as server:
    print(server.endpoint, flush=True)
    sys.stdin.read()
"""


@pytest.mark.long
def test_a_folder_keeps_its_data_and_its_address(tmp_path: Path) -> None:
    with seaweedfs(tmp_path) as server:
        server.client().put_object(Bucket="archive", Key="kept", Body=b"through a stop")
    with seaweedfs(tmp_path) as again:
        assert again == server
        assert again.client().get_object(Bucket="archive", Key="kept")["Body"].read() == b"through a stop"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can signal the death of a parent")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_server_dies_with_the_process_that_started_it(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTS_A_SERVER_AND_WAITS, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline().startswith(b"http://127.0.0.1:")
        server = os.pidfd_open(_pid_of_weed(tmp_path))
        try:
            parent.send_signal(number)
            # Readable means that the process has ended. The timeout is reached only if it has not.
            assert select.select([server], [], [], 30.0)[0]
        finally:
            os.close(server)


def _pid_of_weed(folder: Path) -> int:
    for status in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = status.read_bytes().split(b"\0")
        except OSError:
            continue
        if f"-dir={folder}/volumes".encode() in arguments:
            return int(status.parent.name)
    raise AssertionError("no server serves this folder")


def test_a_server_that_does_not_become_ready_names_the_cause(tmp_path: Path) -> None:
    with pytest.raises(ServerFailed, match="SeaweedFS is not ready"), seaweedfs(tmp_path, ready_seconds=0.0):
        pass
