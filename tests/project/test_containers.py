"""The container files, checked without an engine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

from stablecog_provider import __version__
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


def stages() -> dict[str, list[str]]:
    """The instructions of the Dockerfile, a line each, by stage."""
    text = re.sub(r"\\\n", " ", (ROOT / "docker/Dockerfile").read_text())
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("FROM "):
            lines = found[line.split()[-1]] = []
        if line and not line.startswith("#"):
            lines.append(line)
    return found


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
    for name, lines in stages().items():
        users = [line.split()[1] for line in lines if line.startswith("USER ")]
        if users or name in ("cli", "provider"):
            assert users[-1] == "50000", name


def test_copied_files_exist_and_are_not_ignored() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for line in (ROOT / "docker/Dockerfile").read_text().splitlines():
        if line.startswith("COPY "):
            if "--from=" in line:
                continue
            sources = [word for word in line.split()[1:-1] if not word.startswith("--")]
            for source in sources:
                assert (ROOT / source).exists(), source
                assert any(Path(source).match(rule) or Path(source).is_relative_to(rule) for rule in allowed), source


def test_one_service_builds_and_the_others_never_pull_or_build() -> None:
    """Several services that build the same image at the same time fail with "already exists"."""
    services = compose()["services"]
    builds = [name for name, service in services.items() if "build" in service]
    assert len(builds) == 1
    assert len({service["image"] for service in services.values()}) == 1
    for name, service in services.items():
        assert service.get("pull_policy") == (None if name in builds else "never"), name


def test_a_day_passes_without_a_build() -> None:
    services = compose()["services"]

    def with_needs(name: str) -> set[str]:
        return {name}.union(*(with_needs(each) for each in services[name].get("depends_on", {})))

    assert [name for name in with_needs("tomorrow") if "build" in services[name]] == []


def test_what_has_to_survive_is_in_a_volume() -> None:
    document = compose()
    mounted = {
        volume.split(":")[0]: volume.split(":")[1]
        for service in document["services"].values()
        for volume in service.get("volumes", [])
        if not volume.endswith(":ro")
    }
    assert set(mounted) == set(document["volumes"]) == {"keys", "store", "source", "airflow"}
    # A new volume takes owner and mode from the folder of the image.
    (made,) = (line for line in stages()["demo"] if "mkdir" in line)
    assert set(mounted.values()) <= set(made.split())


@pytest.mark.parametrize("name", compose()["services"])
def test_every_service_is_hardened_and_bounded(name: str) -> None:
    service = compose()["services"][name]
    assert service["read_only"] is True
    assert len(service["tmpfs"]) == 1
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}
    assert {"mem_limit", "cpus", "pids_limit"} <= set(service)


def test_services_have_time_to_stop() -> None:
    """SeaweedFS needs 16 s; the default is 10 s."""
    services = compose()["services"]
    for name in ("store", "airflow"):
        assert int(services[name]["stop_grace_period"].removesuffix("s")) >= 30


@pytest.mark.parametrize("stage", ["cli", "provider"])
def test_images_have_labels(stage: str) -> None:
    (labels,) = (line for line in stages()[stage] if line.startswith("LABEL "))
    names = set(re.findall(r"org\.opencontainers\.image\.(\w+)=", labels))
    assert names == {"title", "description", "licenses", "url", "version", "revision"}
    assert f"ARG VERSION={__version__}\n" in (ROOT / "docker/Dockerfile").read_text()


def test_packages_come_from_locks_with_hashes() -> None:
    installs = re.findall(r"pip install (.*?)(?=&&|$)", "\n".join(chain(*stages().values())), re.MULTILINE)
    assert installs
    for options in installs:
        assert "--require-hashes" in options or {"--no-deps", "--no-build-isolation"} <= set(options.split())


def test_the_default_image_is_the_one_for_production() -> None:
    assert list(stages())[-1] == "airflow"
    assert any("requirements-airflow.lock" in line for line in stages()["airflow"])


@pytest.mark.parametrize(
    ("script", "typed", "executed"),
    [
        ("cli", ["run", "--to", "s3://a b/c"], "stablecog-archive [run] [--to] [s3://a b/c]"),
        ("cli", ["stablecog-archive", "run"], "stablecog-archive [run]"),
        ("cli", [], "stablecog-archive"),
        ("airflow", ["stablecog-archive", "run", "x y"], "stablecog-archive [run] [x y]"),
        ("airflow", ["scheduler"], "/entrypoint [scheduler]"),
        ("airflow", ["python", "-c", "a b"], "/entrypoint [python] [-c] [a b]"),
        ("airflow", [], "/entrypoint"),
    ],
)
def test_the_entrypoints_run_the_command_line_as_itself(
    script: str, typed: list[str], executed: str, tmp_path: Path
) -> None:
    for name in ("stablecog-archive", "entrypoint"):
        fake = tmp_path / name
        shown = "/entrypoint" if name == "entrypoint" else name
        fake.write_text(f"#!/bin/sh\nprintf '%s' {shown}\nfor each; do printf ' [%s]' \"$each\"; done\n")
        fake.chmod(0o755)
    text = (ROOT / f"docker/{script}-entrypoint.sh").read_text()
    copy = tmp_path / "copy.sh"
    copy.write_text(text.replace("exec /entrypoint", f"exec {tmp_path}/entrypoint"))
    result = subprocess.run(
        ["sh", str(copy), *typed],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, executed, "")
