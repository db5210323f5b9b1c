"""Pages spoilt in every way, and days on which more than one answer is wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from random import Random

from stablecog_provider.archive.copying.outage import IMAGES_IN_A_ROW
from stablecog_provider.archive.reports.run import RunReport
from stablecog_provider.errors import FatalError, RateLimited, SourceUnavailable, TransientError
from stablecog_provider.model.manifest import State, retry_delay
from stablecog_provider.model.object_keys import Rendition
from stablecog_provider.simulator.clock import SimulatedClock
from stablecog_provider.simulator.dialect import CURRENT, DOCUMENTED, CursorKey, Dialect
from stablecog_provider.simulator.faults import Fault, Manner, RateLimit
from stablecog_provider.simulator.world import World

from ..rig.bench import HASTY, Bench, shrink, told

Trial = Callable[[Bench, Random], Awaitable[None]]
OPAQUE = replace(CURRENT, cursor=CursorKey.OPAQUE, ascending=DOCUMENTED.ascending)
LIMIT = 10


def dialect_for(name: str, random: Random) -> Dialect:
    """Some cases are about what `next` says, and so need a dialect in which it is followed."""
    return OPAQUE if "loops" in name else random.choice([CURRENT, CURRENT, DOCUMENTED])


def page_size(bench: Bench, random: Random) -> int:
    """Small ones make many requests. What falls at its request shows a whole instant only on a page that has room for it."""
    return random.choice([3, 7] if bench.simulator.dialect is CURRENT else [20, 300])


def once(fault: Fault) -> Trial:
    """The answers to one to three requests are spoilt: a run that asks again gets over it."""

    async def trial(bench: Bench, random: Random) -> None:
        if fault.manner is Manner.STALLED:
            bench.timeouts = HASTY
        bench.simulator.faults.on_api(replace(fault, times=random.randint(1, 3), after=random.randint(0, 4)))
        await bench.proven(per_page=page_size(bench, random))

    return trial


def stays(fault: Fault, *kinds: type[object]) -> Trial:
    """From one request on all are spoilt: the run ends with an error, what was claimed is true, the next run completes it."""

    async def trial(bench: Bench, random: Random) -> None:
        if fault.manner is Manner.STALLED:
            bench.timeouts = HASTY
        bench.simulator.faults.on_api(replace(fault, times=None, after=random.randint(0, 2)))
        outcome = await bench.run(per_page=page_size(bench, random))
        bench.expect(isinstance(outcome, kinds), f"the run ended in {told(outcome)}")
        await bench.inspect()
        bench.simulator.faults.clear()
        await bench.proven()

    return trial


async def _image_host_down(bench: Bench, random: Random) -> None:
    """After some images it fails for every one: nobody is blamed, what came before is kept, and the next run goes on."""
    bench.timeouts = HASTY
    manner = random.choice([Manner.STATUS, Manner.DROPPED, Manner.RESET, Manner.CUT])
    status, good = random.choice([429, 500, 503]), random.randint(0, len(bench.due) - IMAGES_IN_A_ROW)
    fault = Fault(manner, status, times=None, after=good)
    bench.simulator.faults.on_image(bench.simulator.faults.any_image, fault)
    outcome = await bench.run()
    bench.expect(isinstance(outcome, SourceUnavailable), f"the run ended in {told(outcome)}")
    rows = await bench.inspect()
    failed = [row for row in rows.values() if row.state != State.ARCHIVED]
    bench.expect(not failed, f"{len(failed)} images were blamed")
    bench.expect(len(rows) == good, f"{len(rows)} of {good} images that arrived were kept")
    bench.simulator.faults.clear()
    await bench.proven()


async def _old_images_of_a_dead_host(bench: Bench, random: Random) -> None:
    """Images that failed on some day and fail for ever after never stop a run, nor what is new from being archived."""
    random.shuffle(spoilt := list(bench.due))
    names = [output.file_name(Rendition.ORIGINAL) for output in spoilt[: IMAGES_IN_A_ROW - 1]]
    for name in names:
        bench.simulator.faults.on_image(name, Fault(status=503, times=None))
    for attempts in (1, 2):
        report = await bench.run()
        bench.expect(isinstance(report, RunReport) and report.failed == len(names), f"the run ended in {told(report)}")
        bench.advance(retry_delay(attempts) + timedelta(minutes=1))
    bench.simulator.faults.clear()
    await bench.proven()


async def _api_down_for_days(bench: Bench, random: Random) -> None:
    """Runs fail, day after day; the first one after it reads what all of them missed."""
    await bench.proven()
    bench.simulator.faults.on_api(Fault(status=503, times=None, retry_after=random.choice([None, "30", "86400"])))
    for _ in range(2):
        bench.advance(timedelta(days=1))
        outcome = await bench.run()
        bench.expect(isinstance(outcome, TransientError), f"the run ended in {told(outcome)}")
    bench.simulator.faults.clear()
    await bench.proven()


async def _limited(bench: Bench, random: Random) -> None:
    """The service's own limit, in the client's time: the API is never asked too often, whatever the page size."""
    bench.simulator.scene.rate_limit = RateLimit(LIMIT, bench.time.monotonic)
    await bench.proven(per_page=page_size(bench, random))
    limited = bench.simulator.requests.limited
    bench.expect(not limited, f"{limited} requests came too soon")


async def _images_limited(bench: Bench, random: Random) -> None:
    """Every so many images the host asks for a pause. All slots heed it, so that no image is refused until it is given up."""
    any_image = bench.simulator.faults.any_image
    for _ in range(random.randint(3, 6)):
        fault = Fault(status=429, times=random.randint(1, 8), after=random.randint(0, 4), retry_after="30")
        bench.simulator.faults.on_image(any_image, fault)
    await bench.proven()


async def _time_goes_on(bench: Bench, random: Random) -> None:
    """Outputs come, go and are upscaled while the run reads and counts; a later run finds all agreed."""
    pace, simulator = random.choice([5.0, 60.0, 600.0]), bench.simulator
    ticks: Iterator[int] = count()
    moving = SimulatedClock(simulator.clock.now(), rate=pace, ticker=lambda: float(next(ticks)))
    simulator.clock = simulator.scene.clock = moving
    for output in random.sample(bench.due, 4):
        at = simulator.clock.now() + timedelta(seconds=pace * random.randint(1, 12))
        change = random.choice([simulator.world.delete, simulator.world.upscale])
        change(output.id, at)
    await bench.run(per_page=page_size(bench, random))
    await bench.inspect()
    simulator.clock = simulator.scene.clock = SimulatedClock(moving.now() + timedelta(hours=1))
    bench.ours.advance(timedelta(hours=1))
    await bench.proven()


async def _clocks_differ(bench: Bench, random: Random) -> None:
    """What is settled goes by the source's clock; attempts and their distance go by ours."""
    skew = timedelta(hours=random.choice([-30, -5, -1, 1, 5, 30]), seconds=random.randint(0, 3599))
    bench.ours.advance(skew)
    # Something that is just visible and not settled yet: by our clock it might seem so.
    fresh = bench.simulator.world.add(bench.simulator.clock.now() - timedelta(seconds=12))[0]
    shrink(fresh)
    spoilt = random.choice(bench.due).file_name(Rendition.ORIGINAL)
    bench.simulator.faults.on_image(spoilt, Fault(status=403, times=None))
    report = await bench.run()
    on_time = isinstance(report, RunReport) and report.coverage.watermark == bench.end_of(report)
    bench.expect(on_time, f"the watermark does not follow the source's clock: {told(report)}")
    for row in (await bench.inspect()).values():
        stamp = row.attempted_at
        bench.expect(stamp == bench.ours.now(), f"an attempt is dated {stamp}")
    bench.simulator.faults.clear()
    bench.advance(timedelta(hours=1, minutes=1))
    await bench.proven()


