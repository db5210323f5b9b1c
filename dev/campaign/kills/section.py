"""Kills: SIGKILL of a run's whole process group, at every step of a commit and at any instant, often several in a row.

Then a run completes the archive, which must equal an undisturbed one.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from random import Random
from threading import Lock

from ...local.s3_server import S3Server
from ..rig.tally import Section, Tally
from .account import Moment
from .airflow_task import kill_tasks
from .child import Step, When
from .inspection import Seen, judge_claims, judge_end
from .refreshes import kill_refreshes
from .stage import AT_ONCE, Stage, Story, stage

UNDER_WAY = 0.004
"""Seconds that a small write takes at most, from request to response."""
KILLS_A_REFRESH = 10
"""Kills of a run per kill of a refresh."""
KILLS_A_TASK = 100
"""Kills of the command line per kill of the DAG, which takes ten times as long for the same run."""
LONGEST_RUN = 1.5
"""Seconds. Most runs have ended by then."""
_ALL = tuple(When)
_SURE = (When.BEFORE, When.DURING, When.AFTER)
STEPS: tuple[tuple[str, str, tuple[int, ...], tuple[When, ...]], ...] = (
    ("get", "checkpoint", (1,), (When.BEFORE, When.AFTER)),
    ("list", "manifest", (1,), (When.BEFORE,)),
    ("get", "page", (1, 2, 4, 9), (When.BEFORE, When.AFTER)),
    ("put", "probe", (1, 2), _SURE),
    ("delete", "probe", (1,), _SURE),
    ("get", "partition", (1, 3), (When.BEFORE, When.AFTER)),
    ("put", "image", (1, 2, 5, 11, 20, 30), _ALL),
    ("put", "partition", (1, 2, 3, 4), _ALL),
    ("put", "checkpoint", (1, 2, 3, 4), _ALL),
    ("put", "report", (1, 2), _SURE),
)
"""Every step of a run, in order: use, kind of object, which of them, and at which moments."""


@dataclass(frozen=True, slots=True)
class Case:
    """Kills in a row, each at a step or a number of seconds after the start."""

    number: int
    story: Story
    deaths: list[Step | float]

    def __str__(self) -> str:
        deaths = ", ".join(f"after {death:.3f} s" if isinstance(death, float) else str(death) for death in self.deaths)
        return f"case {self.number} ({self.story}; {deaths})"


def every_step(random: Random) -> Iterator[Step]:
    """Yield all steps in random order, again and again."""
    while True:
        deck = [
            Step(use, kind, nth, when, random.uniform(0, UNDER_WAY))
            for use, kind, several, whens in STEPS
            for nth in several
            for when in whens
        ]
        random.shuffle(deck)
        yield from deck


def cases(random: Random) -> Iterator[Case]:
    steps = every_step(random)
    for number in count(1):
        story = random.choice((Story.FRESH, Story.GROWN))
        deaths: list[Step | float] = [
            next(steps) if random.random() < 0.75 else random.uniform(0.05, LONGEST_RUN)
            for _ in range(random.choice((1, 2, 2, 3)))
        ]
        yield Case(number, story, deaths)


@dataclass(slots=True)
class Kills:
    """The section on one stage."""

    stage: Stage
    truths: dict[Story, Seen]
    tally: Tally = field(default_factory=lambda: Tally("kills", "SIGKILLs"))
    cases: int = 0
    litter: int = 0
    _lock: Lock = field(default_factory=Lock)

    def run(self, random: Random, size: int) -> None:
        """Run cases until there have been `size` kills."""
        drawn = cases(random)
        while self.tally.tried < size:
            # A case has about two kills, and some runs end before they reach their step.
            several = [next(drawn) for _ in range((size - self.tally.tried + 1) // 2)]
            self.stage.archive_young(self._name(case) for case in several if case.story is Story.GROWN)
            self.stage.account.go_to(Moment.GROWN)
            with ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(self.play, several))
        self.tally.notes.append(
            f"{self.cases} archives killed and then completed; kills left {self.litter} probe objects behind"
        )

    def play(self, case: Case) -> None:
        layout, truth = self.stage.layout(self._name(case)), self.truths[case.story]
        for death in case.deaths:
            step = death if isinstance(death, Step) else None
            started = self.stage.start(layout, step, ahead=case.story is Story.GROWN)
            if isinstance(death, float) and not started.ended_within(death):
                started.signal(signal.SIGKILL)
            code = started.exit_code()
            with self._lock:
                self.tally.tried += code == -signal.SIGKILL
                if code not in (0, -signal.SIGKILL):
                    self.tally.faults.append(f"{case}: a run ended with {code}: {started.output()}")
                judge_claims(self.stage.look(layout), truth).add(self.tally, str(case))
        last = self.stage.start(layout, ahead=case.story is Story.GROWN)
        code = last.exit_code()
        seen = self.stage.look(layout)
        verdict = asyncio.run(judge_end(seen, truth, self.stage.store))
        with self._lock:
            self.cases += 1
            self.litter += len(seen.litter)
            if code:
                self.tally.faults.append(f"{case}: the last run ended with {code}: {last.output()}")
            verdict.add(self.tally, str(case))

    def _name(self, case: Case) -> str:
        return f"kills-{case.number}"


def kill(random: Random, size: int, server: S3Server | None = None) -> list[Tally]:
    with stage(server) as started:
        kills = Kills(started, started.truths((Story.FRESH, Story.GROWN)))
        kills.run(random, size)
        tasks = size // KILLS_A_TASK
        refreshes = kill_refreshes(started, random, size // KILLS_A_REFRESH)
        return [kills.tally, refreshes, *([kill_tasks(started, kills.truths[Story.FRESH], tasks)] if tasks else ())]


async def run(random: Random, size: int) -> list[Tally]:
    return await asyncio.to_thread(kill, random, size)


SECTION = Section("kills", run, full=520, slice=4)
