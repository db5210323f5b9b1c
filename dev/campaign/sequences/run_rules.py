"""Runs, and what their administrator does: at peace, with kills and faults, several at once, late, with a wrong key."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from stablecog_provider.errors import AnotherAccount, ArchiveError, SourceUnavailable
from stablecog_provider.model.object_keys import Layout

from .account import EMPTY, OTHER, RIGHT, SHARING, only_pages_fail
from .bucket import Trouble
from .invariants import DeadEnd, FalseClaim, check_bucket, check_knowledge, check_run, check_status
from .scenario import Ended, Scenario
from .source_rules import DAY, HOUR, PICKS
from .ways_out import follow

OPERATIONS = st.integers(1, 60)
SEEDS = st.integers(0, 9)


class RunRules:
    """A part of the machine."""

    scenario: Scenario

    def tell(self, line: str) -> None:
        raise NotImplementedError

    def check(self, *runs: Ended) -> None:
        """After any process."""
        scenario = self.scenario
        for ended in runs:
            self.tell(f"  ended: {ended}")
            if not ended.honest or ended.report is None:
                self._misled_by_the_source()
        scenario.calm_runs += sum(ended.is_ordinary for ended in runs)
        check_bucket(scenario)
        check_knowledge(scenario)
        for ended in runs:
            check_run(scenario, ended)
        if scenario.checkpoint is not None:
            check_status(scenario)

    def _misled_by_the_source(self) -> None:
        """What it did not show may be missing until it is read again."""
        self.scenario.mislead(output.id for output in self.scenario.account.live)

    def _run(self, trouble: Trouble | None = None, **settings: Any) -> Ended:
        ended: Ended = self.scenario.play(self.scenario.run(trouble, **settings))
        self.check(ended)
        return ended

    @rule(per_page=st.sampled_from([300, 300, 7]), lookback=st.sampled_from([24, 24, 0, 24 * 30]))
    def a_run(self, per_page: int, lookback: int) -> None:
        self.tell(f"a run with pages of {per_page} and a lookback of {lookback} h")
        self._undisturbed(per_page=per_page, lookback=lookback * HOUR)

    def _undisturbed(self, **settings: Any) -> None:
        """Nothing but the source itself is in its way; and one page that fails must not be."""
        scenario = self.scenario
        ended = self._run(**settings)
        if isinstance(ended.error, SourceUnavailable) and only_pages_fail(scenario.account):
            raise DeadEnd(scenario, f"one page fails, and nothing can be archived: {ended.error}")
        follow(scenario, ended, self.check)

    @rule()
    def the_daily_run(self) -> None:
        self.tell("a day passes, and the daily run comes")
        self.scenario.pass_time(DAY)
        self._undisturbed()

    @rule(start=st.integers(0, 120), hours=st.sampled_from([1, 24, 1000]))
    def a_run_of_a_part(self, start: int, hours: int) -> None:
        now = self.scenario.our_now()
        self.tell(f"a run with --start {start} h ago, for {hours} h")
        end = now - start * HOUR + hours * HOUR
        self._run(start=now - start * HOUR, end=end)

    @rule()
    def failed_images_are_retried(self) -> None:
        self.tell("a run with --retry-failed")
        self._run(retry_failed=True)

    @precondition(lambda self: self.scenario.checkpoint is not None)
    @rule(check_images=st.booleans(), kill_at=st.sampled_from([0, 0, 3, 9, 15]))
    def a_rebuild(self, check_images: bool, kill_at: int) -> None:
        self.tell(
            f"a rebuild{' --check-images' if check_images else ''}" + (f", killed at {kill_at}" if kill_at else "")
        )
        trouble = Trouble(kill_at=kill_at)
        outcome = self.scenario.play(self.scenario.rebuild(trouble, check_images=check_images))
        self.tell(f"  ended: {outcome}" if isinstance(outcome, ArchiveError) else "  ended" if outcome else "  killed")
        self.check()

    @precondition(lambda self: self.scenario.knows_enough)
    @rule(key=st.sampled_from([EMPTY, OTHER, SHARING]))
    def a_run_with_another_key(self, key: str) -> None:
        scenario = self.scenario
        self.tell(f"a run with the key of an account that is {key}")
        before = dict(scenario.bucket.objects)
        ended = self._run(key=key)
        if ended.error is None:
            raise FalseClaim(scenario, f"the key of another account ({key}) was accepted")
        after = dict(scenario.bucket.objects)
        written = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
        if not isinstance(ended.error, AnotherAccount):
            # The source failed before the account was known: the run leaves a report that says so.
            written = {key for key in written if not key.startswith(scenario.layout.runs)}
        if written:
            raise FalseClaim(scenario, f"a refused run has written {min(written)}")

    @rule(at=OPERATIONS, after=st.booleans())
    def a_run_is_killed(self, at: int, after: bool) -> None:
        self.tell(f"a run is killed {'after' if after else 'before'} its store operation {at}")
        self._run(Trouble(kill_at=at, after=after))

    @rule(at=st.sets(OPERATIONS, min_size=1, max_size=4), after=st.booleans())
    def the_store_fails(self, at: set[int], after: bool) -> None:
        self.tell(f"a run whose store operations {sorted(at)} fail, the write {'done' if after else 'not done'}")
        self._run(Trouble(fail_at=frozenset(at), after=after))

    @rule(at=st.sets(st.integers(1, 12), min_size=1, max_size=3))
    def conditional_writes_are_repeated_in_silence(self, at: set[int]) -> None:
        self.tell(f"a run whose conditional writes {sorted(at)} are done, and then answered with 412")
        self._run(Trouble(silent_retry=frozenset(at)))

    @rule(after=st.integers(0, 12))
    def the_source_fails(self, after: int) -> None:
        self.tell(f"a run whose source fails after {after} requests")
        self._run(fails_after=after)

    @rule(at=st.integers(1, 8), pick=PICKS, what=st.sampled_from(["deleted", "made", "replaced"]))
    def the_account_changes_in_mid_walk(self, at: int, pick: int, what: str) -> None:
        account = self.scenario.account
        self.tell(f"a run during whose request {at} an output is {what}")

        def happens() -> None:
            live = account.live
            if what == "made" or not live:
                account.make(account.now - timedelta(seconds=100), account.now)
            elif what == "deleted":
                live[pick % len(live)].deleted_at = account.now
            else:
                account.replace_image(live[pick % len(live)])

        self._run(during={at: happens})

    @rule(number=st.integers(2, 3), seed=SEEDS, kill_at=st.sampled_from([0, 0, 10, 25]), with_rebuild=st.booleans())
    def runs_at_once(self, number: int, seed: int, kill_at: int, with_rebuild: bool) -> None:
        self.tell(
            f"{number} runs at once (order {seed}), the first killed at {kill_at}, with a rebuild beside: {with_rebuild}"
        )
        random = Random(seed)

        async def together() -> list[Ended]:
            runs = [self.scenario.run(Trouble(pauses=random, kill_at=0 if turn else kill_at)) for turn in range(number)]
            beside = (
                [self.scenario.rebuild(Trouble(pauses=random))] if with_rebuild and self.scenario.checkpoint else []
            )
            return [ended for ended in await asyncio.gather(*runs, *beside) if isinstance(ended, Ended)]

        runs = self.scenario.play(together())
        for ended in runs:
            ended.alone = False
        self.check(*runs)

    @rule(stops_at=OPERATIONS, hours=st.sampled_from([0, 5, 200]), makes=st.booleans(), deletes=st.booleans())
    def a_stale_run_finishes_late(self, stops_at: int, hours: int, makes: bool, deletes: bool) -> None:
        """It stops in the middle, another one comes to its end, and then it goes on."""
        scenario, account = self.scenario, self.scenario.account
        self.tell(f"a run stops at its store operation {stops_at}; {hours} h later, another one runs; then it goes on")
        trouble = Trouble(stops_at=stops_at)

        async def story() -> list[Ended]:
            stale = asyncio.ensure_future(scenario.run(trouble))
            stopped = asyncio.ensure_future(trouble.stopped.wait())
            await asyncio.wait([stale, stopped], return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if makes:
                account.make(account.now - timedelta(seconds=50), *[account.now] * 2)
            if deletes and account.live:
                account.live[0].deleted_at = account.now
            account.now += hours * HOUR
            other = await scenario.run()
            trouble.resume.set()
            return [other, await stale]

        runs = scenario.play(story())
        for ended in runs:
            ended.alone = ended.honest = False
        self.check(*runs)

    @precondition(lambda self: self.scenario.account.live)
    @rule(seed=SEEDS)
    def two_first_runs_with_two_keys(self, seed: int) -> None:
        """In a bucket of their own."""
        scenario, random = self.scenario, Random(seed)
        self.tell(f"two first runs into an empty bucket, with two keys (order {seed})")
        scratch = Scenario()
        scratch.account, scratch.layout = scenario.account, Layout("scratch")

        async def together() -> list[Ended]:
            return list(
                await asyncio.gather(
                    *(scratch.run(Trouble(pauses=random), key=key) for key in random.sample([RIGHT, OTHER], 2))
                )
            )

        runs = scratch.play(together())
        rows = {row.output_id for key in scratch.partitions for row in scratch.rows_of(key)}
        scratch.close()
        ours = {output.id for output in scenario.account.made}
        if rows & ours and rows - ours:
            raise FalseClaim(scenario, f"two accounts in one archive: {[str(ended) for ended in runs]}")
