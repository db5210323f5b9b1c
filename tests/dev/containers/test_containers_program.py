"""`make containers` without an engine: what it says, what it stops at, and the stand-ins that it would build."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from dev.containers import __main__ as program
from dev.containers import podman as podmans
from dev.containers.base_images import base_images
from dev.containers.engines import Engine, StepFailed, docker
from support.tree import ROOT

FAKE = """#!/bin/sh
echo "$@" >> {calls}
case "$*" in {cases} esac
exit 1
"""


def engine(tmp_path: Path, cases: str, *, builds_by_itself: bool = True) -> Engine:
    """An engine whose commands are a script that answers `cases` and writes down what it was asked."""
    script = tmp_path / "engine"
    script.write_text(FAKE.format(calls=tmp_path / "calls", cases=cases))
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return Engine(
        name="fake",
        version="1",
        root=ROOT,
        command=(str(script),),
        builder=(str(script), "build"),
        compose_command=(str(script), "compose"),
        environ=os.environ,
        builds_by_itself=builds_by_itself,
    )


def test_without_an_engine_it_says_so_and_what_to_install(tmp_path: Path) -> None:
    """Run as a program with a PATH on which neither docker nor podman is found."""
    result = subprocess.run(
        [sys.executable, "-m", "dev.containers", "--folder", str(tmp_path)],
        env={"PATH": str(tmp_path), "PYTHONPATH": f"{ROOT}/plugins:{ROOT}"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2, result.stderr
    assert "No container engine" in result.stdout
    assert "Nothing was built or run" in result.stdout
    for package in ("podman", "buildah", "netavark", "mmdebstrap"):
        assert package in result.stdout


def test_a_docker_client_without_a_daemon_is_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = tmp_path / "docker"
    client.write_text("#!/bin/sh\necho Cannot connect to the Docker daemon >&2\nexit 1\n")
    client.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert docker(ROOT) is None
    client.write_text("#!/bin/sh\necho 28.2\n")
    found = docker(ROOT)
    assert found is not None
    assert (found.name, found.version) == ("Docker", "28.2")


def test_podman_is_incomplete_without_its_builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert podmans.podman(ROOT, tmp_path) is None


def test_a_failed_command_shows_its_end(tmp_path: Path) -> None:
    made = engine(tmp_path, "*) for line in $(seq 100); do echo line $line; done; exit 3;;")
    with pytest.raises(StepFailed, match="ended with 3") as failed:
        made.call(*made.command, "run")
    assert "line 100" in str(failed.value)
    assert "line 10\n" not in str(failed.value)


def test_official_base_images_are_used_if_they_are_there(tmp_path: Path) -> None:
    found = base_images(engine(tmp_path, '"image inspect"*) exit 0;;'), tmp_path)
    assert set(found.arguments) == {"AIRFLOW_IMAGE", "PYTHON_IMAGE"}
    assert found.arguments["AIRFLOW_IMAGE"].startswith("apache/airflow:")
    assert found.untried == ()


def test_docker_without_base_images_fails_and_names_them(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="apache/airflow:"):
        base_images(engine(tmp_path, ""), tmp_path)


def test_stand_ins_are_told(tmp_path: Path) -> None:
    made = engine(
        tmp_path, '"image inspect --"*) exit 1;; "image inspect localhost"*) exit 0;;', builds_by_itself=False
    )
    found = base_images(made, tmp_path)
    assert set(found.arguments.values()) == {"localhost/airflow-standin:latest", "localhost/python-standin:latest"}
    assert "official base images" in found.untried[0]


def proofs(*results: str | Exception) -> list[tuple[str, Callable[[], str]]]:
    def proof(result: str | Exception) -> Callable[[], str]:
        def act() -> str:
            if isinstance(result, Exception):
                raise result
            return result

        return act

    return [(f"proof {number}", proof(result)) for number, result in enumerate(results)]


def test_after_a_failure_the_rest_is_not_tried(tmp_path: Path) -> None:
    console = Console(record=True, width=130, file=io.StringIO())
    rows: list[program.Row] = []
    program.play(console, proofs("seen", StepFailed("broken"), "never"), rows)
    assert [(row.held, row.seen) for row in rows[:2]] == [(True, "seen"), (False, "broken")]
    assert rows[2].held is None
    program.show(console, engine(tmp_path, ""), rows, ["the moon"])
    shown = console.export_text()
    for text in ("holds", "FAILS", "not tried", "Not tried here: the moon."):
        assert text in shown


def test_the_configuration_of_podman_stays_in_its_folder(tmp_path: Path) -> None:
    variables = podmans._configured(tmp_path / "podman")
    assert set(variables) == {"CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF"}
    for path in variables.values():
        assert Path(path).is_relative_to(tmp_path)
    storage = Path(variables["CONTAINERS_STORAGE_CONF"]).read_text()
    assert storage.count(str(tmp_path)) == 2
