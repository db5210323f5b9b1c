"""No process outlives its session, whatever its process group."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil
import pytest

from dev.e2e.sessions import members, session
from dev.local.children import wait_until

# Like an Airflow worker: its task has its own process group and ignores SIGTERM.
WORKER = """
import os, signal
if os.fork() == 0:
    os.setpgid(0, 0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print(os.getpid(), flush=True)
signal.pause()
"""


@pytest.mark.parametrize("leader_dies_before", [False, True])
def test_a_child_with_its_own_process_group_is_stopped_too(tmp_path: Path, leader_dies_before: bool) -> None:
    log = tmp_path / "log"
    with session([sys.executable, "-c", WORKER], log, os.environ) as child:
        wait_until("the worker", lambda: log.read_text().endswith("\n"), child, log)
        task = psutil.Process(int(log.read_text()))
        assert {each.pid for each in members(child.pid)} == {child.pid, task.pid}
        if leader_dies_before:
            child.kill()
            child.wait(10)
            assert [each.pid for each in members(child.pid)] == [task.pid]
    assert members(child.pid) == []
    assert not task.is_running() or task.status() == psutil.STATUS_ZOMBIE
