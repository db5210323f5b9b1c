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
from stablecog_provider.simulator.world import BANNED_KEY, OTHER_KEY
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
    printed = "".join(running.stdout.readline() for _ in range(7))
    assert "5 simulated outputs at http://127.0.0.1:" in printed
    assert "stablecog-archive run --source http://127.0.0.1:" in printed
    assert "airflow connections add stablecog_default --conn-type stablecog --conn-host http://127.0.0.1:" in printed
    assert f"{OTHER_KEY} (a second account), {BANNED_KEY} (banned)" in printed


@pytest.mark.parametrize(("option", "value"), [("--density", "sparse"), ("--dialect", "klingon")])
def test_an_unknown_name_is_refused(option: str, value: str) -> None:
    typed = type_in("simulate", option, value)
    assert typed.code == 2
    assert value in typed.err


@pytest.mark.parametrize("rates", ["odd=1", "failing=2", "failing"])
def test_invalid_fault_rates_are_refused(rates: str) -> None:
    typed = type_in("simulate", "--faults", rates)
    assert typed.code == 2
    assert "--faults failing=5%" in typed.err


def test_the_state_of_another_simulation_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("{}")
    typed = type_in("simulate", "--outputs", "5", "--days", "1", "--state", str(tmp_path / "state"))
    assert typed.code == 2
    assert "state is not the state of a simulation" in " ".join(typed.err.split())


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
