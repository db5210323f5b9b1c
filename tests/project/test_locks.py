"""The locks have a version and hashes for every package, no addresses, and agree with each other."""

from __future__ import annotations

import re
from itertools import chain

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from dev.matrix.bounds import oldest
from dev.matrix.environments import ENVIRONMENTS
from support.tree import ROOT, pyproject, tracked

IMAGES = ("docker/requirements.lock", "docker/requirements-demo.lock", "cli.lock")
PRODUCTION = "docker/requirements-airflow.lock"
"""The image `airflow`, with packages that no test imports."""
SLOW = {"bench": "dev/bench/requirements.lock"} | {
    name: f"dev/{name}/requirements.lock" for name in ("browser", "campaign", "e2e")
}
"""Extras of the slow targets, which are not in `requirements.lock`."""
SEPARATE = {"production": PRODUCTION, "celery": PRODUCTION} | SLOW
"""Extras with a lock of their own."""
ENGINES = "dev/engines/requirements.lock"
"""The engines that `make engines` reads the manifest with, in an environment of their own."""
ICEBERG = "dev/engines/iceberg.lock"
"""The engines that `make engines` reads the Iceberg table with, in another environment: its DuckDB is older."""
PEERS = ("dev/bench/aiobotocore.lock", "dev/bench/img2dataset.lock")
"""Separate environments for benchmarked tools that conflict with Airflow."""
MATRIX = tuple(str(each.lock.relative_to(ROOT)) for each in ENVIRONMENTS)
"""What `make matrix` installs: other versions than those of `requirements.lock`, on purpose."""
LOCKS = ("requirements.lock", "bootstrap.lock", *IMAGES, PRODUCTION, *SLOW.values(), ENGINES, ICEBERG, *PEERS, *MATRIX)


def pins(lock: str) -> dict[str, tuple[str, int]]:
    """Return version and number of hashes by name."""
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


@pytest.mark.parametrize("lock", IMAGES)
def test_the_image_runs_the_versions_that_are_tested(lock: str) -> None:
    tested = pins("requirements.lock")
    assert {name: pin for name, pin in pins(lock).items() if tested.get(name) != pin} == {}


@pytest.mark.parametrize("lock", [PRODUCTION, *SLOW.values(), ENGINES])
def test_a_separate_lock_has_the_versions_that_are_tested(lock: str) -> None:
    tested, found = pins("requirements.lock"), pins(lock)
    assert {name: found[name] for name in found.keys() & tested if found[name] != tested[name]} == {}


@pytest.mark.parametrize("extra", [None, *SEPARATE])
def test_the_lock_satisfies_every_declared_requirement(extra: str | None) -> None:
    project = pyproject()["project"]
    extras = project["optional-dependencies"]
    found = pins(SEPARATE[extra] if extra else "requirements.lock")
    asked = [extras[extra]] if extra else [extras[name] for name in extras.keys() - SEPARATE.keys()]
    declared = [*project["dependencies"], *chain(*asked)]
    for requirement in map(Requirement, declared):
        name = canonicalize_name(requirement.name)
        if name != project["name"]:
            assert name in found, f"{name} is not locked: run `make lock`"
            assert requirement.specifier.contains(found[name][0]), (
                f"{requirement} against {found[name][0]}: `make lock`"
            )


def test_the_command_line_is_installed_without_airflow_but_with_everything_else() -> None:
    names = {canonicalize_name(Requirement(line).name) for line in pyproject()["project"]["dependencies"]}
    found = pins("cli.lock")
    assert {name for name in names if not name.startswith("apache-airflow")} <= found.keys()
    assert [name for name in found if name.startswith("apache-airflow")] == []


def test_the_production_image_has_what_the_executors_and_the_chart_need() -> None:
    needed = {"psycopg2-binary", "asyncpg", "celery", "redis", "kubernetes", "statsd"}
    providers = {f"apache-airflow-providers-{name}" for name in ("celery", "cncf-kubernetes", "fab", "postgres")}
    assert needed | providers <= pins(PRODUCTION).keys()


def test_airflow_is_one_version_everywhere() -> None:
    version = pins("requirements.lock")["apache-airflow"][0]
    assert f"AIRFLOW_VERSION := {version}\n" in (ROOT / "Makefile").read_text()
    for line in re.findall(r"apache/airflow:\S+", (ROOT / "docker/Dockerfile").read_text()):
        assert f"-{version}-python3.11" in line
    assert version in (ROOT / "README.md").read_text()


def test_every_lock_is_listed_here() -> None:
    assert {str(path.relative_to(ROOT)) for path in tracked() if path.suffix == ".lock"} == set(LOCKS)


def test_the_lock_of_the_command_line_is_that_of_the_package_without_airflow() -> None:
    document = pyproject()
    group = set(document["dependency-groups"]["cli"])
    of_airflow = {each for each in document["project"]["dependencies"] if each.startswith("apache-airflow")}
    assert len(of_airflow) == 3
    assert group == set(document["project"]["dependencies"]) - of_airflow | set(document["build-system"]["requires"])
    locked = pins("cli.lock")
    assert {canonicalize_name(Requirement(each).name) for each in group} <= set(locked)
    assert not [name for name in locked if "airflow" in name]


def test_the_matrix_tries_the_oldest_version_of_each_direct_dependency() -> None:
    locked, bounds = pins("dev/matrix/locks/oldest.lock"), oldest()
    assert {name: locked[name][0] for name in bounds if Version(locked[name][0]) != Version(bounds[name])} == {}
    names = {canonicalize_name(Requirement(line).name) for line in pyproject()["project"]["dependencies"]}
    assert names <= bounds.keys()


@pytest.mark.parametrize(("lock", "group"), [(ENGINES, "engines"), (ICEBERG, "engines-iceberg")])
def test_every_engine_is_locked(lock: str, group: str) -> None:
    locked = pins(lock)
    for requirement in map(Requirement, pyproject()["dependency-groups"][group]):
        assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)][0]), requirement
