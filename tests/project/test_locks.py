"""The locks: a version and hashes for every package, no addresses, and all of one mind."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .tree import ROOT, pyproject

LOCKS = ("requirements.lock", "bootstrap.lock", "docker/requirements.lock", "docker/requirements-demo.lock")


def pins(lock: str) -> dict[str, tuple[str, int]]:
    """Version and number of hashes by name."""
    found: dict[str, tuple[str, int]] = {}
    for entry in (ROOT / lock).read_text().replace("\\\n", " ").splitlines():
        name, version, hashes = re.fullmatch(
            r"(\S+)==(\S+)((?:\s+--hash=sha256:[0-9a-f]{64})*)", entry.strip()
        ).groups()  # type: ignore[union-attr]
        found[canonicalize_name(name)] = (version, hashes.count("sha256"))
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_is_a_version_with_hashes_and_nothing_else(lock: str) -> None:
    found = pins(lock)
    assert found
    assert [name for name, (_, hashes) in found.items() if not hashes] == []
    assert "://" not in (ROOT / lock).read_text()


@pytest.mark.parametrize("lock", LOCKS[2:])
def test_the_image_runs_the_versions_that_are_tested(lock: str) -> None:
    tested = pins("requirements.lock")
    assert {name: pin for name, pin in pins(lock).items() if tested.get(name) != pin} == {}


def test_the_lock_satisfies_every_declared_requirement() -> None:
    project = pyproject()["project"]
    found = pins("requirements.lock")
    declared = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    for requirement in map(Requirement, declared):
        name = canonicalize_name(requirement.name)
        if name != project["name"]:
            assert name in found, f"{name} is not locked: run `make lock`"
            assert requirement.specifier.contains(found[name][0]), (
                f"{requirement} against {found[name][0]}: `make lock`"
            )


def test_airflow_is_one_version_everywhere() -> None:
    version = pins("requirements.lock")["apache-airflow"][0]
    assert f"AIRFLOW_VERSION := {version}\n" in (ROOT / "Makefile").read_text()
    for line in re.findall(r"apache/airflow:\S+", (ROOT / "docker/Dockerfile").read_text()):
        assert f"-{version}-python3.11" in line
    assert version in (ROOT / "README.md").read_text()


def test_every_lock_is_listed_here() -> None:
    assert {str(path.relative_to(ROOT)) for path in [*Path(ROOT).glob("*.lock"), *ROOT.glob("docker/*.lock")]} == set(
        LOCKS
    )
