"""Missing packages are named, and PostgreSQL never runs as root."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from dev.e2e.programs import PACKAGES, ProgramsMissing, find_programs


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return tmp_path


def program(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_missing_programs_are_reported_by_package(nothing_installed: Path) -> None:
    with pytest.raises(ProgramsMissing, match="apt-get install postgresql redis-server"):
        find_programs(nothing_installed)
    program(nothing_installed, "redis-server")
    with pytest.raises(ProgramsMissing, match=r"apt-get install postgresql$"):
        find_programs(nothing_installed)


def test_the_newest_version_of_postgresql_is_used(nothing_installed: Path) -> None:
    program(nothing_installed, "redis-server")
    for version in ("9.6", "15", "17"):
        for name in ("initdb", "postgres"):
            newest = program(nothing_installed / f"usr/lib/postgresql/{version}/bin", name)
    found = find_programs(nothing_installed)
    assert found["postgres"] == str(newest)
    assert found.unprivileged("postgres", "-D", "x") == ["postgres", "-D", "x"]


def test_root_runs_postgresql_as_another_user(nothing_installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PACKAGES, "setpriv"):
        program(nothing_installed, name)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    somebody = pwd.struct_passwd(("nobody", "x", 65534, 65534, "", "/", "/bin/false"))
    monkeypatch.setattr(pwd, "getpwall", lambda: [somebody])
    command = find_programs(nothing_installed).unprivileged("postgres")
    assert command[:3] == ["setpriv", "--reuid=65534", "--regid=65534"]
    assert command[-1] == "postgres"


def test_root_without_another_user_is_an_error(nothing_installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PACKAGES, "setpriv"):
        program(nothing_installed, name)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(pwd, "getpwall", list)
    with pytest.raises(ProgramsMissing, match="no user"):
        find_programs(nothing_installed)
