"""What was forgotten, and a copy of the archive that `restore --into` makes or brings up to date."""

from __future__ import annotations

from typing import Any

import pytest

from stablecog_provider.adapters.assembly import row_filter
from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.archive.forget import ForgetSettings, forget
from stablecog_provider.archive.forgetting.ports import ForgetPorts
from stablecog_provider.archive.ports import Ports
from stablecog_provider.archive.rebuild import RebuildSettings, rebuild
from stablecog_provider.archive.run import ArchiveSettings, archive
from stablecog_provider.archive.status import status
from stablecog_provider.model.manifest import Row
from stablecog_provider.model.object_keys import day_of
from support.forgotten import is_killed, killed_at
from support.restores import ELSEWHERE, Restores, restores


def there(made: Restores) -> Ports:
    here = made.scene.ports()
    manifest = ParquetManifest(made.elsewhere, ELSEWHERE, sleep=here.sleep)
    return Ports(here.source, here.images, made.elsewhere, manifest, here.clock, here.sleep)


async def forget_there(made: Restores, **settings: Any) -> None:
    ports = there(made)
    forgetting = ForgetPorts(made.elsewhere, ports.manifest, ports.clock, row_filter, ports.sleep)
    await forget(forgetting, ForgetSettings(layout=ELSEWHERE, yes=True, **settings))


def images_there(made: Restores, row: Row) -> list[str]:
    return [key for key in made.elsewhere.objects if key.startswith(ELSEWHERE.images) and row.output_id in key]


async def an_upscaled(made: Restores) -> Row:
    """A row of an output that has two images."""
    return next(row for row in (await made.scene.rows()).values() if row.rendition == "upscaled")


@pytest.mark.parametrize("part", [{"rendition": "original"}, {"where": "width > 0"}, {"sample": 5, "seed": 1}])
async def test_a_run_in_a_copy_of_a_part_does_not_copy_it_again(part: dict[str, Any]) -> None:
    made = await restores()
    row = await an_upscaled(made)
    await made.scene.forget(id=(row.output_id,), yes=True)
    await made.into(**part)
    assert (await archive(there(made), ArchiveSettings(layout=ELSEWHERE))).outcome == "proven"
    assert images_there(made, row) == []


async def test_a_rebuild_of_the_copy_forgets_it_again() -> None:
    made = await restores()
    row = await an_upscaled(made)
    await made.scene.forget(id=(row.output_id,), yes=True)
    await made.into()
    del made.elsewhere.objects[ELSEWHERE.partition(day_of(row.created_at))]
    await rebuild(there(made), RebuildSettings(layout=ELSEWHERE))
    await archive(there(made), ArchiveSettings(layout=ELSEWHERE))
    assert images_there(made, row) == []


async def test_a_copy_that_goes_on_after_a_forget_there_does_not_bring_it_back() -> None:
    made = await restores()
    row = await an_upscaled(made)
    made.elsewhere.before = killed_at("put", ELSEWHERE.partition(day_of(row.created_at)), after=True)
    assert await is_killed(made.into())
    made.elsewhere.before = None
    await forget_there(made, id=(row.output_id,))
    assert (await made.into()).exit_code == 0
    assert images_there(made, row) == []


async def test_a_copy_that_is_brought_up_to_date_after_a_forget_says_what_is_still_there() -> None:
    made = await restores()
    row = await an_upscaled(made)
    await made.into()
    await made.scene.forget(id=(row.output_id,), yes=True)
    await made.into()
    assert images_there(made, row), "a restore deletes nothing"
    found = await status(made.elsewhere, ELSEWHERE, made.scene.clock.now())
    assert "forget --to" in " ".join(found.explain())
    await forget_there(made)
    assert images_there(made, row) == []
    assert (await status(made.elsewhere, ELSEWHERE, made.scene.clock.now())).forgetting == ()


async def test_what_is_still_to_be_deleted_here_is_not_said_of_the_copy() -> None:
    made = await restores()
    row = await an_upscaled(made)
    made.scene.store.before = killed_at("erase", f"/{row.output_id}")
    assert await is_killed(made.scene.forget(id=(row.output_id,), yes=True))
    made.scene.store.before = None
    await made.into()
    assert (await status(made.elsewhere, ELSEWHERE, made.scene.clock.now())).forgetting == ()
    assert images_there(made, row) == []
