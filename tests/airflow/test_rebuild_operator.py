"""The operator that rebuilds a checkpoint, as Airflow runs it, and its Dag."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from stablecog_provider.adapters.memory import MemoryObject
from stablecog_provider.airflow.operators import StablecogRebuildOperator
from stablecog_provider.airflow.operators import rebuild as rebuild_module
from stablecog_provider.archive.ports import Ports
from stablecog_provider.archive.reports.wording import MAX_SUMMARY
from support.scene import LAYOUT, Scene
from support.worlds import DAY, a_world


class Rebuilding(StablecogRebuildOperator):
    scene: ClassVar[Scene]

    @staticmethod
    @asynccontextmanager
    async def open_ports(*_: object) -> AsyncIterator[Ports]:
        yield Rebuilding.scene.ports()


@pytest.fixture(autouse=True)
def archived(monkeypatch: pytest.MonkeyPatch) -> Scene:
    for name in ("store_settings", "source_settings"):
        monkeypatch.setattr(rebuild_module, name, lambda _: None)
    monkeypatch.setattr(Rebuilding, "note_place", lambda *_: None)
    scene = Rebuilding.scene = Scene(a_world(60))
    asyncio.run(scene.run())
    scene.clock.advance(DAY)
    return scene


def execute(**arguments: Any) -> Any:
    task = Rebuilding(task_id="t", bucket=LAYOUT.bucket, prefix=LAYOUT.prefix, **arguments)
    return task.execute({"ti": None})  # type: ignore[typeddict-item]


def test_a_lost_checkpoint_is_recreated(archived: Scene) -> None:
    del archived.store.objects[LAYOUT.checkpoint]
    summary = execute()
    assert (summary["kind"], summary["checkpoint_was"], summary["missing"]) == ("rebuild", "missing", 0)
    assert summary["outcome"].startswith("rebuilt")
    assert LAYOUT.checkpoint in archived.store.objects
    assert len(json.dumps(summary)) <= MAX_SUMMARY


def test_flags_come_as_templates_render_them(archived: Scene) -> None:
    assert execute(check_images="True", allow_deletions="0")["images_checked"] > 0
    with pytest.raises(AirflowFailException, match="set_aside_damaged"):
        execute(set_aside_damaged="perhaps")


def test_a_damaged_partition_fails_the_task_until_it_may_be_set_aside(archived: Scene) -> None:
    key = max(key for key in archived.store.objects if key.startswith(LAYOUT.manifest))
    archived.store.objects[key] = MemoryObject(b"PAR1", "damaged", "", {})
    with pytest.raises(AirflowFailException, match="--set-aside-damaged"):
        execute()
    assert execute(set_aside_damaged="true")["set_aside"] == 1
