"""What a command prints while it waits: each failed attempt as it happens, and nothing that is not so."""

from __future__ import annotations

import errno
import io
import json
import logging
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from rich.console import Console

from stablecog_provider.adapters.settings import ATTEMPTS
from stablecog_provider.archive.resilience.retry import IMAGE_RETRIES, SOURCE_RETRIES, STORE_RETRIES
from stablecog_provider.cli.notices import EVERY, notices
from stablecog_provider.errors import SourceUnavailable
from stablecog_provider.simulator.world import World as SimulatedWorld
from support.console import KEY, TO, Typed, type_in
from support.played_server import Server, api, refusal
from support.scene import Scene

LOGGER = logging.getLogger("stablecog_provider.archive.resilience.retry")
REFUSED = httpx.ConnectError("[Errno 111] Connection refused")


@pytest.fixture
def scene() -> Scene:
    made = Scene(SimulatedWorld.generate(outputs=5, days=1))
    made.clock.instant += timedelta(hours=1)
    return made


def run(scene: Scene, server: Server, *options: str, command: str = "run", terminal: bool = False) -> Typed:
    ports = scene.ports(api(server))
    return type_in(command, "--to", TO, *options, ports=ports, terminal=terminal)


@pytest.mark.parametrize("terminal", [False, True])
def test_every_attempt_is_printed_and_the_error_asks_for_address_and_network(scene: Scene, terminal: bool) -> None:
    server = Server(REFUSED)
    typed = run(scene, server, terminal=terminal)
    assert (typed.code, typed.out, len(server.asked)) == (1, "", ATTEMPTS)
    printed = " ".join(typed.err.split())
    for number in range(1, ATTEMPTS):
        assert f"Attempt {number} of {ATTEMPTS} failed, retrying in " in printed
    assert f"Attempt {ATTEMPTS}" not in printed
    assert "check the address (--source, or the host of the connection) and that this machine can reach it" in printed
    assert "tried again" not in printed


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (REFUSED, "Connection refused"),
        (httpx.ConnectTimeout("slow"), "did not answer in time"),
        (httpx.ReadError("reset by peer"), "reset by peer"),
        (refusal(503, text="maintenance"), "answered 503 (maintenance)"),
        (refusal(429), "answered 429"),
        (refusal(200, text="<html>sign in</html>"), "bytes that are not JSON"),
    ],
)
def test_each_kind_of_outage_is_shown(scene: Scene, answer: httpx.Response, words: str) -> None:
    typed = run(scene, Server(answer))
    assert typed.code == 1
    assert f"Attempt 1 of {ATTEMPTS} failed" in typed.err
    assert words in typed.err.partition("Attempt 2")[0]


@pytest.mark.parametrize("option", ["--quiet", "--json"])
def test_quiet_and_json_print_no_attempts(scene: Scene, option: str) -> None:
    typed = run(scene, Server(REFUSED), option)
    assert typed.code == 1
    assert "Attempt" not in typed.err + typed.out
    if option == "--json":
        assert typed.err == ""
        assert json.loads(typed.out)["kind"] == "SourceUnavailable"


def test_a_rebuild_shows_them_too(scene: Scene) -> None:
    assert type_in("run", "--to", TO, ports=scene.ports()).code == 0
    assert "Attempt 1 of" in run(scene, Server(REFUSED), command="rebuild").err


def test_what_is_final_is_not_tried_again_and_does_not_say_so(scene: Scene) -> None:
    typed = run(scene, Server(refusal(401)))
    assert typed.code == 2
    assert "Attempt" not in typed.err


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.ENOBUFS])
def test_a_limit_of_this_machine_is_called_local(scene: Scene, number: int) -> None:
    error = httpx.ConnectError("All connection attempts failed")
    error.__cause__ = ExceptionGroup("inner", [OSError(number, "from the system")])
    typed = run(scene, Server(error))
    assert typed.code == 1
    assert "this machine has no " in typed.err.rpartition("Attempt")[2]
    assert "--source" not in typed.err


def test_a_burst_is_one_line_of_each_kind() -> None:
    written, now = io.StringIO(), [0.0]
    with notices(Console(file=written), lambda text: text.replace(KEY, "***"), lambda: now[0]):
        for number in range(50):
            LOGGER.info("attempt %d failed: %s\x1b[31m", 1 + number % 2, f"{KEY} {number}")
            LOGGER.warning("look")
        LOGGER.debug("detail")
        now[0] = EVERY
        LOGGER.info("attempt %d failed: %s", 1, "later")
    LOGGER.info("after the command")
    assert written.getvalue().splitlines() == [
        "attempt 1 failed: *** 0\N{REPLACEMENT CHARACTER}[31m",
        "warning: look",
        "attempt 2 failed: *** 1\N{REPLACEMENT CHARACTER}[31m",
        "attempt 1 failed: later",
    ]


def test_a_quiet_command_leaves_nothing_to_python_to_print(capsys: pytest.CaptureFixture[str]) -> None:
    with notices(Console(file=io.StringIO(), quiet=True), str):
        LOGGER.warning("look")
    assert "look" not in capsys.readouterr().err


def test_a_closed_stream_does_not_stop_the_command() -> None:
    closed = io.StringIO()
    with notices(Console(file=closed), str):
        closed.close()
        LOGGER.warning("look")


async def test_attempts_at_an_image_are_details(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def fail() -> None:
        raise SourceUnavailable("reset")

    async def at_once(_: float) -> None:
        return None

    for policy in (SOURCE_RETRIES, STORE_RETRIES, IMAGE_RETRIES):
        with pytest.raises(SourceUnavailable):
            await replace(policy, attempts=2, on=(SourceUnavailable,)).call(fail, at_once)
    assert [record.levelname for record in caplog.records if "Attempt" in record.message] == [
        "WARNING",
        "WARNING",
        "DEBUG",
    ]
