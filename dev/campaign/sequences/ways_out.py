"""What a person does who follows every hint to the letter, and what must come of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from stablecog_provider.archive.reports.rebuild import RebuildReport
from stablecog_provider.errors import ArchiveError, ObjectInArchiveClass, TransientError

from .account import RIGHT, shows_all
from .invariants import DeadEnd
from .scenario import Ended, Scenario

RESTORE = "Restore the object in S3"
FLAG = re.compile(r"--([a-z-]+)(?: (\d+))?")
OF_RUNS = {"allow-account-mismatch", "allow-deletions", "retry-failed"}
OF_REBUILDS = {"set-aside-damaged", "check-images", "allow-account-mismatch", "allow-deletions"}
Check = Callable[[Ended], None]


def flags_in(sentence: str, known: set[str]) -> dict[str, Any]:
    """The settings that a sentence names by their flags."""
    found = {name: int(number) if number else True for name, number in FLAG.findall(sentence) if name in known}
    return {name.replace("-", "_"): value for name, value in found.items()}


def follow(scenario: Scenario, ended: Ended, check: Check) -> Ended:
    """Do what the run's refusal or its claims ask for; returns the run after it. Raises DeadEnd if that one is refused for the
    same reason.
    """
    if ended.key != RIGHT or not shows_all(scenario.account.lies):
        return ended
    if ended.error is not None:
        return _out_of_refusal(scenario, ended.error, check)
    if ended.report and (damaged := [note for note in ended.report.notes if "--set-aside-damaged" in note]):
        _rebuild(scenario, damaged[0])
        return follow(scenario, _run(scenario, check), check)
    asked = [claim for claim in ended.report.claims if FLAG.search(claim)] if ended.report else []
    if not asked:
        return ended
    return _with_consent(scenario, flags_in(asked[0], OF_RUNS), check)


def _with_consent(scenario: Scenario, flags: dict[str, Any], check: Check) -> Ended:
    again = _run(scenario, check, **flags)
    if again.error is None:
        again = _run(scenario, check)
    left = [claim for claim in again.report.claims if FLAG.search(claim)] if again.report else [str(again.error)]
    if left:
        raise DeadEnd(scenario, f"with {flags} as advised, and then without, the run still says: {left[0]}")
    return again


def _out_of_refusal(scenario: Scenario, error: ArchiveError, check: Check, hints: int = 3) -> Ended:
    """Follow the hint, and another one if that leads to it; `hints`: how many more."""
    if not error.hint:
        raise DeadEnd(scenario, f"an error without a way out: {error}")
    _retrieve(scenario, error)
    if "stablecog-archive rebuild" in error.hint:
        _rebuild(scenario, error.hint)
        flags = {}
    else:
        flags = flags_in(error.hint, OF_RUNS)
    again = _run(scenario, check, **flags)
    if again.report and (asked := [claim for claim in again.report.claims if FLAG.search(claim)]):
        # The hint said so: what the run asks for comes next.
        return _with_consent(scenario, flags_in(asked[0], OF_RUNS), check)
    for _ in range(2):
        if again.error is not None and not isinstance(again.error, TransientError):
            if (type(again.error), again.error.hint) == (type(error), error.hint) or not hints:
                raise DeadEnd(scenario, f"as advised ({error.hint}), and the next run says: {again.error}")
            return _out_of_refusal(scenario, again.error, check, hints - 1)
        again = _run(scenario, check)
    return again


def _rebuild(scenario: Scenario, hint: str) -> None:
    """With what its own refusals ask for."""
    flags = flags_in(hint, OF_REBUILDS)
    for _ in range(4):
        scenario.tell(f"  following the hint: rebuild {flags or ''}")
        outcome = scenario.play(scenario.rebuild(**flags))
        if isinstance(outcome, RebuildReport):
            return
        scenario.tell(f"    refused: {outcome}")
        _retrieve(scenario, outcome)
        flags |= flags_in(outcome.hint, OF_REBUILDS)
    raise DeadEnd(scenario, f"rebuild is refused whatever is followed: {outcome}")


def _retrieve(scenario: Scenario, error: ArchiveError | None) -> None:
    """Restore what is in an archive class, if the error asks for it."""
    if isinstance(error, ObjectInArchiveClass) or (error is not None and RESTORE in (error.hint or "")):
        scenario.tell("  following the hint: the objects are restored")
        scenario.thaw()


def _run(scenario: Scenario, check: Check, **flags: Any) -> Ended:
    scenario.tell(f"  following the hint: run {flags or ''}")
    ended: Ended = scenario.play(scenario.run(**flags))
    check(ended)
    return ended
