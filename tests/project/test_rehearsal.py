"""docs/rehearsal.md names every verdict and every row of the troubleshooting page, and what it says of its commands is true.

The commands run in this process, because starting a program takes longer than most of them. One test runs them as a shell does.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from datetime import timedelta
from pathlib import Path

import pytest

from dev.local import bucket
from dev.local.s3_server import S3Server, seaweedfs
from stablecog_provider.cli import main
from stablecog_provider.cli.context import CliContext
from stablecog_provider.model.verdict import Outcome
from stablecog_provider.simulator.clock import SimulatedClock
from stablecog_provider.simulator.server import Simulator
from stablecog_provider.simulator.world import DEFAULT_KEY, World
from support.readme import block, blocks, names, page, table_after
from support.served_simulator import served
from support.tree import ROOT

pytestmark = pytest.mark.slow

DOCUMENT = page("rehearsal")
REHEARSALS = blocks("rehearsal")
FEW, MANY, DAYS = 60, 220, 3
"""Outputs of the account. Only deletions need many."""
DOCUMENTED = "127.0.0.1:8787"
ASSIGNMENT = re.compile(r"[A-Z_0-9]+=")


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with seaweedfs(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def simulator(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    body = request.node.callspec.params["body"] if hasattr(request.node, "callspec") else ""
    world = World.generate(outputs=MANY if "--delete" in body else FEW, days=DAYS, future=30)
    # An hour later, so that everything can be proven.
    with served(Simulator(world, clock=SimulatedClock(world.present + timedelta(hours=1)))) as running:
        yield running


@pytest.fixture
def environ(s3: S3Server) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "STABLECOG_"))}
    return own | {
        "AWS_ENDPOINT_URL_S3": s3.endpoint,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": s3.access_key,
        "AWS_SECRET_ACCESS_KEY": s3.secret_key,
        "AWS_EC2_METADATA_DISABLED": "true",
        "STABLECOG_API_KEY": DEFAULT_KEY,
    }


def steps(body: str) -> list[tuple[str, int, str]]:
    """Command, exit code and a part of what is printed, for every line of a rehearsal."""
    found = [re.fullmatch(r"(.+?) +# (\d+): (.+)", line) for line in body.splitlines()]
    assert all(found), body
    return [(each[1], int(each[2]), each[3]) for each in found if each]


def functions(here: str) -> dict[str, list[str]]:
    """The words that each function of the set-up stands for. `here`: host and port of the simulation."""
    text = block("rehearsal-set-up").replace(DOCUMENTED, here)
    return {
        name: shlex.split(words) for name, words in re.findall(r'^(\w+)\(\) \{ (.+) "\$@"; \}$', text, re.MULTILINE)
    }


def carry_out(command: str, here: str, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """Run one command as a shell with the set-up would, and return its exit code and what it printed."""
    words = shlex.split(command.replace(DOCUMENTED, here))
    while ASSIGNMENT.match(words[0]):
        name, value = words.pop(0).split("=", 1)
        environ = environ | {name: value}
    program, *arguments = [*functions(here).get(words[0], [words[0]]), *words[1:]]
    printed = io.StringIO()
    with monkeypatch.context() as patch:
        for name in [name for name in os.environ if name not in environ]:
            patch.delenv(name)
        for name, value in environ.items():
            patch.setenv(name, value)
        if program == "stablecog-archive":
            code = main(arguments, CliContext(environ=environ, out=printed, err=printed))
        else:
            assert (program, arguments[:2]) == ("python", ["-m", "dev.local.bucket"])
            with redirect_stdout(printed), redirect_stderr(printed):
                code = bucket.main(arguments[2:])
    return code, " ".join(printed.getvalue().split())


@pytest.mark.parametrize("body", REHEARSALS, ids=lambda body: re.findall(r"s3://(?:archive/)?(\w+)", body)[0])
def test_a_rehearsal_shows_what_it_promises(
    body: str, simulator: Simulator, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for command, code, text in steps(body):
        found, printed = carry_out(command, simulator.address.removeprefix("http://"), environ, monkeypatch)
        assert (found, text in printed) == (code, True), f"{command}\n{found}: {printed}"


def test_a_shell_runs_the_set_up_and_a_rehearsal(simulator: Simulator, environ: dict[str, str]) -> None:
    script = block("rehearsal-set-up") + "bucket --help\nsim --hide 3\nrun --to s3://archive/shell\n"
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    script = script.replace(DOCUMENTED, simulator.address.removeprefix("http://"))
    result = subprocess.run(
        ["bash", "-c", script.replace('PATH="$PWD/.venv/bin:$PATH"', "READY=1")],
        env=environ | {"PATH": path, "PYTHONPATH": f"{ROOT}/plugins:{ROOT}"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 3, result.stderr
    assert "counts 3 more that it does not list" in result.stdout
    assert "NOT PROVEN" in result.stdout


def test_every_verdict_can_be_rehearsed() -> None:
    assert set(names("## Verdicts", DOCUMENT)) == set(Outcome)
    promised = " ".join(REHEARSALS).lower()
    for outcome in (Outcome.PROVEN, Outcome.IN_PART, Outcome.WITH_FAILED):
        assert f": {outcome}\n" in promised


def rows(text: str) -> list[str]:
    """The first cells of all tables."""
    tables = re.findall(r"^\|.*\|\n\|[-|]+\|\n((?:\|.*\|\n)+)", text, re.MULTILINE)
    return [line.strip("|").split("|")[0].strip() for table in tables for line in table.splitlines()]


def test_every_row_of_the_troubleshooting_page_is_named() -> None:
    rehearsed = table_after("## Rows of the troubleshooting page", DOCUMENT)
    assert {row[0] for row in rehearsed} == set(rows(page("troubleshooting")))
    for _, where in rehearsed:
        assert where.startswith(("[", "no: ")), where


def test_what_is_not_run_by_a_test_says_why() -> None:
    assert DOCUMENT.count("<!-- tested: rehearsal -->") == len(REHEARSALS) > 15
    assert len(re.findall(r"<!-- not tested: .{10,} -->", DOCUMENT)) == DOCUMENT.count("<!-- not tested")


@pytest.mark.parametrize("left", ["s3-data/weed.log", "simulation.json", ".containers/compose.log"])
def test_what_is_left_behind_is_ignored(left: str) -> None:
    """`make clean` removes the folders; a state file is where one was asked for."""
    ignored = subprocess.run(["git", "check-ignore", "--quiet", left], cwd=ROOT, check=False)
    assert ignored.returncode == 0
    assert left.split("/")[0] in (ROOT / "Makefile").read_text() + page("rehearsal") + page("cli")
