"""Faults of pages, and days on which more than one response is wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from random import Random

from stablecog_provider.archive.copying.outage import IMAGES_IN_A_ROW
from stablecog_provider.archive.listing.settled import CLOCK_TOLERANCE
from stablecog_provider.archive.reports.run import RunReport
from stablecog_provider.errors import FatalError, RateLimited, SourceUnavailable, TransientError
from stablecog_provider.model.manifest import State
from stablecog_provider.model.object_keys import Rendition
from stablecog_provider.model.row_attempts import retry_delay
from stablecog_provider.simulator.clock import SimulatedClock
from stablecog_provider.simulator.dialect import CURRENT, DOCUMENTED, CursorKey, Dialect
from stablecog_provider.simulator.faults import Fault, Manner, RateLimit
from stablecog_provider.simulator.world import World

from ..rig.bench import HASTY, Bench, describe, shrink

Trial = Callable[[Bench, Random], Awaitable[None]]
OPAQUE = replace(CURRENT, cursor=CursorKey.OPAQUE, ascending=DOCUMENTED.ascending)
LIMIT = 10


def dialect_for(name: str, random: Random) -> Dialect:
    """Return a dialect for the case. Cases about `next` need one in which `next` is followed."""
    return OPAQUE if "loops" in name else random.choice([CURRENT, CURRENT, DOCUMENTED])


def page_size(bench: Bench, random: Random) -> int:
    """Return a small page size, for many requests. In the documented dialect a page must have room for a whole instant."""
    return random.choice([3, 7] if bench.simulator.dialect is CURRENT else [20, 300])


def once(fault: Fault) -> Trial:
    """One to three responses are spoiled: a run that retries succeeds."""

    async def trial(bench: Bench, random: Random) -> None:
        if fault.manner is Manner.STALLED:
            bench.timeouts = HASTY
        bench.simulator.faults.on_api(replace(fault, times=random.randint(1, 3), after=random.randint(0, 4)))
        await bench.proven(per_page=page_size(bench, random))

    return trial


def stays(fault: Fault, *kinds: type[object]) -> Trial:
    """All responses after some request are spoiled: the run fails, its claims are true, the next run completes it."""

    async def trial(bench: Bench, random: Random) -> None:
        if fault.manner is Manner.STALLED:
            bench.timeouts = HASTY
        bench.simulator.faults.on_api(replace(fault, times=None, after=random.randint(0, 2)))
        outcome = await bench.run(per_page=page_size(bench, random))
        bench.expect(isinstance(outcome, kinds), f"the run ended in {describe(outcome)}")
        await bench.inspect()
        bench.simulator.faults.clear()
        await bench.proven()

    return trial


async def _image_host_down(bench: Bench, random: Random) -> None:
    """The host fails after some images: the earlier ones are kept, the others are skipped, and the next run fetches them."""
    bench.timeouts = HASTY
    manner = random.choice([Manner.STATUS, Manner.DROPPED, Manner.RESET, Manner.CUT])
    status, good = random.choice([429, 500, 503]), random.randint(0, len(bench.due) - IMAGES_IN_A_ROW)
    fault = Fault(manner, status, times=None, after=good)
    bench.simulator.faults.on_image(bench.simulator.faults.any_image, fault)
    outcome = await bench.run()
    down = isinstance(outcome, RunReport) and bool(outcome.hosts_down) and outcome.exit_code == 3
    bench.expect(down, f"the run ended in {describe(outcome)}")
    rows = await bench.inspect()
    kept = [row for row in rows.values() if row.state == State.ARCHIVED]
    bench.expect(len(kept) == good, f"{len(kept)} of {good} images that arrived were kept")
    tried_once = all(row.attempts <= 1 for row in rows.values())
    bench.expect(tried_once, "images of a host that is down were tried again and again")
    bench.simulator.faults.clear()
    bench.advance(timedelta(hours=1, minutes=1))
    await bench.proven()


async def _old_images_of_a_dead_host(bench: Bench, random: Random) -> None:
    """Images that fail for ever never stop a run, nor the archiving of new images."""
    random.shuffle(affected := list(bench.due))
    names = [output.file_name(Rendition.ORIGINAL) for output in affected[: IMAGES_IN_A_ROW - 1]]
    for name in names:
        bench.simulator.faults.on_image(name, Fault(status=503, times=None))
    for attempts in (1, 2):
        report = await bench.run()
        bench.expect(
            isinstance(report, RunReport) and report.failed == len(names), f"the run ended in {describe(report)}"
        )
        bench.advance(retry_delay(attempts) + timedelta(minutes=1))
    bench.simulator.faults.clear()
    await bench.proven()


async def _api_down_for_days(bench: Bench, random: Random) -> None:
    """Runs fail for days. The first successful one reads what they missed."""
    await bench.proven()
    bench.simulator.faults.on_api(Fault(status=503, times=None, retry_after=random.choice([None, "30", "86400"])))
    for _ in range(2):
        bench.advance(timedelta(days=1))
        outcome = await bench.run()
        bench.expect(isinstance(outcome, TransientError), f"the run ended in {describe(outcome)}")
    bench.simulator.faults.clear()
    await bench.proven()


async def _limited(bench: Bench, random: Random) -> None:
    """The service's rate limit, in the client's time: no request is too early, whatever the page size."""
    bench.simulator.scene.rate_limit = RateLimit(LIMIT, bench.time.monotonic)
    await bench.proven(per_page=page_size(bench, random))
    limited = bench.simulator.requests.limited
    bench.expect(not limited, f"{limited} requests came too soon")


async def _images_limited(bench: Bench, random: Random) -> None:
    """The image host asks for pauses. All slots pause, so no image runs out of attempts."""
    any_image = bench.simulator.faults.any_image
    for _ in range(random.randint(3, 6)):
        fault = Fault(status=429, times=random.randint(1, 8), after=random.randint(0, 4), retry_after="30")
        bench.simulator.faults.on_image(any_image, fault)
    await bench.proven()


async def _time_goes_on(bench: Bench, random: Random) -> None:
    """Outputs appear, vanish and are upscaled while the run reads and counts. A later run is proven."""
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
    """The source's clock decides what is settled, but is believed no further ahead of ours than `CLOCK_TOLERANCE`. Ours decides
    when attempts are due.
    """
    skew = timedelta(hours=random.choice([-30, -5, -1, 1, 5, 30]), seconds=random.randint(0, 3599))
    bench.ours.advance(skew)
    # Visible, but not settled yet by the source's clock. By ours it may seem settled.
    fresh = bench.simulator.world.add(bench.simulator.clock.now() - timedelta(seconds=12))[0]
    shrink(fresh)
    affected = random.choice(bench.due).file_name(Rendition.ORIGINAL)
    bench.simulator.faults.on_image(affected, Fault(status=403, times=None))
    report = await bench.run()
    on_time = False
    if isinstance(report, RunReport):
        believed = bench.ours.now() + CLOCK_TOLERANCE - report.axis.settling
        on_time = report.coverage.watermark == min(bench.end_of(report), believed)
    bench.expect(on_time, f"the watermark does not follow the source's clock: {describe(report)}")
    for row in (await bench.inspect()).values():
        stamp = row.attempted_at
        bench.expect(stamp == bench.ours.now(), f"an attempt is dated {stamp}")
    bench.simulator.faults.clear()
    bench.ours.advance(max(-skew, timedelta(0)))
    bench.advance(timedelta(hours=1, minutes=1))
    await bench.proven()


async def _claims_to_be_empty(bench: Bench, random: Random) -> None:
    """The source claims that the account is empty, before or after it was archived."""
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
