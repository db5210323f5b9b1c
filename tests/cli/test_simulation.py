"""`simulation`: changes a simulation that runs in the same test, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stablecog_provider.simulator.dialect import DOCUMENTED
from stablecog_provider.simulator.server import Simulator
from stablecog_provider.simulator.world import World
from support.console import Typed, type_in
from support.served_simulator import served


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with served(Simulator(World.generate(outputs=60, days=1, future=20))) as running:
        yield running


def changed(simulator: Simulator, *options: str) -> Typed:
    return type_in("simulation", "--at", simulator.address, *options)


def test_without_options_it_prints_the_state(simulator: Simulator) -> None:
    typed = changed(simulator)
    assert (typed.code, typed.err) == (0, "")
    assert f"It lists {len(simulator.world.visible())} outputs. Faults: none." in typed.out


def test_a_day_passes(simulator: Simulator) -> None:
    before = simulator.clock.now()
    assert changed(simulator, "--tomorrow", "--advance", "90m").code == 0
    assert (simulator.clock.now() - before).total_seconds() == 86400 + 5400


@pytest.mark.parametrize(("amount", "left"), [("4", 56), ("50%", 30), ("0.5", 30)])
def test_outputs_are_deleted(simulator: Simulator, amount: str, left: int) -> None:
    simulator.world = simulator.scene.world = World.generate(outputs=60, days=1, quiet=True)
    before = len(simulator.world.visible())
    assert before >= 60
    typed = changed(simulator, "--delete", amount, "--json")
    removed = 4 if amount == "4" else round(before / 2)
    assert typed.document["outputs"]["visible"] == before - removed


def test_deleted_images_vanish_only_on_demand(simulator: Simulator) -> None:
    outputs = simulator.world.visible()
    changed(simulator, "--delete", "3")
    changed(simulator, "--delete", "3", "--images-too")
    gone = [output for output in outputs if output.deleted_at and output.deleted_at <= simulator.clock.now()]
    assert sorted(output.image_vanishes for output in gone) == [False] * 3 + [True] * 3


def test_outputs_are_hidden_and_listed_again(simulator: Simulator) -> None:
    assert "counts 5 more that it does not list" in changed(simulator, "--hide", "5").out
    assert "more that" not in changed(simulator, "--hide", "0").out


def test_the_api_changes(simulator: Simulator) -> None:
    assert changed(simulator, "--dialect", "documented").code == 0
    assert simulator.dialect is DOCUMENTED


def test_faults_begin_and_end(simulator: Simulator) -> None:
    assert "Faults: pages.failing=0.5,images.failing=0.5." in changed(simulator, "--faults", "failing=50%").out
    assert "Faults: none." in changed(simulator, "--faults", "none").out


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--delete", "many"], "'many'"),
        (["--delete", "101%"], "'101%'"),
        (["--delete", "100000"], "100000 cannot be chosen"),
        (["--images-too"], "--images-too needs --delete"),
        (["--faults", "odd=1"], "odd=1"),
        (["--advance", "long"], "'long'"),
        (["--dialect", "klingon"], "'klingon'"),
    ],
)
def test_what_makes_no_sense_is_refused(simulator: Simulator, options: list[str], named: str) -> None:
    typed = changed(simulator, *options)
    assert typed.code == 2
    assert named in " ".join(typed.err.split())


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "ftp://127.0.0.1", "127.0.0.1:8787", "http://[", ""])
def test_no_simulation_is_named_with_the_next_step(address: str) -> None:
    typed = type_in("simulation", "--at", address, "--json")
    assert typed.code == 2
    assert address in typed.document["error"]
    assert "stablecog-archive simulate" in typed.document["hint"]
