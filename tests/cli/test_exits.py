"""Errors, their exit codes and their messages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablecog_provider import errors
from stablecog_provider.cli.exits import EXITS, Exit, Redaction, exit_of, traceback_of
from support.console import KEY, TO, type_in


def tree(root: type[errors.ArchiveError] = errors.ArchiveError) -> list[type[errors.ArchiveError]]:
    """The errors that a caller may see. Those of other modules are signals between our own parts."""
    children = [each for each in root.__subclasses__() if each.__module__ == errors.__name__]
    return [root, *(kind for child in children for kind in tree(child))]


def made(kind: type[errors.ArchiveError]) -> errors.ArchiveError:
    if issubclass(kind, errors.OutputUnreadable):
        return kind("some-id", "image_url", "missing")
    return kind("it broke", hint="fix it")


def test_every_error_has_an_exit_code() -> None:
    uncovered = [kind for kind in tree()[1:] if not any(parent in EXITS for parent in kind.__mro__)]
    assert uncovered == []
    assert set(EXITS) <= set(tree())


@pytest.mark.parametrize("kind", tree()[1:])
def test_every_error_ends_with_its_documented_exit_code(kind: type[errors.ArchiveError]) -> None:
    expected = (
        Exit.SETTINGS
        if issubclass(kind, errors.ConfigurationError)
        else Exit.DIFFERS
        if issubclass(kind, errors.ProofDiffers)
        else Exit.OTHER
    )
    assert exit_of(made(kind)) == expected


@pytest.mark.parametrize("kind", tree()[1:])
def test_an_error_is_printed_with_its_hint_and_without_a_traceback(kind: type[errors.ArchiveError]) -> None:
    error = made(kind)
    typed = type_in("run", "--to", TO, raises=error)
    assert typed.code == exit_of(error)
    assert typed.out == ""
    assert f"error: {type(error).__name__}: {error.message}" in typed.err
    assert error.hint in typed.err
    assert "Traceback" not in typed.err


def test_with_json_an_error_is_one_document() -> None:
    typed = type_in("run", "--to", TO, "--json", raises=errors.BucketMissing("no bucket", hint="create it"))
    assert typed.document == {"error": "no bucket", "hint": "create it", "kind": "BucketMissing"}
    assert (typed.code, typed.err) == (2, "")


def test_an_unexpected_error_is_called_unexpected() -> None:
    typed = type_in("run", "--to", TO, raises=ZeroDivisionError("oh"))
    assert typed.code == Exit.OTHER
    assert "unexpected ZeroDivisionError: oh" in typed.err
    assert "--debug" in typed.err


def test_debug_shows_the_traceback_without_the_key() -> None:
    typed = type_in("run", "--to", TO, "--debug", raises=ValueError(f"bad header: Bearer {KEY}"))
    assert "Traceback" in typed.err
    assert "ValueError" in typed.err
    assert KEY not in typed.err + typed.out


def test_an_interruption_says_that_nothing_is_lost() -> None:
    typed = type_in("run", "--to", TO, raises=KeyboardInterrupt())
    assert typed.code == 130
    assert "nothing is lost" in typed.err


def test_with_json_an_interruption_is_one_document() -> None:
    typed = type_in("run", "--to", TO, "--json", raises=KeyboardInterrupt())
    assert typed.code == 130
    assert typed.document["kind"] == "KeyboardInterrupt"


@given(secret=st.text(st.characters(exclude_categories=("Z", "C")), min_size=8), before=st.text(), after=st.text())
def test_no_secret_survives_redaction(secret: str, before: str, after: str) -> None:
    for name in ("STABLECOG_API_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        hide = Redaction({name: f" {secret}\n"})
        assert hide(before + "\x00" + secret + "\x00" + after).split("\x00")[1] == "***"
        assert secret not in repr(hide)


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "http_proxy", "ALL_PROXY"])
def test_the_password_of_a_proxy_is_a_secret(name: str) -> None:
    hide = Redaction({name: "http://user:ge%3Aheim@proxy:3128"})
    assert hide("http://user:ge%3Aheim@proxy:3128, decoded ge:heim") == "http://user:***@proxy:3128, decoded ***"


def test_a_traceback_shows_the_cause_without_secrets() -> None:
    try:
        try:
            raise OSError(f"socket of {KEY}")
        except OSError as cause:
            raise errors.SourceUnavailable("no answer") from cause
    except errors.SourceUnavailable as error:
        text = traceback_of(error, Redaction({"STABLECOG_API_KEY": KEY}))
    assert "socket of ***" in text
    assert "SourceUnavailable" in text


FINALIZED = """
import atexit, sys
from stablecog_provider.cli import script

atexit.register(print, "finalized")
sys.stdout.write("written before, ")
script()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code", "printed"),
    [
        (["--version"], 0, "written before, stablecog-archive"),
        (["status"], 2, "written before, "),
        (["status", "--to", "s3://b/p", "--json"], 2, '"kind"'),
    ],
)
def test_the_process_ends_with_the_exit_code_and_skips_finalization(
    arguments: list[str], code: int, printed: str, tmp_path: Path
) -> None:
    # Stdout is a pipe: anything not flushed would be missing. Why finalization is skipped: python/cpython#87135.
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    child = [sys.executable, "-c", FINALIZED, *arguments]
    result = subprocess.run(child, capture_output=True, text=True, timeout=60, check=False, env=environ)
    assert result.returncode == code, result.stderr
    assert printed in result.stdout
    assert "finalized" not in result.stdout


SCRIPT = f"{sys.executable} -c 'from stablecog_provider.cli import script; script()'"


@pytest.mark.slow
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_do_not_change_the_exit_code(closed: str, tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    for arguments, code in (("--version", 0), ("status", 2)):
        result = subprocess.run(["sh", "-c", f"{SCRIPT} {arguments} {closed}"], timeout=60, check=False, env=environ)
        assert result.returncode == code


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_output_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    command = ["sh", "-c", f"{SCRIPT} --version > /dev/full"]
    result = subprocess.run(command, timeout=60, check=False, env=environ, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 1
    assert "the output could not be written" in result.stderr


class PanicException(BaseException):
    """As obstore raises one: by its name, and without being an `Exception`."""


@pytest.mark.parametrize(
    ("error", "limit"),
    [
        (OSError(24, "Too many open files"), "file descriptor"),
        (OSError(28, "No space left on device"), "disk space"),
        (MemoryError(), "memory"),
        (
            PanicException('Unable to build Tokio runtime: Os { code: 24, message: "Too many open files" }'),
            "file descriptor",
        ),
    ],
    ids=["descriptors", "disk", "memory", "panic"],
)
def test_a_limit_of_this_machine_is_local_wherever_it_strikes(error: BaseException, limit: str) -> None:
    typed = type_in("run", "--to", TO, raises=error)
    assert typed.code == 1
    assert f"this machine has no {limit} left" in typed.err
    assert "report the traceback" not in typed.err


def test_what_ends_a_process_is_not_taken_for_an_error() -> None:
    with pytest.raises(GeneratorExit):
        type_in("run", "--to", TO, raises=GeneratorExit())
