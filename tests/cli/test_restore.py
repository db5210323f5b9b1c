"""`restore`: options, output and exit codes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from stablecog_provider.adapters.assembly import _folder, _free_bytes
from stablecog_provider.archive.restoring.ports import RestorePorts
from stablecog_provider.model.manifest import COLUMNS
from support.console import TO, type_in
from support.restores import Restores, restores


@pytest.fixture(scope="module")
def made() -> Restores:
    return asyncio.run(restores())


@pytest.fixture
def ports(made: Restores) -> RestorePorts:
    """The archive in memory, and real folders."""
    from dataclasses import replace

    return replace(made.ports(), folder=_folder, free=_free_bytes)


def test_files_are_restored_and_the_report_is_printed(ports: RestorePorts, made: Restores, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    typed = type_in("restore", "--from", TO, "--to-folder", str(folder), "--sidecars", restore_ports=ports)
    assert (typed.code, typed.err) == (0, "")
    assert "RESTORED" in typed.out
    files = sorted(each for each in folder.rglob("*") if each.is_file())
    assert {each.read_bytes() for each in files if each.suffix == ".jpeg"} == set(made.images().values())
    assert len(files) == 2 * len(made.images())
    again = type_in("restore", "--from", TO, "--to-folder", str(folder), "--sidecars", "--json", restore_ports=ports)
    assert (again.code, again.document["skipped"], again.document["restored"]) == (0, len(made.images()), 0)


def test_the_document_has_outcome_counts_bytes_seconds_and_capped_problems(
    ports: RestorePorts, made: Restores, tmp_path: Path
) -> None:
    arguments = ("restore", "--from", TO, "--to-folder", str(tmp_path), "--json")
    done = type_in(*arguments, restore_ports=ports, terminal=True)
    assert (done.code, done.err, done.document["outcome"]) == (0, "", "restored")
    assert done.document["bytes"] == sum(map(len, made.images().values()))
    for file in tmp_path.rglob("*.jpeg"):
        file.write_bytes(b"mine")
    typed = type_in(*arguments, restore_ports=ports)
    document = typed.document
    assert (typed.code, document["outcome"]) == (3, "restored, with problems")
    assert (document["failed"], len(document["problems"])) == (len(made.images()), min(50, len(made.images())))
    assert document["more_problems"] == document["failed"] - len(document["problems"])
    assert set(document["problems"][0]) == {"kind", "key", "output_id", "rendition", "detail"}
    assert document["seconds"] >= 0


def test_a_dry_run_says_how_many_and_how_large(ports: RestorePorts, made: Restores, tmp_path: Path) -> None:
    typed = type_in("restore", "--from", TO, "--to-folder", str(tmp_path / "new"), "--dry-run", restore_ports=ports)
    assert typed.code == 0
    assert f"A restore would read {len(made.images())} images" in typed.out
    assert not (tmp_path / "new").exists()


def test_a_drill_needs_no_folder_and_leaves_none(ports: RestorePorts) -> None:
    typed = type_in("restore", "--from", TO, "--drill", "--sample", "5", "--json", restore_ports=ports)
    assert (typed.code, typed.document["selected"], typed.document["compared"]["same"]) == (0, 5, 5)
    assert not Path(typed.document["to"]).exists()


def test_into_another_archive(ports: RestorePorts, made: Restores) -> None:
    typed = type_in("restore", "--from", TO, "--into", "s3://other/copy", restore_ports=ports)
    assert typed.code == 0
    assert "an archive of its own" in " ".join(typed.out.split())
    status = type_in("status", "--to", "s3://other/copy", store=made.elsewhere)
    assert status.code == 0
    assert "PROVEN" in status.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "exactly one destination"),
        (["--to-folder", "x", "--drill"], "exactly one destination"),
        (["--to-folder", "x", "--where", "prompts = 'x'"], "there is no column prompts"),
        (["--to-folder", "x", "--where", "1=1; COPY manifest TO 'x'"], "syntax error"),
        (["--to-folder", "x", "--layout", "{date}"], "needs {id}"),
        (["--to-folder", "x", "--rendition", "huge"], "no rendition 'huge'"),
        (["--to-folder", "x", "--sample", "-1"], "--sample"),
        (["--into", "s3://"], "not a bucket name"),
    ],
)
def test_wrong_settings_end_with_2_and_the_next_step(ports: RestorePorts, arguments: list[str], message: str) -> None:
    typed = type_in("restore", "--from", TO, *arguments, "--json", restore_ports=ports)
    assert typed.code == 2
    assert message in typed.document["error"]
    assert typed.document["hint"]


def test_the_help_lists_every_column_and_field(capsys: pytest.CaptureFixture[str]) -> None:
    assert type_in("restore", "--help").code == 0
    printed = capsys.readouterr().out
    for name, _, _ in COLUMNS:
        assert name in printed
    assert "{generation_id}" in printed


def test_no_api_key_is_needed(ports: RestorePorts, tmp_path: Path) -> None:
    typed = type_in("restore", "--from", TO, "--to-folder", str(tmp_path), "--quiet", restore_ports=ports, environ={})
    assert (typed.code, typed.out, typed.err) == (0, "", "")
