"""The container files, checked without an engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from support.tree import ROOT

TOOLS = Path(sys.executable).parent
COMPOSE = ROOT / "docker/compose.yaml"


def ran(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(TOOLS / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )


def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return document


def test_the_dockerfile_is_clean() -> None:
    result = ran("hadolint", "docker/Dockerfile")
    assert result.returncode == 0, result.stdout


def test_compose_accepts_the_file() -> None:
    result = ran("docker-compose", "-f", "docker/compose.yaml", "config", "-q")
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""


def test_it_follows_the_compose_specification() -> None:
    result = ran("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker/compose.yaml")
    assert result.returncode == 0, result.stdout


def test_ports_are_published_on_loopback_only() -> None:
    published = [port for service in compose()["services"].values() for port in service.get("ports", [])]
    assert published
    assert [port for port in published if not str(port).startswith("127.0.0.1:")] == []


def test_every_service_that_keeps_running_has_a_health_check() -> None:
    services = compose()["services"]
    one_shot = {
        name
        for service in services.values()
        for name, need in service.get("depends_on", {}).items()
        if need["condition"] == "service_completed_successfully"
    } | {"first-run", "tomorrow"}
    assert {name for name, service in services.items() if "healthcheck" not in service} == one_shot


def test_no_secret_is_written_down() -> None:
    text = COMPOSE.read_text().lower()
    assert [word for word in ("password", "secret", "token", "fernet") if word in text] == []


def test_the_image_does_not_run_as_root() -> None:
    users = [
        line.split()[1] for line in (ROOT / "docker/Dockerfile").read_text().splitlines() if line.startswith("USER ")
    ]
    assert users[-1] == "50000"


def test_copied_files_exist_and_are_not_ignored() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for line in (ROOT / "docker/Dockerfile").read_text().splitlines():
        if line.startswith("COPY "):
            for source in line.split()[2:-1]:
                assert (ROOT / source).exists(), source
                assert any(Path(source).match(rule) or Path(source).is_relative_to(rule) for rule in allowed), source
