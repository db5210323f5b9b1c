"""A simulation continues where it was, also after a kill: its clock, deletions and everything else that was changed."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from stablecog_provider.errors import ConfigurationError
from stablecog_provider.simulator.clock import SimulatedClock
from stablecog_provider.simulator.control import ACTIONS, carry_out
from stablecog_provider.simulator.saved_state import SavedState
from stablecog_provider.simulator.scene import Scene
from stablecog_provider.simulator.world import World

SETTINGS = {"seed": 0, "outputs": 60}


class Machine:
    """A time of its own, for the real clock and for the simulated one."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def machine() -> Machine:
    return Machine()


def started(path: Path, machine: Machine, settings: dict[str, Any] = SETTINGS) -> Scene:
    world = World.generate(outputs=60, days=1)
    scene = Scene(world=world, clock=SimulatedClock(world.present, rate=1.0, ticker=machine))
    SavedState(path, settings, machine).continue_in(scene)
    return scene


def act(scene: Scene, path: str, output_id: str = "", **body: Any) -> None:
    carry_out(scene, path, ACTIONS[path], output_id, body)


def test_the_clock_continues_through_a_restart_and_runs_meanwhile(tmp_path: Path, machine: Machine) -> None:
    first = started(tmp_path / "state", machine)
    act(first, "clock/advance", seconds=86400)
    then = first.clock.now()
    machine.now += 60
    again = started(tmp_path / "state", machine)
    assert again.clock.now() == then + timedelta(seconds=60)


def test_a_real_clock_that_was_set_back_does_not_turn_the_simulated_one_back(tmp_path: Path, machine: Machine) -> None:
    then = started(tmp_path / "state", machine).clock.now()
    machine.now -= 3600
    assert started(tmp_path / "state", machine).clock.now() == then


def test_changes_of_outputs_are_kept(tmp_path: Path, machine: Machine) -> None:
    first = started(tmp_path / "state", machine)
    kept, *_ = (output.id for output in first.world.visible())
    act(first, "outputs/{id}/upscale", kept)
    act(first, "outputs/delete", share=0.5)
    act(first, "outputs/hide", count=3)
    machine.now += 5
    again = started(tmp_path / "state", machine)
    now = again.clock.now()
    assert [row.id for row in again.world.visible(now)] == [row.id for row in first.world.visible(now)]
    assert len(again.world.visible(now)) < 40
    assert again.world.hidden == first.world.hidden
    assert again.world.output(kept).upscaled_at == first.world.output(kept).upscaled_at is not None


def test_the_state_of_another_simulation_is_refused(tmp_path: Path, machine: Machine) -> None:
    started(tmp_path / "state", machine)
    with pytest.raises(ConfigurationError, match="another simulation: outputs differ"):
        started(tmp_path / "state", machine, SETTINGS | {"outputs": 7})


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"world": 7}', json.dumps({"world": SETTINGS, "changes": [{}]})])
def test_a_file_that_is_no_state_is_refused_and_kept(text: str, tmp_path: Path, machine: Machine) -> None:
    (tmp_path / "state").write_text(text)
    with pytest.raises(ConfigurationError, match="not the state of a simulation"):
        started(tmp_path / "state", machine)
    assert (tmp_path / "state").read_text() == text


def test_a_file_that_cannot_be_written_is_named_before_anything_is_served(tmp_path: Path, machine: Machine) -> None:
    with pytest.raises(ConfigurationError, match="missing/state: No such file"):
        started(tmp_path / "missing/state", machine)
