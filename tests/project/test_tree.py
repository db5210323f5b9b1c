"""Rules for every file: no addresses of one machine, short modules, one version."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from stablecog_provider import __version__
from support.tree import ROOT, pyproject, tracked

LONGEST_MODULE = 300

# Patterns and baits are assembled from pieces, because this file is searched like any other.
HOSTS = [("pypi", "org"), ("files", "pythonhosted"), ("index", "docker", "io"), ("quay", "io"), ("ghcr", "io")]
HOSTS += [("registry", "npm")]
PLACES = re.compile(
    r"/(?:work|root|tmp)/(?:main|shared|bash_jobs)|/home/(?!airflow)\w+/|--(?:extra-)?index-url[ =]\S+:/|"
    + "|".join(re.escape(".".join(host)) for host in HOSTS)
)
BAITS = [
    "/".join(("", "work", "main", "x")),
    "/".join(("", "tmp", "shared")),
    "/".join(("", "home", "me", "x")),
    " ".join(("--extra-index" + "-url", "https:" + "//x")),
    *("https:" + "//" + ".".join(host) for host in HOSTS),
]


def texts() -> list[tuple[Path, str]]:
    found = []
    for path in tracked():
        try:
            found.append((path.relative_to(ROOT), path.read_text()))
        except UnicodeDecodeError:
            continue
    return found


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    named = [f"{path}: {found[0]}" for path, text in texts() if (found := PLACES.search(text))]
    assert named == []


@pytest.mark.parametrize("bait", BAITS, ids=range(len(BAITS)))
def test_the_pattern_would_find_them(bait: str) -> None:
    assert PLACES.search(bait)
    assert bait not in Path(__file__).read_text()


def test_modules_are_short() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in tracked()
        if path.suffix == ".py" and (lines := len(path.read_text().splitlines())) > LONGEST_MODULE
    }
    assert long == {}


def test_no_generated_file_is_tracked() -> None:
    made = (".parquet", ".pyc", ".whl", ".db", ".log", ".lcov")
    assert [path.name for path in tracked() if path.suffix in made or ".demo" in path.parts] == []


def test_the_version_is_that_of_the_changelog() -> None:
    assert pyproject()["project"]["dynamic"] == ["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert re.findall(r"^## \[(\d\S*)\]", changelog, re.MULTILINE)[0] == __version__


def test_the_changelog_has_the_right_form() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    headings = re.findall(r"^### (.+)$", changelog, re.MULTILINE)
    assert set(headings) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert all(
        re.fullmatch(r"## \[(Unreleased|\d+\.\d+\.\d+)\]( - \d{4}-\d\d-\d\d)?", line)
        for line in changelog.splitlines()
        if line.startswith("## ")
    )


def test_the_licence_is_that_of_the_metadata() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text()
