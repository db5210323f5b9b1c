"""A forget beside a run, killed at any write, or hindered: whatever is left is named, and the next forget ends it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from stablecog_provider.adapters.memory import Call
from stablecog_provider.archive.forgetting.ports import Lock
from stablecog_provider.errors import ConfigurationError, StoreUnavailable
from stablecog_provider.model.row_lifecycle import image_name
from support.archived import rebuilt
from support.forgotten import (
    archived_with_secrets,
    assert_forgotten,
    everything,
    found_in,
    ids_of,
    keys_below,
    secret_of,
    some,
    traces_of,
)
from support.killed import Killed
from support.scene import LAYOUT, Scene
from support.worlds import a_world, checkpoint, newest_report


async def test_a_run_that_stores_the_image_meanwhile_leaves_a_note_for_the_next_forget() -> None:
    scene = await archived_with_secrets()
    row = next(row for row in await some(scene, 2) if row.rendition == "original")
    name, key = image_name(row.source_url), LAYOUT.own_image(row.uri or "") or ""
    del scene.store.objects[key]
    await rebuilt(scene, check_images=True)
    scene.clock.advance(timedelta(hours=1))

    async def meanwhile(call: Call) -> None:
        if (call.operation, call.key) == ("put", key):
            scene.store.before = None
            await scene.forget(id=(row.output_id,), yes=True)

    scene.store.before = meanwhile
    await scene.run()
    assert key in scene.store.objects, "the run has stored it after all"
    assert "forget --to" in " ".join((await scene.run()).explain())
    assert (await scene.rows())[row.key].state == "forgotten"
    report = await scene.forget(yes=True)
    assert (report.outcome, report.continued) == ("forgotten", 1)
    assert found_in(everything(scene.store), [secret_of(row.output_id).encode(), name.encode()]) == []
    await assert_forgotten(scene, [row])


@pytest.mark.long
async def test_killed_at_any_write_and_repeated_it_ends_alike() -> None:
    """Every write and every deletion of a forget, before and after it takes effect."""
    step, killed = 0, True
    while killed:
        scene = await archived_with_secrets(a_world(40, days=3, future=0))
        rows = await some(scene, 2)
        killed = await _killed_at(scene, step, ids_of(rows))
        left, marked = found_in(everything(scene.store), traces_of(rows)), [*checkpoint(scene).forgetting]
        states = {row.state for key, row in (await scene.rows()).items() if key[0] in ids_of(rows)}
        assert marked or not left or "forgotten" not in states, f"step {step}: nothing says that something is left"
        if states == {"forgotten"} and marked:
            assert "forget --to" in " ".join((await scene.run()).explain())
            # Once the rows are marked, any forget continues.
            await scene.forget(yes=True)
        else:
            await scene.forget(id=ids_of(rows), yes=True)
        await assert_forgotten(scene, rows)
        run = await scene.run()
        assert (run.outcome, run.copied) == ("proven", 0), (step, run.explain())
        step += 3
    assert step > 20


async def _killed_at(scene: Scene, step: int, ids: tuple[str, ...]) -> bool:
    """Forget, and end at the given write or deletion, counted before and after each takes effect. Whether it came to that."""
    left, killed = step, False

    def count(call: Call) -> None:
        nonlocal left
        if call.operation in ("put", "erase"):
            left -= 1
            if left < 0:
                raise Killed

    scene.store.before = scene.store.after = count
    try:
        await scene.forget(id=ids, yes=True)
    except* Killed:
        killed = True
    finally:
        scene.store.before = scene.store.after = None
    return killed


async def test_a_lock_is_named_with_its_end_and_the_rest_is_done() -> None:
    scene = await archived_with_secrets()
    rows = await some(scene)
    kept = next(row for row in rows if row.rendition == "original")
    key = LAYOUT.own_image(kept.uri or "") or ""
    scene.store.locks[key] = Lock("COMPLIANCE", datetime(2027, 3, 1, 12, tzinfo=UTC))
    with pytest.raises(ConfigurationError, match=r"COMPLIANCE.* keeps it until 2027-03-01 12:00:00Z"):
        await scene.forget(id=ids_of(rows), yes=True)
    assert {row.state for row in (await scene.rows()).values() if row.output_id in ids_of(rows)} == {"forgotten"}
    assert [each for each in keys_below(scene, "images/") if any(one in each for one in ids_of(rows))] == [key]
    assert checkpoint(scene).forgetting
    scene.store.locks.clear()
    await scene.forget(yes=True)
    await assert_forgotten(scene, rows)


async def test_a_forget_that_fails_leaves_a_report_without_what_it_forgets() -> None:
    scene = await archived_with_secrets()
    rows = await some(scene, 2)

    async def refused(call: Call) -> None:
        if call.operation == "put" and call.key.startswith(LAYOUT.forgotten):
            raise StoreUnavailable(f"{rows[0].uri} cannot be deleted", hint="try again")

    scene.store.before = refused
    scene.clock.advance(timedelta(hours=1))
    with pytest.raises(StoreUnavailable):
        await scene.forget(id=ids_of(rows), yes=True)
    scene.store.before = None
    document = newest_report(scene)
    assert (document["kind"], document["outcome"], document["error"]) == ("forget", "failed", "StoreUnavailable")
    assert "try again" in str(document["explanation"])
    hashes = [(row.sha256 or "")[:16] for row in rows]
    assert not any(each in str(document) for each in hashes)
    assert (await scene.forget(id=ids_of(rows), yes=True)).outcome == "forgotten"
    await assert_forgotten(scene, rows)


async def test_a_refused_forget_leaves_no_report() -> None:
    scene = await archived_with_secrets()
    before = dict(scene.store.objects)
    with pytest.raises(ConfigurationError):
        await scene.forget(where="true", yes=True)
    assert scene.store.objects == before
