"""What was not listed is gone, or counted, exactly as the source has it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from stablecog_provider.archive.listing.budget import RequestBudget
from stablecog_provider.archive.listing.counts import SourceCounts
from stablecog_provider.archive.proving.absence import MAX_STRETCHES, Absence
from stablecog_provider.model.coverage import Window
from support.stage import NOON

PLENTY = 10_000


@dataclass
class Counted:
    """Counts what is live, and is the budget besides: each count is a request."""

    live: dict[str, datetime]
    allowed: int = PLENTY
    asked: list[Window] = field(default_factory=list)

    async def of(self, window: Window) -> int:
        self.asked.append(window)
        return sum(at in window for at in self.live.values())

    @property
    def left(self) -> int:
        return max(0, self.allowed - len(self.asked))


@dataclass(frozen=True)
class Account:
    """`outputs`: when each was requested. `missing`: ids that are not listed. `deleted`: ids that are not counted."""

    outputs: dict[str, datetime]
    missing: set[str]
    deleted: set[str]

    @property
    def gone(self) -> set[str]:
        return self.missing & self.deleted

    @property
    def live(self) -> set[str]:
        return self.missing - self.deleted

    async def examined(self, allowed: int = PLENTY) -> tuple[Absence, Counted]:
        counted = Counted({each: at for each, at in self.outputs.items() if each not in self.deleted}, allowed)
        absence = Absence(
            missing={each: self.outputs[each] for each in self.missing},
            listed=[at for each, at in self.outputs.items() if each not in self.missing],
        )
        await absence.examine(cast("SourceCounts", counted), cast("RequestBudget", counted))
        return absence, counted


def named(times: list[int]) -> dict[str, datetime]:
    return {f"output-{number}": NOON + timedelta(seconds=second) for number, second in enumerate(times)}


@st.composite
def truthful(draw: st.DrawFn) -> Account:
    """All that is listed is live."""
    outputs = named(draw(st.lists(st.integers(0, 60), min_size=1, max_size=40)))
    missing = draw(st.sets(st.sampled_from(sorted(outputs))))
    return Account(outputs, missing, draw(st.sets(st.sampled_from(sorted(missing)))) if missing else set())


@st.composite
def behind(draw: st.DrawFn) -> Account:
    """What is listed may be deleted, too. At most as many are missing as are counted each on its own."""
    outputs = named(draw(st.lists(st.integers(0, 60), min_size=1, max_size=40, unique=True)))
    ids = st.sampled_from(sorted(outputs))
    return Account(outputs, draw(st.sets(ids, max_size=MAX_STRETCHES)), draw(st.sets(ids)))


@given(truthful())
async def test_all_that_a_truthful_listing_lacks_is_known(account: Account) -> None:
    """But for several outputs of one instant, of which some are live."""
    absence, _ = await account.examined()
    assert absence.gone <= account.gone
    assert absence.counted <= account.live
    for unknown in account.missing - absence.gone - absence.counted:
        beside = {each for each in account.missing if account.outputs[each] == account.outputs[unknown]}
        assert beside & account.live
        assert beside & account.gone


@given(behind())
async def test_a_listing_that_is_behind_deceives_nobody(account: Account) -> None:
    absence, _ = await account.examined()
    assert (absence.gone, absence.counted) == (account.gone, account.live)


@given(truthful(), st.integers(0, 20))
async def test_no_more_is_asked_than_is_allowed(account: Account, allowed: int) -> None:
    absence, counted = await account.examined(allowed)
    assert len(counted.asked) <= (max(allowed, 1) if account.missing else 0)
    assert absence.gone <= account.gone


async def test_what_nobody_counts_is_not_known() -> None:
    class Silent(Counted):
        async def of(self, _: Window) -> int | None:  # type: ignore[override]
            return None

    absence = Absence(missing=named([1, 2]), listed=[])
    silent = Silent({})
    await absence.examine(cast("SourceCounts", silent), cast("RequestBudget", silent))
    assert (absence.gone, absence.counted) == (set(), set())
