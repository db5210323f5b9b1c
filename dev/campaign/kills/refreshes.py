"""Kills of `refresh`: an archive whose account has changed is refreshed, killed at any instant, and refreshed to the end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Lock

from ..rig.tally import Tally
from .account import Moment
from .child import Command, Step, When
from .inspection import Seen, judge_claims, judge_end
from .stage import AT_ONCE, Stage

LONGEST_REFRESH = 1.5
"""Seconds. Most refreshes have ended by then."""
STEPS = tuple(
    Step(use, kind, nth, when)
    for use, kind, several in (
        ("get", "page", (1, 2, 3, 4)),
        ("put", "partition", (1, 2, 3)),
        ("put", "checkpoint", (1, 2, 3)),
        ("put", "report", (1, 2)),
    )
    for nth in several
    for when in (When.BEFORE, When.AFTER)
)


def kill_refreshes(stage: Stage, random: Random, size: int) -> Tally:
    """Refresh until there have been `size` kills; each archive must then equal one that was refreshed without disturbance."""
    tally, lock = Tally("kills of refresh", "SIGKILLs"), Lock()
    truth = _truth(stage)
    number = 0

    def play(case: tuple[str, list[Step | float]]) -> None:
        name, deaths = case
        layout = stage.layout(name)
        for death in deaths:
            started = stage.start(layout, death if isinstance(death, Step) else None, command=Command.REFRESH)
            if isinstance(death, float) and not started.ended_within(death):
                started.signal(signal.SIGKILL)
            code, seen = started.exit_code(), stage.look(layout)
            with lock:
                tally.tried += code == -signal.SIGKILL
                if code not in (0, 3, -signal.SIGKILL):
                    tally.faults.append(f"{name}: a refresh ended with {code}: {started.output()}")
                judge_claims(seen, truth).add(tally, name)
        last = stage.start(layout, command=Command.REFRESH)
        code, seen = last.exit_code(), stage.look(layout)
        verdict = asyncio.run(judge_end(seen, truth, stage.store))
        with lock:
            if code not in (0, 3):
                tally.faults.append(f"{name}: the last refresh ended with {code}: {last.output()}")
            verdict.add(tally, name)

    while tally.tried < size:
        cases: list[tuple[str, list[Step | float]]] = []
        for _ in range((size - tally.tried + 1) // 2):
            number += 1
            cases.append((f"refresh-{number}", [_death(random) for _ in range(random.choice((1, 2, 3)))]))
        _archive(stage, [name for name, _ in cases])
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(play, cases))
    tally.notes.append(f"{number} archives refreshed, killed, and then refreshed to the end")
    return tally


def _death(random: Random) -> Step | float:
    return random.choice(STEPS) if random.random() < 0.6 else random.uniform(0.05, LONGEST_REFRESH)


def _archive(stage: Stage, names: Iterable[str]) -> None:
    """Archive the account once per case, and let outputs be deleted and upscaled."""
    stage.account.go_to(Moment.YOUNG)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda name: stage.undisturbed(stage.layout(name)), names))
    stage.account.go_to(Moment.GROWN)


def _truth(stage: Stage) -> Seen:
    _archive(stage, ["truth-refresh"])
    refreshed = stage.start(stage.layout("truth-refresh"), command=Command.REFRESH)
    code = refreshed.exit_code()
    seen = stage.look(stage.layout("truth-refresh"))
    if code not in (0, 3):
        raise RuntimeError(f"an undisturbed refresh ended with {code}: {refreshed.output()}")
    return seen
