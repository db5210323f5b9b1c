"""What a run may ask: places that cannot be resolved are remembered, looked at more rarely, and never cost thousands."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from stablecog_provider.adapters.memory import Call, MemoryObjectStore
from stablecog_provider.archive.ports import Listed
from support.stage import DAY, HOUR, LARGEST_SUMMARY, NOON, Stage, days_of, stage_of
from support.worlds import checkpoint

SECOND = timedelta(seconds=1)
CONSTANT = 100
"""Requests of a run beyond five per 300 new outputs."""


def burst(stage: Stage, outputs: int, within: timedelta, slow: int = 0) -> None:
    """So many outputs complete within so long; their requests are spread over `slow` seconds before."""
    for number in range(outputs // 4):
        done = NOON - HOUR + within * ((number * 7919) % outputs) / outputs
        stage.simulated.add(done - timedelta(seconds=5 + (number * 31) % (slow + 1)), *[done] * 4)


@pytest.mark.long
async def test_thousands_of_outputs_within_seconds_are_archived_at_a_bounded_cost() -> None:
    """Sequence 20."""
    stage = stage_of(*days_of(10, 3))
    burst(stage, 2000, 20 * SECOND)
    report = await stage.checked_run()
    assert report.source_requests <= 2 * 2000 / 300 + 20
    assert report.outcome == "proven", report.explain()
    await stage.assert_nothing_lost()
    assert (await stage.ordinary_runs(2))[-1].source_requests <= 6


@pytest.mark.long
async def test_a_burst_that_no_page_can_show_costs_a_bounded_number_of_requests() -> None:
    """Sequence 20: more than a page both above and below many of them; the counts tell, and nothing else can."""
    stage = stage_of(*days_of(10, 3))
    burst(stage, 1400, 20 * SECOND, slow=235)
    reports = [await stage.checked_run(), *await stage.ordinary_runs(1, every=HOUR)]
    assert all(report.source_requests <= 1.5 * CONSTANT for report in reports)
    assert {report.outcome for report in reports} == {"not proven"}
    shown = len(await stage.rows())
    assert shown > 0.8 * 1430
    assert "cannot show all outputs" in "\n".join(reports[-1].explain())
    # The source shows them after all: none of them stays behind.
    for number, output in enumerate(stage.simulated.visible(NOON)[30:]):
        if number % 2:
            stage.simulated.delete(output.id, stage.clock.now())
    reports = await stage.ordinary_runs(2, every=7 * DAY)
    await stage.assert_nothing_lost()
    assert reports[-1].outcome == "proven", reports[-1].explain()


async def test_outputs_that_are_counted_and_never_listed_cost_little_and_stay_short() -> None:
    """Sequence 21: 400 of them, all over the archive."""
    stage = stage_of(*days_of(80, 10))
    hidden = {output.id for output in stage.simulated.visible(NOON)[::2]}

    def hide(document: dict[str, Any]) -> None:
        document["outputs"] = [output for output in document["outputs"] if output["id"] not in hidden]

    stage.spoil = hide
    reports = [await stage.checked_run(), *await stage.ordinary_runs(3)]
    for report in reports:
        assert (report.outcome, report.exit_code) == ("not proven", 3)
        assert report.source_requests <= CONSTANT
    assert len(stage.store.objects[max(key for key in stage.store.objects if "/runs/" in key)].body) < 60_000
    assert len(json.dumps(reports[-1].summary())) < LARGEST_SUMMARY
    stage.spoil = None
    reports = await stage.ordinary_runs(5, every=3 * DAY)
    assert reports[-1].outcome == "proven", reports[-1].explain()
    await stage.assert_nothing_lost()


async def test_a_place_that_differs_for_ever_is_read_ever_more_rarely() -> None:
    """Sequence 21: one output that is counted and never listed; hourly runs for a week."""
    stage = stage_of(*days_of(10, 4))
    victim = stage.simulated.visible(NOON)[11].id

    def hide(document: dict[str, Any]) -> None:
        document["outputs"] = [output for output in document["outputs"] if output["id"] != victim]

    stage.spoil = hide
    await stage.checked_run()
    asked = [report.source_requests for report in await stage.ordinary_runs(30, every=HOUR)]
    assert sum(asked[20:]) / 10 <= 8
    (difference,) = checkpoint(stage).differences
    assert (difference.surplus, difference.looks < 12) == (1, True)


@pytest.mark.long
async def test_outputs_of_one_instant_cost_a_bounded_number_of_requests() -> None:
    """Sequence 22: accounts merged in one transaction; no page can show all of them."""
    stage = stage_of(*days_of(10, 3))
    instant = NOON - 5 * HOUR
    for _ in range(2520 // 4):
        stage.simulated.add(instant, *[instant + 5 * SECOND] * 4)
    reports = [await stage.checked_run(), *await stage.ordinary_runs(4)]
    for report in reports:
        assert report.source_requests <= 5 * -(-report.read // 300) + CONSTANT
        if (await stage.rows()).keys() < {(output_id, "original") for output_id in stage.live()}:
            assert (report.outcome, report.exit_code) == ("not proven", 3), "no page can show them, and it says so"
    assert sum(report.source_requests for report in reports[2:]) <= CONSTANT
    # What is requested later is covered and compared all the same.
    made = stage.clock.now() + HOUR
    stage.simulated.add(made, made + 5 * SECOND)
    assert (await stage.ordinary_runs(1))[-1].new == 1


class Gateway(MemoryObjectStore):
    """A store whose listing spells versions otherwise than its responses do, as some gateways and encryption do."""

    async def list(self, prefix: str) -> Any:
        async for item in super().list(prefix):
            yield Listed(item.key, item.size, f"listed-{item.version}")


async def test_an_idle_run_costs_the_same_on_a_store_that_lists_other_versions() -> None:
    """Sequence 26: 40 days; only the first run after a change may read what it does not know."""
    stage = Stage(stage_of(*days_of(5, 40)).simulated, store=Gateway())
    usual = stage_of(*days_of(5, 40))
    for each in (stage, usual):
        await each.checked_run()
        await each.ordinary_runs(2)
    (strange,), (plain,) = await stage.ordinary_runs(1), await usual.ordinary_runs(1)
    assert strange.store_requests <= plain.store_requests + 2 <= 23
    assert strange.changed == ()
    assert (strange.outcome, (await stage.status()).changed) == ("proven", {})


async def test_a_change_is_noticed_on_such_a_store_as_well() -> None:
    """Sequence 26: comparing listings with listings must not hide that a partition is another one."""
    stage = Stage(stage_of(*days_of(5, 6)).simulated, store=Gateway())
    await stage.checked_run()
    await stage.ordinary_runs(1)
    key = min(key for key in stage.store.objects if "/manifest/" in key)
    earlier = stage.store.objects[key]
    some = stage.simulated.visible(NOON)[2].id
    stage.simulated.upscale(some, stage.clock.now() + HOUR)
    await stage.ordinary_runs(8)
    assert (some, "upscaled") in await stage.rows()
    stage.store.objects[key] = earlier
    assert len((await stage.status()).changed) == 1
    await stage.ordinary_runs(1)
    assert (some, "upscaled") in await stage.rows()


async def test_an_idle_run_on_a_sparse_account_loads_few_partitions() -> None:
    """Sequence 26, of that kind: a page of a sparse account spans half a year of partitions."""
    calls: list[Call] = []
    stage = Stage(stage_of(*days_of(2, 30)).simulated, store=MemoryObjectStore(after=lambda call: calls.append(call)))
    await stage.checked_run()
    for _ in range(2):
        calls.clear()
        (report,) = await stage.ordinary_runs(1)
    assert sum(call.operation == "get" and "/manifest/" in call.key for call in calls) <= 14
    assert report.source_requests <= 6
