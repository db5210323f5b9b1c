"""`simulate`: a process that serves until it is stopped."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from stablecog_provider.simulator import server
from support.console import type_in

COMMAND = str(Path(sys.executable).with_name("stablecog-archive"))


@pytest.fixture
def running(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    arguments = [COMMAND, "simulate", "--port", "0", "--outputs", "5", "--days", "1", *request.param]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        yield child
        child.kill()


@pytest.mark.parametrize("running", [["--json"]], indirect=True)
def test_with_json_it_prints_its_address_and_serves_until_sigint(running: subprocess.Popen[str]) -> None:
    assert running.stdout
    printed = json.loads(running.stdout.readline())
    address = f"{printed['address']}/v1/image/generation/outputs"
    answer = httpx.get(address, headers={"Authorization": f"Bearer {printed['api_key']}"}, trust_env=False)
    assert answer.json()["total"] >= 5
    assert printed["address"] == f"http://{printed['image_host']}"
    running.send_signal(signal.SIGINT)
    assert running.wait(30) == 0
    assert running.stdout.read() == ""


@pytest.mark.parametrize("running", [[]], indirect=True)
def test_it_prints_the_commands_to_type(running: subprocess.Popen[str]) -> None:
    assert running.stdout
    printed = "".join(running.stdout.readline() for _ in range(3))
    assert "5 simulated outputs at http://127.0.0.1:" in printed
    assert "stablecog-archive run --source http://127.0.0.1:" in printed


@pytest.mark.parametrize(("option", "value"), [("--density", "sparse"), ("--dialect", "klingon")])
def test_an_unknown_name_is_refused(option: str, value: str) -> None:
    typed = type_in("simulate", option, value)
    assert typed.code == 2
    assert value in typed.err


def test_without_pillow_it_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    for name in [name for name in sys.modules if name.startswith("PIL.") or name.endswith("simulator.images")]:
        monkeypatch.delitem(sys.modules, name)
    typed = type_in("simulate")
    assert typed.code == 2
    assert "airflow-provider-stablecog[simulator]" in typed.err


def test_a_port_in_use_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        typed = type_in("simulate", "--port", str(taken.getsockname()[1]), "--outputs", "1")
    assert typed.code == 2
    assert "--port" in typed.err


def test_the_latency_reaches_the_simulator(monkeypatch: pytest.MonkeyPatch) -> None:
    made: dict[str, Any] = {}

    def simulator(*_: object, **settings: Any) -> None:
        made.update(settings)
        raise KeyboardInterrupt

    monkeypatch.setattr(server, "Simulator", simulator)
    type_in("simulate", "--outputs", "5", "--days", "1", "--latency", "7")
    assert made["latency"] == 7