async def _claims_to_be_empty(bench: Bench, random: Random) -> None:
    """A source that answers as if the account had nothing, before or after it was archived."""
    if random.random() < 0.5:
        await bench.proven()
    full, bench.simulator.scene.world = bench.simulator.world, World.empty(bench.simulator.clock.now())
    await bench.run()
    bench.simulator.scene.world = full
    bench.advance(timedelta(days=2))
    await bench.proven()


def _page_cases() -> dict[str, Trial]:
    passing = {
        **{f"a page answered {status}": Fault(status=status) for status in (500, 502, 503, 408, 425, 429)},
        "a page answered 503, Retry-After in seconds": Fault(status=503, retry_after="9"),
        "a page answered 429, Retry-After in seconds": Fault(status=429, retry_after="9"),
        "a page that hangs": Fault(Manner.STALLED),
        "a page never answered": Fault(Manner.DROPPED),
        "a page reset in the middle": Fault(Manner.RESET),
        "a page cut short of its length": Fault(Manner.TRUNCATED),
        "a page cut without a length": Fault(Manner.CUT),
        "half a page declared as all": Fault(Manner.SHORT),
        "half a page without a length": Fault(Manner.ENDED),
        "a page longer than declared": Fault(Manner.LONG),
        "HTML in place of a page": Fault(Manner.GARBLED),
    }
    down = (SourceUnavailable, RateLimited)
    return {
        **{f"{name}, once": once(fault) for name, fault in passing.items()},
        **{f"{name}, for long": stays(fault, *down) for name, fault in passing.items()},
        "a page answered 429, Retry-After of a day": stays(Fault(status=429, retry_after="86400"), RateLimited),
        "an empty page with a next": stays(Fault(Manner.EMPTIED), FatalError, RunReport),
        "a next that loops": stays(Fault(Manner.LOOPED), FatalError, RunReport),
        "a page of another content type": once(Fault(Manner.MISTYPED)),
    }


PAGE_CASES = _page_cases()
DAY_CASES: dict[str, Trial] = {
    "the image host goes down": _image_host_down,
    "images of a host long dead": _old_images_of_a_dead_host,
    "the API is down for days": _api_down_for_days,
    "the service's rate limit": _limited,
    "the image host's rate limit": _images_limited,
    "counts that move": _time_goes_on,
    "clocks hours apart": _clocks_differ,
    "an account that claims to be empty": _claims_to_be_empty,
}
