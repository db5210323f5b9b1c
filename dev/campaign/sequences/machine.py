"""The machine that Hypothesis drives: it begins with an account, and ends with a world at peace."""

from __future__ import annotations

import sys
from collections import Counter
from datetime import timedelta
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize

from stablecog_provider.model.page import MAX_PER_PAGE
from stablecog_provider.simulator.dialect import CURRENT, CursorKey

from .account import BEGAN, OTHER
from .bucket_rules import BucketRules
from .hosts import Health
from .invariants import Lost, Violation, check_peace
from .run_rules import RunRules
from .scenario import Ended, Scenario
from .source_rules import DAY, SourceRules
from .ways_out import follow

SIZES = {"sparse": (1, 3), "small": (8, 4), "large": (90, 3)}
"""Generations per day, and days."""
PEACEFUL = timedelta(days=16)
"""Between two runs at peace: whatever rests is due again after some of them."""


class Sequences(SourceRules, BucketRules, RunRules, RuleBasedStateMachine):
    """One scenario. `steps`: rules executed by all machines of this class, by name."""

    steps: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.scenario = Scenario()

    def tell(self, line: str) -> None:
        if not line.startswith(" "):
            self.steps[sys._getframe(1).f_code.co_name] += 1
        self.scenario.tell(line)

    @initialize(size=st.sampled_from(["sparse", "small", "small", "small", "small", "large"]), dense=st.integers(0, 11))
    def an_account(self, size: str, dense: int) -> None:
        (a_day, days), account = SIZES[size], self.scenario.account
        instant = 160 if dense == 11 and size == "small" else 0
        beside = ", and 320 outputs of one instant" if instant else ""
        self.tell(f"a {size} account: {a_day} generations on each of {days} days{beside}")
        for day in range(days):
            for number in range(a_day):
                at = BEGAN - (days - day) * DAY + timedelta(minutes=3 * number)
                account.make(at, at + timedelta(seconds=11), at + timedelta(seconds=12))
                if number % 4 == 0:
                    account.make(at, at + timedelta(seconds=11), key=OTHER)
        for _ in range(instant):
            account.make(BEGAN - DAY, BEGAN - DAY + timedelta(seconds=9), BEGAN - DAY + timedelta(seconds=9))

    def teardown(self) -> None:
        try:
            # After a violation, or if Hypothesis gives the example up, there is nothing left to see.
            if sys.exc_info()[0] is None and self.scenario.account.made:
                self._peace()
        finally:
            self.scenario.close()

    def _peace(self) -> None:
        """All is well from now on: within a known number of ordinary runs, all that is served is archived, and proven."""
        scenario, account = self.scenario, self.scenario.account
        self.tell("the world comes to peace")
        self.the_source_shows_all()
        account.lies.ghosts.clear()
        crowd = Counter(output.o for output in account.live).most_common(1)
        if crowd and crowd[0][1] > MAX_PER_PAGE and account.dialect.cursor is not CursorKey.OPAQUE:
            # Only a page from below beside one from above lists so many outputs of one instant.
            account.dialect = CURRENT
        account.hosts.health = dict.fromkeys(account.hosts.health, Health.WELL)
        account.hosts.broken.clear()
        scenario.skew = timedelta(0)
        scenario.bucket.list_all()
        scenario.thaw()
        if scenario.bucket.tampered and scenario.checkpoint is not None:
            scenario.play(scenario.rebuild(check_images=True))
        scenario.disturb()
        left = "nothing was run"
        for _ in range(scenario.bound):
            scenario.pass_time(PEACEFUL)
            ended: Ended = scenario.play(scenario.run())
            self.check(ended)
            ended = follow(scenario, ended, self.check)
            if not (left := check_peace(scenario, ended)):
                break
        else:
            raise Lost(scenario, f"after {scenario.bound} runs at peace, {left}")


__all__ = ["Sequences", "Violation"]
