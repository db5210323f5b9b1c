"""What a person does who follows every hint to the letter, and what must come of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from stablecog_provider.archive.reports.rebuild import RebuildReport
from stablecog_provider.errors import ArchiveError, TransientError

from .account import RIGHT, shows_all
from .invariants import DeadEnd
from .world import Ended, World

FLAG = re.compile(r"--([a-z-]+)(?: (\d+))?")
OF_RUNS = {"allow-account-mismatch", "allow-deletions", "retry-failed"}
OF_REBUILDS = {"set-aside-damaged", "check-images", "allow-account-mismatch", "allow-deletions"}
Check = Callable[[Ended], None]


def flags_in(sentence: str, known: set[str]) -> dict[str, Any]:
    """The settings that a sentence names by their flags."""
    found = {name: int(number) if number else True for name, number in FLAG.findall(sentence) if name in known}
    return {name.replace("-", "_"): value for name, value in found.items()}


def follow(world: World, ended: Ended, check: Check) -> Ended:
    """Do what the run's refusal or its claims ask for; returns the run after it. Raises DeadEnd if that one is refused for the
    same reason.
    """
    if ended.key != RIGHT or not shows_all(world.account.lies):
        return ended
    if ended.error is not None:
        return _out_of_refusal(world, ended.error, check)
    asked = [claim for claim in ended.report.claims if FLAG.search(claim)] if ended.report else []
    if not asked:
        return ended
    return _with_consent(world, flags_in(asked[0], OF_RUNS), check)


def _with_consent(world: World, flags: dict[str, Any], check: Check) -> Ended:
    again = _run(world, check, **flags)
    if again.error is None:
        again = _run(world, check)
    left = [claim for claim in again.report.claims if FLAG.search(claim)] if again.report else [str(again.error)]
    if left:
        raise DeadEnd(world, f"with {flags} as advised, and then without, the run still says: {left[0]}")
    return again


def _out_of_refusal(world: World, error: ArchiveError, check: Check) -> Ended:
    if not error.hint:
        raise DeadEnd(world, f"an error without a way out: {error}")
    if "stablecog-archive rebuild" in error.hint:
        _rebuild(world, error.hint)
        flags = {}
    else:
        flags = flags_in(error.hint, OF_RUNS)
    again = _run(world, check, **flags)
    for _ in range(2):
        if again.error is not None and not isinstance(again.error, TransientError):
            if type(again.error) is type(error):
                raise DeadEnd(world, f"as advised ({error.hint}), and the next run says: {again.error}")
            return _out_of_refusal(world, again.error, check)
        again = _run(world, check)
    return again


def _rebuild(world: World, hint: str) -> None:
    """With what its own refusals ask for."""
    flags = flags_in(hint, OF_REBUILDS)
    for _ in range(4):
        world.tell(f"  following the hint: rebuild {flags or ''}")
        outcome = world.play(world.rebuild(**flags))
        if isinstance(outcome, RebuildReport):
            return
        world.tell(f"    refused: {outcome}")
        flags |= flags_in(outcome.hint, OF_REBUILDS)
    raise DeadEnd(world, f"rebuild is refused whatever is followed: {outcome}")


def _run(world: World, check: Check, **flags: Any) -> Ended:
    world.tell(f"  following the hint: run {flags or ''}")
    ended: Ended = world.play(world.run(**flags))
    check(ended)
    return ended
