"""Faults of images: some so short that the retries of one run are enough, some lasting for days."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from email.utils import format_datetime
from random import Random

from stablecog_provider.archive.reports.run import RunReport
from stablecog_provider.archive.resilience.retry import IMAGE_RETRIES
from stablecog_provider.model.manifest import State
from stablecog_provider.model.object_keys import Rendition
from stablecog_provider.model.row_attempts import retry_delay
from stablecog_provider.simulator.faults import Fault, Manner
from stablecog_provider.simulator.outputs import SimulatedOutput

from ..rig.bench import HASTY, Bench, describe

AFTER_A_DATE = "a date"
A_MOMENT = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ImageCase:
    """`lasting`: the fault lasts for days, otherwise the retries of one run are enough. `ends`: state after a lasting fault."""

    name: str
    fault: Fault
    ends: State = State.FAILED
    lasting: bool = True

    async def trial(self, bench: Bench, random: Random) -> None:
        if self.fault.manner is Manner.STALLED:
            bench.timeouts = HASTY
        affected = random.sample(bench.due, random.randint(1, 3))
        if not self.lasting:
            await self._for_a_while(bench, random, affected)
        elif self.ends is State.FAILED:
            await self._for_days(bench, affected)
        else:
            await self._for_good(bench, affected)

    async def _for_a_while(self, bench: Bench, random: Random, affected: list[SimulatedOutput]) -> None:
        self._spoil(bench, affected, random.randint(1, IMAGE_RETRIES.attempts - 1))
        await bench.proven()

    async def _for_days(self, bench: Bench, affected: list[SimulatedOutput]) -> None:
        """Each failed attempt is recorded, the delay before the next one grows, and nothing else is delayed."""
        self._spoil(bench, affected, None)
        for attempts in (1, 2, 3):
            report = await bench.run()
            bench.expect(isinstance(report, RunReport) and report.proven, f"run {attempts} ended in {describe(report)}")
            if isinstance(report, RunReport):
                bench.expect(
                    report.coverage.watermark == bench.end_of(report), f"the watermark is {report.coverage.watermark}"
                )
                bench.expect(report.failed == len(affected), f"{report.failed} of {len(affected)} images failed")
            await self._check_rows(bench, affected, attempts)
            await self._check_no_early_request(bench, affected, attempts)
            bench.advance(A_MOMENT)
        bench.simulator.faults.clear()
        await bench.proven()

    async def _check_rows(self, bench: Bench, affected: list[SimulatedOutput], attempts: int) -> None:
        rows = await bench.inspect(complete=True, but=[output.id for output in affected])
        for output in affected:
            row = rows.get((output.id, str(Rendition.ORIGINAL)))
            seen = (row.state, row.attempts, row.attempted_at) if row else None
            wanted = (State.FAILED, attempts, bench.ours.now())
            bench.expect(seen == wanted, f"{output.id} is {seen} instead of {wanted}")

    async def _check_no_early_request(self, bench: Bench, affected: list[SimulatedOutput], attempts: int) -> None:
        """A moment before the next attempt is due, there must be no request."""
        bench.advance(retry_delay(attempts) - A_MOMENT)
        before = bench.simulator.requests.faults
        await bench.run()
        early = bench.simulator.requests.faults - before
        bench.expect(not early, f"after {attempts} attempts, {early} requests came before the next was due")

    async def _for_good(self, bench: Bench, affected: list[SimulatedOutput]) -> None:
        self._spoil(bench, affected, None)
        report = await bench.run()
        bench.expect(isinstance(report, RunReport) and report.proven, f"the run ended in {describe(report)}")
        rows = await bench.inspect(complete=True, but=[output.id for output in affected])
        for output in affected:
            row = rows.get((output.id, str(Rendition.ORIGINAL)))
            bench.expect(row is not None and row.state == self.ends, f"{output.id} is {row and row.state}")

    def _spoil(self, bench: Bench, affected: list[SimulatedOutput], times: int | None) -> None:
        fault = replace(self.fault, times=times)
        if fault.retry_after == AFTER_A_DATE:
            until = bench.simulator.clock.now() + timedelta(seconds=20)
            fault = replace(fault, retry_after=format_datetime(until.astimezone(UTC), usegmt=True))
        for output in affected:
            bench.simulator.faults.on_image(output.file_name(Rendition.ORIGINAL), fault)


def _cases() -> list[ImageCase]:
    statuses = {status: Fault(status=status) for status in (500, 502, 503, 504, 408, 425, 429)}
    passing = {
        **{str(status): fault for status, fault in statuses.items()},
        "503, Retry-After in seconds": Fault(status=503, retry_after="7"),
        "429, Retry-After in seconds": Fault(status=429, retry_after="7"),
        "429, Retry-After a date": Fault(status=429, retry_after=AFTER_A_DATE),
        "429, Retry-After garbled": Fault(status=429, retry_after="in a while"),
        "a connection that hangs": Fault(Manner.STALLED),
        "a connection closed without an answer": Fault(Manner.DROPPED),
        "a reset in mid-image": Fault(Manner.RESET),
        "an image cut short of its length": Fault(Manner.TRUNCATED),
        "an image cut without a length": Fault(Manner.CUT),
    }
    staying = {
        "400": Fault(status=400),
        "401": Fault(status=401),
        "403": Fault(status=403),
        "451": Fault(status=451),
        "429, Retry-After of a day": Fault(status=429, retry_after="86400"),
        "half an image declared as all": Fault(Manner.SHORT),
        "half an image without a length": Fault(Manner.ENDED),
        "an image longer than declared": Fault(Manner.LONG),
        "HTML in place of an image": Fault(Manner.GARBLED),
        "nothing in place of an image": Fault(Manner.EMPTIED),
        "a redirect to itself": Fault(Manner.LOOPED),
    }
    return [
        *(ImageCase(f"{name}, for a while", fault, lasting=False) for name, fault in passing.items()),
        *(ImageCase(f"{name}, for days", fault) for name, fault in {**passing, **staying}.items()),
        ImageCase("another content type", Fault(Manner.MISTYPED), ends=State.ARCHIVED),
        ImageCase("404", Fault(status=404), ends=State.GONE),
        ImageCase("410", Fault(status=410), ends=State.GONE),
    ]


IMAGE_CASES = _cases()
