"""`rebuild`: options, output and exit codes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stablecog_provider.adapters.memory import MemoryObject
from stablecog_provider.simulator.world import World as SimulatedWorld
from support.console import KEY, TO, type_in
from support.scene import LAYOUT, Scene


@pytest.fixture
def scene() -> Scene:
    """An archived account."""
    made = Scene(SimulatedWorld.generate(outputs=40, days=2, future=0))
    made.clock.advance(timedelta(hours=1))
    assert type_in("run", "--to", TO, ports=made.ports()).code == 0
    return made


def test_a_lost_checkpoint_is_recreated(scene: Scene) -> None:
    del scene.store.objects[LAYOUT.checkpoint]
    refused = type_in("run", "--to", TO, ports=scene.ports())
    assert refused.code == 1
    assert "stablecog-archive rebuild" in refused.err
    typed = type_in("rebuild", "--to", TO, ports=scene.ports())
    assert (typed.code, typed.err) == (0, "")
    assert "REBUILT" in typed.out
    assert "The checkpoint was missing" in typed.out
    assert type_in("status", "--to", TO, store=scene.store).code == 0


def test_with_json_only_the_report_is_printed(scene: Scene) -> None:
    typed = type_in("rebuild", "--to", TO, "--json", ports=scene.ports(), terminal=True)
    assert (typed.code, typed.err) == (0, "")
    assert typed.document["outcome"] == "rebuilt"
    assert typed.document["live"] == len(scene.images.asked)
    assert KEY not in typed.out


def test_a_damaged_partition_is_refused_then_set_aside_with_exit_code_3(scene: Scene) -> None:
    key = next(key for key in scene.store.objects if key.startswith(LAYOUT.manifest))
    del scene.store.objects[LAYOUT.checkpoint]
    scene.store.objects[key] = MemoryObject(b"", "foreign", "", {})
    refused = type_in("rebuild", "--to", TO, "--json", ports=scene.ports())
    assert (refused.code, refused.document["kind"]) == (1, "ArchiveDamaged")
    typed = type_in("rebuild", "--to", TO, "--set-aside-damaged", ports=scene.ports())
    assert typed.code == 3
    assert "Run `stablecog-archive run` now" in " ".join(typed.out.split())
    assert type_in("run", "--to", TO, ports=scene.ports()).code == 0


def test_lost_images_are_found_and_named(scene: Scene) -> None:
    key = next(key for key in scene.store.objects if key.startswith(LAYOUT.images))
    del scene.store.objects[key]
    typed = type_in("rebuild", "--to", TO, "--check-images", "--json", ports=scene.ports())
    assert typed.code == 3
    (lost,) = typed.document["lost_images"]
    assert lost["output_id"] in key


def test_another_account_is_a_wrong_setting(scene: Scene) -> None:
    scene.simulated = SimulatedWorld.generate(outputs=40, days=2, seed=9)
    for command in ("run", "rebuild"):
        typed = type_in(command, "--to", TO, "--json", ports=scene.ports())
        assert (typed.code, typed.document["kind"]) == (2, "AnotherAccount")
    assert type_in("rebuild", "--to", TO, "--allow-account-mismatch", ports=scene.ports()).code == 3
