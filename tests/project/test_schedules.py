"""The crontab line and the systemd units of docs/cli.md, as cron and systemd take them."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import pytest

from stablecog_provider.simulator.world import World as SimulatedWorld
from support.console import type_in
from support.scene import Scene

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "cli.md").read_text()
(CRON,) = re.findall(r"```cron\n(.*)\n```", TEXT)
SERVICE, TIMER = re.findall(r"```ini\n(.*?)```", TEXT, re.DOTALL)
PROGRAM = ".venvs/archive/bin/stablecog-archive"


def unit(text: str) -> RawConfigParser:
    parser = RawConfigParser(delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # systemd's names have capitals
    parser.read_string(text)
    return parser


def arguments_of_cron(home: Path) -> list[str]:
    """Run the line's command as cron does, by `sh`, with a program that prints its arguments and the key."""
    program = home / PROGRAM
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\ncat "$STABLECOG_API_KEY_FILE"\nprintf "%s\\n" "$@"\n')
    program.chmod(0o700)
    key = home / ".config/stablecog/key"
    key.parent.mkdir(parents=True)
    key.write_text("sc-key\n")
    *times, command = CRON.split(maxsplit=5)
    assert all(re.fullmatch(r"\*|\d{1,2}", each) for each in times)
    assert "%" not in command, "cron takes it for a newline"
    done = subprocess.run(
        ["/bin/sh", "-c", command], env={"HOME": str(home)}, capture_output=True, text=True, check=True
    )
    printed, *arguments = done.stdout.splitlines()
    assert printed == "sc-key"
    return arguments


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "a home"


def test_the_line_for_cron_runs_and_prints_nothing(home: Path) -> None:
    home.mkdir()
    arguments = arguments_of_cron(home)
    typed = type_in(*arguments, ports=Scene(SimulatedWorld.generate(outputs=20, days=2)).ports())
    assert (typed.code, typed.out, typed.err) == (0, "", "")


def test_the_service_runs_what_cron_runs(home: Path) -> None:
    home.mkdir()
    service = unit(SERVICE)["Service"]
    program, *arguments = shlex.split(service["ExecStart"].replace("%h", str(home).replace(" ", "\\ ")))
    assert program == str(home / PROGRAM)
    assert arguments == arguments_of_cron(home)
    assert service["Environment"] == "STABLECOG_API_KEY_FILE=%h/.config/stablecog/key"
    assert service["Type"] == "oneshot"


def test_the_timer_is_daily_and_catches_up() -> None:
    timer = unit(TIMER)
    assert re.fullmatch(r"\*-\*-\* \d\d:\d\d:\d\d", timer["Timer"]["OnCalendar"])
    assert timer["Timer"].getboolean("Persistent")
    assert timer["Install"]["WantedBy"] == "timers.target"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_accepts_both_units(tmp_path: Path) -> None:
    program = tmp_path / PROGRAM
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    units = [tmp_path / "stablecog-archive.service", tmp_path / "stablecog-archive.timer"]
    for path, text in zip(units, (SERVICE, TIMER), strict=True):
        path.write_text(text)
    environ = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path), "PATH": os.environ["PATH"]}
    for command in (["--user", "verify", *map(str, units)], ["calendar", unit(TIMER)["Timer"]["OnCalendar"]]):
        done = subprocess.run(["systemd-analyze", *command], env=environ, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
