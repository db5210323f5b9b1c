"""Events at the source and at the image hosts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from stablecog_provider.simulator.dialect import CURRENT, DOCUMENTED, Ascending, CursorKey
from stablecog_provider.simulator.outputs import SimulatedOutput

from .account import HOSTS
from .hosts import Health
from .scenario import Scenario

DIALECTS = {
    "current": CURRENT,
    "documented": DOCUMENTED,
    "current without order=asc": replace(CURRENT, ascending=Ascending.IGNORED),
    "current with opaque cursors": replace(CURRENT, cursor=CursorKey.OPAQUE),
    "current by request": replace(CURRENT, cursor=CursorKey.REQUESTED),
}
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
PICKS = st.integers(0, 63)
SHARES = {"one": 0, "some": 0.2, "most": 0.7}


class SourceRules:
    """A part of the machine."""

    scenario: Scenario

    def tell(self, line: str) -> None:
        raise NotImplementedError

    def _picked(self, pick: int, outputs: list[SimulatedOutput]) -> list[SimulatedOutput]:
        return [outputs[pick % len(outputs)]] if outputs else []

    def _many(self, pick: int, share: float, outputs: list[SimulatedOutput]) -> list[SimulatedOutput]:
        """So many neighbours, from somewhere on."""
        count = max(1, round(share * len(outputs)))
        start = pick % max(1, len(outputs) - count + 1)
        return outputs[start : start + count]

    @rule(
        generations=st.integers(1, 6),
        each=st.integers(1, 4),
        step=st.sampled_from([0, 0, 1, 20]),
        took=st.sampled_from([5, 5, 60, 240]),
        ago=st.sampled_from([0, 3, 30]),
    )
    def outputs_are_made(self, generations: int, each: int, step: int, took: int, ago: int) -> None:
        """`step`: seconds between two requests, 0 for ties; `ago`: minutes since the last of them."""
        account = self.scenario.account
        self.tell(
            f"{generations} generations of {each}, {step} s apart, of {took} s each, the last requested {ago} min ago"
        )
        # Those that take long complete only when some time has passed.
        last = account.now - ago * MINUTE
        made: list[SimulatedOutput] = []
        for number in range(generations):
            requested = last - timedelta(seconds=step * (generations - 1 - number))
            completed = max(requested + timedelta(seconds=took), account.now + timedelta(seconds=1))
            if completed > requested + timedelta(seconds=300):
                requested = completed - timedelta(seconds=took)
            made += account.make(requested, *[completed] * each)

    @rule(pick=PICKS)
    def an_upscale_appears(self, pick: int) -> None:
        for output in self._picked(pick, self.scenario.account.live):
            self.tell(f"an upscale of {output.id} appears")
            output.upscaled_at = self.scenario.account.now

    @rule(pick=PICKS)
    def an_image_is_replaced(self, pick: int) -> None:
        for output in self._picked(pick, self.scenario.account.live):
            self.scenario.account.replace_image(output)
            self.tell(f"the image of {output.id} is replaced by {output.image_name}")

    @rule(pick=PICKS)
    def metadata_changes(self, pick: int) -> None:
        account = self.scenario.account
        for output in self._picked(pick, account.live):
            self.tell(f"{output.id} is marked as a favourite")
            output.favourites = [*output.favourites, (account.now, not output.is_favourite(account.now))]

    @rule(pick=PICKS, share=st.sampled_from(["one", "one", "some", "most"]), image_too=st.booleans())
    def outputs_are_deleted(self, pick: int, share: str, image_too: bool) -> None:
        account = self.scenario.account
        outputs = self._many(pick, SHARES[share], account.live)
        self.tell(f"{share} of the outputs are deleted ({len(outputs)})")
        for output in outputs:
            output.deleted_at = account.now
            if image_too:
                account.hosts.vanished.add(f"{output.image_name}.{output.extension}")

    @rule(pick=PICKS, share=st.sampled_from(["one", "one", "some", "most"]))
    def outputs_are_released(self, pick: int, share: str) -> None:
        """Undeleted, or released by moderation: they are listed again, where everything has settled long ago."""
        outputs = self._many(pick, SHARES[share], self.scenario.account.deleted)
        self.tell(f"{share} of the deleted outputs are listed again ({len(outputs)})")
        for output in outputs:
            output.deleted_at = None
        self.scenario.mislead(output.id for output in outputs)

    @rule(hours=st.integers(1, 72), count=st.integers(1, 3))
    def outputs_are_held_back(self, hours: int, count: int) -> None:
        """They were made some hours ago, and are not listed until somebody releases them."""
        account = self.scenario.account
        self.tell(f"{count} outputs of {hours} h ago are held back")
        at = account.now - hours * HOUR
        for output in account.make(at, *[at + timedelta(seconds=9)] * count):
            output.deleted_at = at + timedelta(seconds=9)

    @rule(hours=st.integers(0, 72), count=st.sampled_from([1, 2, 40]))
    def outputs_are_counted_and_never_listed(self, hours: int, count: int) -> None:
        self.tell(f"{count} outputs of {hours} h ago are counted and not listed")
        at = self.scenario.account.now - hours * HOUR
        self.scenario.account.lies.ghosts += [at + timedelta(seconds=7 * number) for number in range(count)]
        self.scenario.disturb()

    @precondition(lambda self: self.scenario.account.lies.ghosts)
    @rule()
    def the_counts_are_right_again(self) -> None:
        self.tell("the counts are right again")
        self.scenario.account.lies.ghosts.clear()

    @rule(pick=PICKS, what=st.sampled_from(["date", "image"]))
    def an_output_is_garbled(self, pick: int, what: str) -> None:
        for output in self._picked(pick, self.scenario.account.live):
            self.tell(f"the {what} of {output.id} is unreadable")
            self.scenario.account.lies.garbled[output.id] = what
            self.scenario.mislead([output.id])

    @precondition(lambda self: len(self.scenario.account.live) > 1)
    @rule(pick=PICKS)
    def a_page_always_fails(self, pick: int) -> None:
        """One with this output; never the newest one, since a source that cannot even show that is down."""
        account = self.scenario.account
        for output in self._picked(pick, account.live[:-1]):
            self.tell(f"every page with {output.id} fails")
            account.lies.failing.add(output.id)
            self.scenario.mislead([output.id])

    @rule(
        lag=st.sampled_from([0, 0, 5, 90]),
        outdated=st.sampled_from([0, 1, 2, 3, 5]),
        behind=st.integers(1, 48),
        nothing=st.booleans(),
        honest=st.booleans(),
    )
    def the_source_shows_less(self, lag: int, outdated: int, behind: int, nothing: bool, honest: bool) -> None:
        """`lag`: minutes by which the listing is behind the count. Every so many answers are from an outdated node."""
        lies = self.scenario.account.lies
        lies.lag, lies.outdated, lies.behind = lag * MINUTE, outdated, behind * HOUR
        lies.nothing, lies.honest = nothing, honest
        node = "knows nothing" if nothing else f"is {behind} h behind"
        self.tell(f"the listing lags {lag} min; every {outdated}th answer is by a node that {node}, honestly: {honest}")

    @rule()
    def the_source_shows_all(self) -> None:
        self.tell("the source shows all again")
        self.scenario.account.lies = replace(
            self.scenario.account.lies, lag=timedelta(0), outdated=0, garbled={}, failing=set(), skew=timedelta(0)
        )

    @rule(skew=st.sampled_from([None, -26 * HOUR, -10 * MINUTE, 20 * MINUTE, 3 * DAY]))
    def the_sources_date_is_wrong(self, skew: timedelta | None) -> None:
        # If both clocks are wrong in the same way, nobody can know.
        self.scenario.skew = timedelta(0)
        self.tell(f"the source's Date is ahead by {skew}; our clock is right")
        self.scenario.account.lies.skew = skew

    @rule(dialect=st.sampled_from(sorted(DIALECTS)))
    def the_dialect_changes(self, dialect: str) -> None:
        self.tell(f"the source speaks {dialect}")
        self.scenario.account.dialect = DIALECTS[dialect]
        self.scenario.disturb()

    @rule(number=st.integers(2, 3))
    def the_address_changes(self, number: int) -> None:
        self.tell("the API's address changes")
        self.scenario.address = f"https://api{number}.test"

    @rule(host=st.sampled_from(HOSTS), health=st.sampled_from(list(Health)))
    def a_host_changes(self, host: str, health: Health) -> None:
        self.tell(f"{host} {health}")
        hosts: Any = self.scenario.account.hosts
        hosts.health[host] = health

    @rule(pick=PICKS, forever=st.booleans())
    def an_image_cannot_be_had(self, pick: int, forever: bool) -> None:
        account = self.scenario.account
        for output in self._picked(pick, account.live):
            self.tell(f"the image of {output.id} {'vanishes' if forever else 'is broken for a while'}")
            (account.hosts.vanished if forever else account.hosts.broken).add(f"{output.image_name}.{output.extension}")

    @rule()
    def images_move(self) -> None:
        self.tell("the images of a.test move to c.test")
        self.scenario.account.moved = {} if self.scenario.account.moved else {"a.test": "c.test"}
