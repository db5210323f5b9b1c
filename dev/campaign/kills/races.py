"""Races: runs on the same archive at the same time, and a run next to a paused one that continues later.

The archive must end as if one run had done it alone, and no run may fail. A run that ends while another is at work may say
`proven, in part`: it claims nothing of a period that the other one has just noted. One ordinary run must then be `proven`.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from random import Random
from threading import Lock

from stablecog_provider.model.verdict import Outcome

from ...local.s3_server import S3Server
from ..rig.tally import Section, Tally
from .account import Moment
from .child import Step, When
from .inspection import Seen, Verdict, judge_claims, judge_end
from .section import every_step
from .stage import AT_ONCE, Stage, Started, Story, stage


class Meeting(StrEnum):
    """How runs meet.

    `TOGETHER`: three start at once. `ONE_DIES`: one of the three is killed. `STALE`: one is paused at a step, another runs
    from start to end, then the first one continues.
    """

    TOGETHER = "three together"
    ONE_DIES = "three together, one killed"
    STALE = "next to a paused one"


@dataclass(frozen=True, slots=True)
class Round:
    number: int
    meeting: Meeting
    story: Story
    step: Step | None

    def __str__(self) -> str:
        return f"round {self.number} ({self.meeting}, {self.story}{f', {self.step}' if self.step else ''})"


MEETINGS = (
    (Meeting.TOGETHER, Story.FRESH),
    (Meeting.STALE, Story.FRESH),
    (Meeting.TOGETHER, Story.GROWN),
    (Meeting.STALE, Story.GROWN),
    (Meeting.STALE, Story.MOVING),
    (Meeting.ONE_DIES, Story.GROWN),
    (Meeting.STALE, Story.FRESH),
    (Meeting.STALE, Story.GROWN),
    (Meeting.ONE_DIES, Story.FRESH),
    (Meeting.STALE, Story.MOVING),
)


def rounds(random: Random) -> Iterator[Round]:
    # `UNANSWERED` ends a run, which the kills section covers.
    steps = (step for step in every_step(random) if step.when is not When.UNANSWERED)
    for number in count(1):
        meeting, story = MEETINGS[number % len(MEETINGS)]
        yield Round(number, meeting, story, None if meeting is Meeting.TOGETHER else next(steps))


@dataclass(slots=True)
class Races:
    """The section on one stage."""

    stage: Stage
    truths: dict[Story, Seen]
    tally: Tally = field(default_factory=lambda: Tally("races", "rounds"))
    met: dict[Meeting, int] = field(default_factory=lambda: dict.fromkeys(Meeting, 0))
    _lock: Lock = field(default_factory=Lock)

    def run(self, random: Random, size: int) -> None:
        """Run rounds until runs have met in `size` of them."""
        drawn = rounds(random)
        while self.tally.tried < size:
            several = [next(drawn) for _ in range(size - self.tally.tried)]
            self.stage.archive_young(self._name(each) for each in several if each.story is not Story.FRESH)
            self.stage.account.go_to(Moment.GROWN)
            with ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(self.play, (each for each in several if each.story is not Story.MOVING)))
            # They move the clock that all share, so they run one after the other.
            for each in several:
                if each.story is Story.MOVING:
                    self.play(each)
        self.tally.notes.append(", ".join(f"{number} {meeting}" for meeting, number in self.met.items()))

    def play(self, each: Round) -> None:
        has_met = self._next_to_a_paused_one(each) if each.meeting is Meeting.STALE else self._together(each)
        verdict = self._judge(each, killed=each.meeting is Meeting.ONE_DIES)
        with self._lock:
            self.tally.tried += has_met
            self.met[each.meeting] += has_met
            verdict.add(self.tally, str(each))
        if each.meeting is not Meeting.STALE:
            self._ends_well(each, self._start(each))
            verdict = self._judge(each)
            with self._lock:
                verdict.add(self.tally, f"{each}, after one more run")

    def _judge(self, each: Round, *, killed: bool = False) -> Verdict:
        layout, moving = self.stage.layout(self._name(each)), each.story is Story.MOVING
        seen, truth = self.stage.look(layout), self.truths[each.story]
        return asyncio.run(judge_end(seen, truth, self.stage.store, moving=moving, killed=killed))

    def _together(self, each: Round) -> bool:
        runs = [self._start(each) for _ in range(2)]
        runs.append(self._start(each, each.step))
        for started in runs:
            self._ends_well(each, started, may_die=each.step is not None and started is runs[-1], alone=False)
        return each.step is None or runs[-1].exit_code() == -signal.SIGKILL

    def _next_to_a_paused_one(self, each: Round) -> bool:
        if each.story is Story.MOVING:
            self.stage.account.go_to(Moment.GROWN)
        stale = self._start(each, each.step, signal.SIGSTOP)
        paused = stale.pauses()
        if each.story is Story.MOVING:
            self.stage.account.go_to(Moment.LATER)
        self._ends_well(each, self._start(each))
        verdict = judge_claims(self.stage.look(self.stage.layout(self._name(each))), self.truths[each.story])
        stale.signal(signal.SIGCONT)
        self._ends_well(each, stale)
        with self._lock:
            verdict.add(self.tally, f"{each}, while it was paused")
        return paused

    def _start(self, each: Round, step: Step | None = None, number: int = signal.SIGKILL) -> Started:
        layout = self.stage.layout(self._name(each))
        return self.stage.start(layout, step, number=number, ahead=each.story is not Story.FRESH)

    def _ends_well(self, each: Round, started: Started, *, may_die: bool = False, alone: bool = True) -> None:
        code = started.exit_code()
        in_part = code == Outcome.IN_PART.exit_code and not alone and "still to be read again" in started.output()
        if code and not in_part and not (may_die and code == -signal.SIGKILL):
            with self._lock:
                self.tally.faults.append(f"{each}: a run ended with {code}: {started.output()}")

    def _name(self, each: Round) -> str:
        return f"races-{each.number}"


def race(random: Random, size: int, server: S3Server | None = None) -> list[Tally]:
    with stage(server) as started:
        races = Races(started, started.truths())
        races.run(random, size)
        return [races.tally]


async def run(random: Random, size: int) -> list[Tally]:
    return await asyncio.to_thread(race, random, size)


SECTION = Section("races", run, full=100, slice=3)
