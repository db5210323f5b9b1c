"""The files for contributors and for GitHub: valid, pinned, and consistent with the Makefile and the lock."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.tree import ROOT, pyproject, tracked

TOOLS = Path(sys.executable).parent
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = [path for path in sorted((GITHUB / "ISSUE_TEMPLATE").glob("*.yml")) if path.name != "config.yml"]
SCHEMAS = {
    "vendor.github-workflows": WORKFLOWS,
    "custom.github-workflows-require-timeout": WORKFLOWS,
    "vendor.github-issue-forms": FORMS,
    "vendor.github-issue-config": [GITHUB / "ISSUE_TEMPLATE/config.yml"],
    "vendor.dependabot": [GITHUB / "dependabot.yml"],
}
LOCAL = re.compile(r"\.venv/bin/([\w-]+)")


def steps() -> Iterator[dict[str, Any]]:
    for path in WORKFLOWS:
        for job in yaml.safe_load(path.read_text())["jobs"].values():
            yield from job["steps"]


def hooks() -> list[dict[str, Any]]:
    repositories = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"]
    found: list[dict[str, Any]] = repositories[0]["hooks"]
    return found


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("schema", SCHEMAS)
def test_each_file_follows_its_schema(schema: str) -> None:
    files = [str(path) for path in SCHEMAS[schema]]
    assert files
    command = [str(TOOLS / "check-jsonschema"), "--builtin-schema", schema, *files]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_actions_are_pinned_by_full_version() -> None:
    used = [step["uses"] for step in steps() if "uses" in step]
    assert used
    assert [action for action in used if not re.fullmatch(r"[\w./-]+@v\d+\.\d+\.\d+", action)] == []


def test_workflows_run_targets_and_tools_that_exist() -> None:
    commands = "\n".join(step.get("run", "") for step in steps())
    targets = set(re.findall(r"\bmake ([a-z0-9-]+)", commands))
    assert {"lint", "test", "demo", "setup"} <= targets <= make_targets()
    assert [name for name in LOCAL.findall(commands) if not (TOOLS / name).exists()] == []


def test_workflows_name_every_folder_of_tests() -> None:
    parts = yaml.safe_load((GITHUB / "workflows/test.yml").read_text())["jobs"]["test"]["strategy"]["matrix"]["part"]
    named = [folder for part in parts for folder in part["folders"].split()]
    tests = [path.relative_to(ROOT) for path in tracked() if path.match("test_*.py")]
    assert sorted(named) == sorted({"/".join(path.parts[:2]) for path in tests})


def test_hooks_run_tools_of_the_lock() -> None:
    entries = [hook["entry"] for hook in hooks() if hook["language"] == "system"]
    assert [entry for entry in entries if not (TOOLS / LOCAL.findall(entry)[0]).exists()] == []


@pytest.mark.parametrize(
    "hook", [hook for hook in hooks() if hook["language"] == "pygrep"], ids=lambda hook: hook["id"]
)
def test_the_tree_passes_the_hooks_that_search(hook: dict[str, Any]) -> None:
    pattern = re.compile(hook["entry"].encode(), re.MULTILINE)
    left_out = re.compile(hook.get("exclude", "^$"))
    names = [path for path in tracked() if not left_out.search(str(path.relative_to(ROOT)))]
    found = [path.name for path in names if pattern.search(body := path.read_bytes()) and b"\0" not in body]
    assert found == []


@pytest.mark.parametrize(
    ("hook_id", "bad", "good"),
    [
        ("end-of-file", [b"a", b"a\n\n", b"a\n\n\n", b"a\nb"], [b"a\n", b"a\n\nb\n", b""]),
        ("trailing-whitespace", [b"a \n", b"a\t\nb\n"], [b"a\n", b" a\n"]),
    ],
)
def test_the_hooks_that_search_find_what_they_should(hook_id: str, bad: list[bytes], good: list[bytes]) -> None:
    (entry,) = (hook["entry"] for hook in hooks() if hook["id"] == hook_id)
    pattern = re.compile(entry.encode(), re.MULTILINE)
    assert [body for body in bad if not pattern.search(body)] == []
    assert [body for body in good if pattern.search(body)] == []


def test_the_project_has_an_address() -> None:
    assert pyproject()["project"]["urls"]["Homepage"] == "https://stablecog.com"


def test_the_guide_for_contributors_names_files_and_targets_that_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    named = {name for name in re.findall(r"`([\w./-]+\.(?:py|md|cfg|toml))`", text) if "NAME" not in name}
    roots = [ROOT, ROOT / "plugins/stablecog_provider", ROOT / "tests", ROOT / "tests/adapters", ROOT / "dev/campaign"]
    assert len(named) > 20
    assert [name for name in named if not any((root / name).exists() for root in roots)] == []
    targets = set(re.findall(r"\bmake ([a-z][a-z0-9-]*)", text))
    assert targets <= make_targets()
