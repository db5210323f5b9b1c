"""The demo names what failed, and nothing that it started outlives it."""

from __future__ import annotations

import os
import select
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError

from dev.demo.story import Folders
from dev.local.airflow_home import AirflowHome
from dev.local.children import StepFailed, finish, started, wait_until
from dev.local.s3_server import free_ports
from support.tree import ROOT

WRITE_SECONDS = 30.0
# A leader with a child. Both write their ids and then stay.
FAMILY = ["sh", "-c", 'sleep 600 & echo $$ $! > "$PLACE"; wait']
# The same, but both ignore SIGTERM.
STUBBORN = ["sh", "-c", 'trap "" TERM; (trap "" TERM; sleep 600) & echo $$ $! > "$PLACE"; wait; wait']


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A named pipe that programs write their process ids to; read it with `ids_from`."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    return pipe


def ids_from(pipe: Path) -> list[int]:
    """Wait for a program to write its process ids, but not for ever: one that dies before writing must not hang the tests."""
    descriptor = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(descriptor) as reader:
        assert select.select([reader], [], [], WRITE_SECONDS)[0], "the program wrote nothing"
        os.set_blocking(descriptor, True)
        return [int(pid) for pid in reader.read().split()]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "logs/step.log"


def environ(place: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PLACE": str(place)}


def is_alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("command", [FAMILY, STUBBORN], ids=["obedient", "stubborn"])
@pytest.mark.parametrize("end", [KeyboardInterrupt, StepFailed("a step", "broke"), None], ids=str)
def test_a_program_and_its_children_end_with_the_block(
    command: list[str],
    end: BaseException | type[BaseException] | None,
    place: Path,
    log: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dev.local.children.TERM_SECONDS", 0.2)
    family: list[int] = []
    try:
        with started(command, log, environ(place)):
            family = ids_from(place)
            assert [is_alive(pid) for pid in family] == [True, True]
            if end:
                raise end
    except (KeyboardInterrupt, StepFailed):
        assert end
    assert [is_alive(pid) for pid in family] == [False, False]


def test_an_interruption_during_a_start_leaves_nothing_running(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, begun = subprocess.Popen, []

    def interrupted(*arguments: Any, **settings: Any) -> subprocess.Popen[bytes]:
        begun.append(real(*arguments, **settings))
        signal.raise_signal(signal.SIGINT)
        return begun[-1]

    monkeypatch.setattr("dev.local.children.subprocess.Popen", interrupted)
    with pytest.raises(KeyboardInterrupt), started(["sleep", "600"], log, dict(os.environ)):
        pytest.fail("the block was entered")
    assert [is_alive(child.pid) for child in begun] == [False]


def test_an_interruption_during_a_stop_waits_for_its_end(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.killpg

    def interrupted(group: int, number: int) -> None:
        real(group, number)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("dev.local.children.os.killpg", interrupted)
    with pytest.raises(KeyboardInterrupt), started(["sleep", "600"], log, dict(os.environ)) as child:
        pass
    assert not is_alive(child.pid)


def test_a_missing_program_is_an_error(log: Path) -> None:
    with pytest.raises(FileNotFoundError), started(["no-such-program"], log, dict(os.environ)):
        pytest.fail("the block was entered")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_step_that_fails_shows_the_end_of_its_log(place: Path, log: Path) -> None:
    lines = "for i in $(seq 100); do echo line $i; done; echo the reason; exit 7"
    with (
        started(["sh", "-c", lines], log, environ(place)) as child,
        pytest.raises(StepFailed, match="exit code 7") as failure,
    ):
        finish("a step", child, log, 60)
    assert failure.value.tail.endswith("line 100\nthe reason")
    assert "line 1\n" not in failure.value.tail


def test_a_step_with_a_hopeless_log_is_not_waited_for(place: Path, log: Path) -> None:
    with (
        started(["sh", "-c", "echo up_for_retry; sleep 600"], log, environ(place)) as child,
        pytest.raises(StepFailed, match="up_for_retry"),
    ):
        finish("a step", child, log, 600, hopeless="up_for_retry")


def test_a_step_has_a_time_limit(place: Path, log: Path) -> None:
    with started(["sleep", "600"], log, environ(place)) as child, pytest.raises(StepFailed, match="not done after 0 s"):
        finish("a step", child, log, 0)


def test_a_server_that_ends_at_once_is_not_waited_for(place: Path, log: Path) -> None:
    with started(["true"], log, environ(place)) as child, pytest.raises(StepFailed, match="instead of serving"):
        wait_until("a server", lambda: False, child, log, 600)


def test_a_server_that_never_becomes_ready_is_an_error(place: Path, log: Path) -> None:
    with (
        started(["sleep", "600"], log, environ(place)) as child,
        pytest.raises(StepFailed, match="not ready after 0 s"),
    ):
        wait_until("a server", lambda: False, child, log, 0)


def test_the_demo_ignores_the_callers_airflow_and_cloud_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "theirs")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "theirs")
    monkeypatch.setenv("STABLECOG_API_KEY", "theirs")
    home = AirflowHome(tmp_path / "home", ROOT, tmp_path / "kept", tmp_path / "logs")
    assert "theirs" not in home.environ().values()


def test_a_new_lock_needs_a_new_database(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    for lock in ("old", "new"):
        (tmp_path / "requirements.lock").write_text(lock)
        home = AirflowHome(tmp_path / lock, tmp_path, tmp_path / "kept", tmp_path / "logs")
        if lock == "old":
            home._template.write_text("the old schema")
            with home.prepared() as child:
                assert child is None
            assert (home.folder / "airflow.db").read_text() == "the old schema"
        else:
            assert not home._template.exists()


def test_cleaning_removes_all_but_the_kept_folder(tmp_path: Path) -> None:
    folders = Folders(ROOT, tmp_path)
    for folder in (folders.kept, folders.store, folders.manifest, folders.airflow, folders.logs):
        folder.mkdir()
        (folder / "file").touch()
    folders.clean()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "kept", "logs"]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "dev.demo", str(tmp_path / "demo")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # As in a background job of a shell.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    ) as child:
        yield child
        if child.poll() is None:
            child.kill()


def test_nothing_outlives_a_demo_that_is_killed(place: Path, tmp_path: Path) -> None:
    program = (
        "import os; from pathlib import Path; from dev.local.children import started\n"
        f"with started(['sh', '-c', 'echo $$ > \"$PLACE\"; exec sleep 600'], Path({str(tmp_path / 'log')!r}), os.environ):"
        " input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, env=environ(place), stdin=subprocess.PIPE
    ) as killed:
        child = psutil.Process(*ids_from(place))
        killed.kill()
        psutil.wait_procs([child], timeout=60)
        assert not is_alive(child.pid)


@pytest.mark.long
def test_ctrl_c_stops_everything_that_the_demo_started(demo: subprocess.Popen[str]) -> None:
    assert demo.stdout
    line = demo.stdout.readline()
    assert line.startswith("✓ Start"), line
    family = psutil.Process(demo.pid).children(recursive=True)
    commands = " ".join(word for child in family for word in child.cmdline())
    assert "weed" in commands
    assert "simulate" in commands
    for _ in range(3):  # an impatient person
        demo.send_signal(signal.SIGINT)
    rest = demo.stdout.read()
    assert demo.wait(60) == 130
    assert "Everything that was started is stopped" in rest
    assert [child for child in family if is_alive(child.pid)] == []


def test_the_standalone_s3_server_prints_its_settings_and_stops_on_ctrl_c(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "dev.local.s3", str(tmp_path / "data"), "--port", str(port)]
    with started(command, log, os.environ) as child:
        wait_until("the S3 server", lambda: "export STABLECOG_ARCHIVE_BUCKET=archive\n" in log.read_text(), child, log)
        lines = [line for line in log.read_text().splitlines() if line.startswith("export ")]
        exported = dict(word.split("=", 1) for line in lines for word in shlex.split(line)[1:])
        assert exported["AWS_ENDPOINT_URL_S3"] == f"http://127.0.0.1:{port}"
        s3 = boto3.client(
            "s3",
            endpoint_url=exported["AWS_ENDPOINT_URL_S3"],
            region_name=exported["AWS_REGION"],
            aws_access_key_id=exported["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=exported["AWS_SECRET_ACCESS_KEY"],
            config=Config(retries={"total_max_attempts": 1}),
        )
        assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["archive"]
        child.send_signal(signal.SIGINT)
        assert child.wait(60) == 130
    with pytest.raises(EndpointConnectionError):
        s3.list_buckets()


def test_a_program_can_be_started_from_any_thread(tmp_path: Path) -> None:
    """Campaigns do this. Python delivers signals to the main thread only."""

    def start() -> int:
        with started([sys.executable, "-c", "pass"], tmp_path / "log", os.environ) as child:
            return child.wait(20)

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(start).result(30) == 0
