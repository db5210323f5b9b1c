"""Shell completion, as a shell asks for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).with_name("stablecog-archive")


def ask(home: Path, *arguments: str, **environ: str) -> str:
    own = {"PATH": f"{COMMAND.parent}:{os.environ['PATH']}", "HOME": str(home), **environ}
    done = subprocess.run([COMMAND, *arguments], env=own, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


@pytest.mark.parametrize(
    ("typed", "word", "completions"),
    [
        ("stablecog-archive re", 1, {"rebuild", "refresh", "restore"}),
        ("stablecog-archive r", 1, {"run", "rebuild", "refresh", "restore"}),
        ("stablecog-archive run --allow", 2, {"--allow-unsafe-store", "--allow-account-mismatch", "--allow-deletions"}),
    ],
)
def test_bash_is_given_commands_and_options(typed: str, word: int, completions: set[str], tmp_path: Path) -> None:
    environ = {"_STABLECOG_ARCHIVE_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(word)}
    assert set(ask(tmp_path, **environ).split()) == completions


def test_it_is_installed_for_a_shell(tmp_path: Path) -> None:
    # Without the detection of the shell, which looks at the process that started the tests, its name is an argument.
    environ = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    assert "_STABLECOG_ARCHIVE_COMPLETE" in ask(tmp_path, "--show-completion", "bash", **environ)
    assert "bash completion installed" in ask(tmp_path, "--install-completion", "bash", **environ)
    assert "stablecog-archive" in (tmp_path / ".bashrc").read_text()


def test_the_help_names_it(tmp_path: Path) -> None:
    assert "--install-completion" in ask(tmp_path, "--help")
