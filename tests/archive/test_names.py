"""Names of models: each run adds today's list to the registers, and is never stopped by it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

import pytest

from stablecog_provider.adapters.memory import Call, MemoryObjectStore
from stablecog_provider.adapters.parquet_registers import ParquetRegisters
from stablecog_provider.archive.estimate import estimate
from stablecog_provider.archive.naming.ports import Answer, Kind, Naming
from stablecog_provider.archive.naming.step import note_models
from stablecog_provider.archive.run import ArchiveSettings
from stablecog_provider.errors import ArchiveError, ConfigurationError, RateLimited, SourceUnavailable, StoreUnavailable
from stablecog_provider.model.model_listing import ListedModel, ModelListing
from stablecog_provider.model.register import Register
from stablecog_provider.simulator.models import NAMES, RETIRES, SCHEDULER_NAMES
from stablecog_provider.simulator.world import RETIRES_AFTER
from support.killed import Killed
from support.scene import LAYOUT, SimulatedSource, no_sleep
from support.stage import DAY, HOUR, NOON, Stage, days_of, stage_of


def named(per_day: int, days: int) -> Stage:
    """A stage whose runs ask for names."""
    stage = stage_of(*days_of(per_day, days))
    stage.with_names = True
    return stage


async def registered(stage: Stage, kind: Kind = Kind.MODELS) -> Register:
    return await ParquetRegisters(stage.store, LAYOUT).load(kind)


async def test_a_run_writes_the_names_and_a_later_one_notes_who_retired() -> None:
    stage = named(2, 2)
    await stage.run()
    assert {key: each.name for key, each in (await registered(stage)).entries.items()} == NAMES
    schedulers = await registered(stage, Kind.SCHEDULERS)
    assert {key: each.name for key, each in schedulers.entries.items()} == SCHEDULER_NAMES
    stage.clock.advance(RETIRES_AFTER)
    report = await stage.run()
    assert f"The source no longer lists these models: {NAMES[RETIRES]}. Their names are kept." in report.explain()
    gone = (await registered(stage)).entries[RETIRES]
    assert (gone.name, gone.retired_at) == (NAMES[RETIRES], stage.clock.now())
    stage.clock.advance(HOUR)
    assert not any("no longer lists" in line for line in (await stage.run()).explain())


async def test_the_names_cost_one_request_which_the_bound_of_the_report_includes() -> None:
    with_names, without = named(3, 3), stage_of(*days_of(3, 3))
    for _ in range(3):
        one, other = await with_names.run(), await without.run()
        assert one.source_requests == other.source_requests + 1
        assert one.request_limit == other.request_limit
        assert one.source_requests <= one.request_limit
        for stage in (with_names, without):
            stage.clock.advance(DAY)


async def test_a_dry_run_asks_for_no_names_and_writes_nothing() -> None:
    stage = named(2, 2)
    before = dict(stage.store.objects)
    source = SimulatedSource(stage.simulated, stage.dialect, stage.clock)
    await estimate(stage.ports(source), ArchiveSettings(layout=LAYOUT))
    assert stage.store.objects == before
    assert source.asked_for_models == 0


FAILURES = [
    SourceUnavailable("api answered 500"),
    RateLimited("api answered 429", retry_after=600.0),
    ConfigurationError("the certificate is wrong", hint="set it"),
]


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_list_that_cannot_be_had_is_a_warning(failure: ArchiveError, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = named(2, 2)

    async def fails(_: object) -> Answer:
        raise failure

    monkeypatch.setattr("support.scene.SimulatedSource.models", fails)
    report = await stage.checked_run()
    assert report.proven
    assert any(
        line.startswith(f"The names of models were not updated: {failure.message}.") for line in report.explain()
    )
    assert LAYOUT.register("models") not in stage.store.objects


async def test_registers_that_may_not_be_written_or_cannot_be_read_are_a_warning() -> None:
    stage = named(2, 2)

    def refuse(call: Call) -> None:
        if call.key.startswith(LAYOUT.models) and call.operation == "put":
            raise ConfigurationError("AccessDenied: models/", hint="allow it")

    stage.store.before = refuse
    assert any("AccessDenied" in line for line in (await stage.checked_run()).explain())
    stage.store.before = None
    await stage.store.put(LAYOUT.register("models"), b"not ours", content_type="text/plain")
    report = await stage.checked_run()
    assert report.proven
    assert any(
        "models.parquet cannot be read" in line and "restore an earlier version" in line for line in report.explain()
    )
    assert stage.store.objects[LAYOUT.register("models")].body == b"not ours"


@dataclass
class Listings:
    """Port `ModelSource`. `answers`: in order."""

    answers: list[Answer] = field(default_factory=list)

    async def models(self) -> Answer:
        await asyncio.sleep(0)
        return self.answers.pop(0)


def answer(hours: int, *ids: str) -> Answer:
    named = tuple(ListedModel(each, each.upper()) for each in ids)
    return Answer(ModelListing(named, named), NOON + HOUR * hours)


async def note(store: MemoryObjectStore, *answers: Answer) -> list[str]:
    source = Listings([*answers])
    notes = list[str]()
    for _ in answers:
        notes += await note_models(Naming(source, ParquetRegisters(store, LAYOUT, sleep=no_sleep)), NOON + 100 * DAY)
    return notes


async def test_a_broken_list_is_named_and_retires_nothing() -> None:
    store = MemoryObjectStore()
    await note(store, answer(0, "a", "b", "c"))
    assert any("lacks more than half" in line for line in await note(store, answer(1)))
    partly = Answer(ModelListing((ListedModel("a"), ListedModel("b")), (), whole_models=False), NOON + HOUR)
    assert any("could not be read" in line for line in await note(store, partly))
    found = (await ParquetRegisters(store, LAYOUT).load(Kind.MODELS)).entries
    assert {each.retired_at for each in found.values()} == {None}


async def test_a_source_whose_clock_is_far_ahead_dates_nothing_in_the_future() -> None:
    store = MemoryObjectStore()
    await note_models(Naming(Listings([answer(24 * 999, "a")]), ParquetRegisters(store, LAYOUT)), NOON)
    assert (await ParquetRegisters(store, LAYOUT).load(Kind.MODELS)).entries["a"].last_seen_at == NOON


Hook = Callable[[Call], Awaitable[None] | None]


@pytest.mark.parametrize("seed", range(30))
async def test_no_name_is_lost_by_runs_at_once_kills_and_writes_of_unknown_outcome(seed: int) -> None:
    """Whatever a run has noted without a warning is there in the end, and so is what it wrote before it was killed."""
    random, store = Random(seed), MemoryObjectStore()
    certain: set[str] = set()

    def strike(call: Call) -> None:
        roll = random.random()
        if call.operation == "put" and roll < 0.2:
            raise StoreUnavailable("no answer")
        if roll < 0.05:
            raise Killed

    async def one(number: int) -> None:
        ids = [random.choice("abcdefghij") for _ in range(3)]
        try:
            notes = await note(store, answer(random.randrange(12), "always", f"only{number}", *ids))
        except Killed:
            return
        if not any("not updated" in line for line in notes):
            certain.update(ids, {f"only{number}"})

    for turn in range(6):
        store.before, store.after = (strike, None) if turn % 2 else (None, strike)
        await asyncio.gather(*(one(3 * turn + number) for number in range(3)))
    store.before = store.after = None
    found = (await ParquetRegisters(store, LAYOUT).load(Kind.MODELS)).entries
    assert certain <= {*found}
    assert all(each.name == key.upper() for key, each in found.items())


async def test_an_older_run_that_finishes_later_retires_nothing_and_loses_no_name() -> None:
    store = MemoryObjectStore()
    await note(store, answer(0, "a", "b"), answer(5, "a", "b", "new"), answer(3, "a", "b", "old"))
    found = (await ParquetRegisters(store, LAYOUT).load(Kind.MODELS)).entries
    assert {key for key, each in found.items() if each.retired_at is None} == {"a", "b", "new"}
    assert found["old"].retired_at == NOON + 5 * HOUR
    assert timedelta(0) < found["new"].last_seen_at - found["old"].last_seen_at
