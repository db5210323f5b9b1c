"""The source of the world: the truth about the account, and what the API says of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from stablecog_provider.archive.listing.budget import FIXED_REQUESTS
from stablecog_provider.errors import SourceUnavailable
from stablecog_provider.model.object_keys import Rendition
from stablecog_provider.model.page import Page, PageQuery, parse_page
from stablecog_provider.simulator.dialect import CURRENT
from stablecog_provider.simulator.documents import page_document
from stablecog_provider.simulator.listing import Listing
from stablecog_provider.simulator.outputs import SimulatedOutput
from stablecog_provider.simulator.world import DEFAULT_KEY
from stablecog_provider.simulator.world import World as SimulatedWorld

from .hosts import Hosts

BEGAN = datetime(2026, 10, 20, 9, tzinfo=UTC)
RIGHT, EMPTY, OTHER, SHARING = DEFAULT_KEY, "empty", "other", "sharing"
"""Keys: of the archived account, of one without outputs, of one with others, and of one that has 60 % of them and others."""
HOSTS = ("a.test", "b.test")
TOO_MANY = 4 * FIXED_REQUESTS
"""Requests that no run of this world needs, and a loop would."""


@dataclass(slots=True)
class Lies:
    """What is wrong with the API. `lag`: outputs younger than this are counted and not listed. `outdated`: every so many
    requests one is answered by a node that is `behind`, or knows `nothing`; it dates its answers now unless it is `honest`.
    `ghosts`: requested instants of outputs that are counted and never listed. `garbled`: by output, the field that is
    unreadable. `failing`: outputs that the server cannot write; a page with one of them always fails. `skew`: how far `Date` is
    ahead; None if there is no `Date`.
    """

    lag: timedelta = timedelta(0)
    outdated: int = 0
    behind: timedelta = timedelta(0)
    nothing: bool = False
    honest: bool = False
    ghosts: list[datetime] = field(default_factory=list)
    garbled: dict[str, str] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    skew: timedelta | None = timedelta(0)


class Account:
    """`now`: the true time."""

    def __init__(self) -> None:
        self.now = BEGAN
        self.simulated = SimulatedWorld.empty(BEGAN, seed=1)
        self.simulated.open_account(EMPTY)
        self.simulated.open_account(OTHER)
        self.hosts, self.lies, self.dialect = Hosts(), Lies(), CURRENT
        self.host_of_new = 0
        self.moved: dict[str, str] = {}
        self.made: list[SimulatedOutput] = []
        """Every output that the archived account ever had."""
        self.foreign: list[SimulatedOutput] = []
        """Those of the other account."""
        self._hosts: dict[str, str] = {}

    def make(self, requested: datetime, *completed: datetime, key: str = RIGHT) -> list[SimulatedOutput]:
        made = self.simulated.add(requested, *completed, key=key)
        for output in made:
            # Every other generation is on the other host.
            self._hosts[output.id] = HOSTS[self.host_of_new]
            self.hosts.names |= {output.file_name(rendition) for rendition in Rendition}
        (self.made if key == RIGHT else self.foreign).extend(made)
        self.host_of_new = (self.host_of_new + 1) % len(HOSTS)
        return made

    @property
    def live(self) -> list[SimulatedOutput]:
        """What the account has now, oldest request first."""
        return self.simulated.visible(self.now)

    @property
    def deleted(self) -> list[SimulatedOutput]:
        return [output for output in self.made if output.deleted_at is not None and output.deleted_at <= self.now]

    def replace_image(self, output: SimulatedOutput) -> None:
        """From now on the source names another image."""
        output.image_name = f"{output.image_name.partition('_')[0]}_{len(self.hosts.names)}"
        self.hosts.names.add(output.file_name(Rendition.ORIGINAL))

    def url(self, output: SimulatedOutput, rendition: Rendition) -> str:
        host = self._hosts[output.id]
        return f"https://{self.moved.get(host, host)}/images/{output.file_name(rendition)}"

    def images(self, output: SimulatedOutput) -> Iterator[tuple[Rendition, str]]:
        """The images that the source names for an output now."""
        yield Rendition.ORIGINAL, self.url(output, Rendition.ORIGINAL)
        if output.is_upscaled(self.now) and self.dialect.fields is CURRENT.fields:
            yield Rendition.UPSCALED, self.url(output, Rendition.UPSCALED)

    def listing(self, key: str) -> Listing[SimulatedOutput]:
        listing = self.simulated.account(OTHER if key == SHARING else key).listing
        if key != SHARING:
            return listing
        shared = sorted(self.made, key=lambda output: output.id)[: len(self.foreign) * 3 // 2]
        return Listing([*self.foreign, *shared], deleted_at=lambda output: output.deleted_at)


class Api:
    """Port `Source`: one process's connection, with one key. `fails_after`: so many requests are answered. `during`: what
    happens at the source while a request is on its way, by the request's number.
    """

    def __init__(
        self,
        account: Account,
        our_now: Callable[[], datetime],
        *,
        key: str = RIGHT,
        address: str = "https://api.test",
        fails_after: int | None = None,
        during: dict[int, Callable[[], None]] | None = None,
    ) -> None:
        self.address, self.requests = address, 0
        self._account, self._our_now, self._key = account, our_now, key
        self._fails_after, self._during = fails_after, during or {}
        self._pauses = Random(len(account.made))

    async def page(self, query: PageQuery) -> Page:
        self.requests += 1
        if self.requests > TOO_MANY:
            raise AssertionError(f"more than {TOO_MANY} requests in one run")
        for _ in range(1 + self._pauses.choice((0, 3, 30))):
            await asyncio.sleep(0)
        if self._fails_after is not None and self.requests > self._fails_after:
            raise SourceUnavailable("500, again and again")
        if happens := self._during.get(self.requests):
            happens()
        return self._answer(query, self._account.now, self._account.lies)

    def _answer(self, query: PageQuery, now: datetime, lies: Lies) -> Page:
        old = lies.outdated > 0 and self.requests % lies.outdated == 0
        shown_at = counted_at = now - lies.behind if old else now
        shown_at -= lies.lag
        account, dialect = self._account, self._account.dialect
        listing = account.listing(self._key)
        if old and lies.nothing:
            listing = Listing[SimulatedOutput]([])
        listed = listing.page(query, shown_at, dialect)
        if lies.failing.intersection(output.id for output in listed.rows):
            raise SourceUnavailable("500, for this page")
        if listed.total is not None:
            start, end = (query.start, query.end) if dialect.counts_by_date else (None, None)
            ghosts = sum((start is None or start <= at) and (end is None or at <= end) for at in lies.ghosts)
            listed = replace(listed, total=listing.count(counted_at, start, end) + ghosts)
        document = json.loads(json.dumps(page_document(listed, shown_at, dialect, "https://a.test")))
        for shown, output in zip(document["outputs"], listed.rows, strict=True):
            self._finish(shown, output)
        return parse_page(document, self._date(shown_at if old and lies.honest else now))

    def _finish(self, shown: dict[str, Any], output: SimulatedOutput) -> None:
        for rendition, name in ((Rendition.ORIGINAL, "image_url"), (Rendition.UPSCALED, "upscaled_image_url")):
            if name in shown:
                shown[name] = self._account.url(output, rendition)
        match self._account.lies.garbled.get(output.id):
            case "date":
                del shown["generation"]["created_at"]
            case "image":
                del shown["image_url"]

    def _date(self, now: datetime) -> datetime:
        skew = self._account.lies.skew
        # The API adapter takes this machine's time if a response has no date.
        return self._our_now() if skew is None else (now + skew).replace(microsecond=0)


def shows_all(lies: Lies) -> bool:
    """Whether the API lists what the account has."""
    return not (lies.lag or lies.outdated or lies.garbled or lies.failing)


def only_pages_fail(account: Account) -> bool:
    """Whether the API serves everything but some pages, the newest output included, in the order in which it can be walked around
    them.
    """
    newest = max((output.o for output in account.live), default=None)
    served = not any(output.o == newest and output.id in account.lies.failing for output in account.live)
    return account.dialect is CURRENT and served and shows_all(replace(account.lies, failing=set()))
