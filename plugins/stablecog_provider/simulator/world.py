"""A seeded world: everything that ever happens at the service, including the future. Same arguments, same world."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from heapq import nsmallest
from random import Random

from ..model.object_keys import Rendition
from .history import Pace, Timing, sessions
from .listing import Listing
from .models import RETIRES
from .outputs import DELETIONS, SimulatedOutput, live, make_generation, make_output

DEFAULT_KEY = "sc-" + "51ab1ec0" * 8
"""The key of the account that `World.generate` fills. It is no secret: only simulators accept it."""
OTHER_KEY = "sc-" + "07e4ac70" * 8
"""The key of a second account, with a tenth of the outputs. The accounts share none."""
BANNED_KEY = "sc-" + "bad0bad0" * 8
"""The key of a banned account, which is refused."""
RETIRES_AFTER = timedelta(hours=12)
"""So long after the world's present, a model retires."""
START = datetime(2026, 10, 20, tzinfo=UTC)


class Account:
    """The account of one API key."""

    def __init__(self, key: str, outputs: Iterable[SimulatedOutput] = (), *, active: bool = True) -> None:
        self.key, self.active = key, active
        self.listing = Listing(outputs, deleted_at=lambda output: output.deleted_at)


class World:
    """Accounts, their outputs, and `present`: the instant at which a simulation starts."""

    def __init__(self, present: datetime, *, seed: int = 0) -> None:
        self.present = present
        self.accounts: dict[str, Account] = {}
        self.hidden: set[str] = set()
        """Ids of outputs that are counted, but on no page."""
        self.retired = {RETIRES: present + RETIRES_AFTER}
        """When each model disappears from the list of models."""
        self._random = Random(seed)
        self._outputs: dict[str, SimulatedOutput] = {}
        self._images: dict[str, tuple[SimulatedOutput, Rendition]] = {}

    @classmethod
    def empty(cls, present: datetime = START, *, seed: int = 0) -> World:
        """Return a world of one account without outputs, for tests that `add` what they need."""
        world = cls(present, seed=seed)
        world.open_account(DEFAULT_KEY)
        return world

    @classmethod
    def generate(
        cls,
        *,
        seed: int = 0,
        outputs: int = 2000,
        days: float = 30,
        start: datetime = START,
        every: float | None = None,
        pace: Pace | None = None,
        future: int | None = None,
        quiet: bool = False,
        deletions: float = DELETIONS,
    ) -> World:
        """Return a world with `outputs` outputs completed between `start` (UTC) and `present`.

        `days`: number of days with one session each; 0: a single session. `future`: about this many more outputs after
        `present`; default: a tenth of `outputs`. `every`: mean seconds between two generations; default: 20. `pace`: all
        other parameters. `deletions`: share of the outputs that are deleted within 30 days. `quiet`: outputs are not
        upscaled, deleted, liked or shown, except by the methods below.
        """
        pace = pace or Pace()
        pace = pace if every is None else replace(pace, every=every)
        future = outputs // 10 if future is None else future
        world = cls(start, seed=seed)
        timeline, world.present = _timeline(sessions(Random(seed), start, days, outputs, pace), outputs, future)
        world.retired = {RETIRES: world.present + RETIRES_AFTER}
        world._fill(DEFAULT_KEY, timeline, None if quiet else deletions)
        few = outputs // 10
        timeline, _ = _timeline(sessions(Random(seed + 1), start, days, few, pace), few, future // 10)
        world._fill(OTHER_KEY, timeline, None if quiet else deletions)
        world.open_account(BANNED_KEY, active=False)
        return world

    def open_account(self, key: str, *, active: bool = True) -> Account:
        account = self.accounts[key] = Account(key, active=active)
        return account

    def account(self, key: str = DEFAULT_KEY) -> Account:
        return self.accounts[key]

    def _fill(self, key: str, timeline: Iterable[Timing], deletions: float | None) -> None:
        made = [output for timing in timeline for output in self._make(timing)]
        if deletions is not None:
            made = [live(self._random, output, deletions) for output in made]
        self.accounts[key] = Account(key, made)
        self._know(made)

    def _make(self, timing: Timing) -> list[SimulatedOutput]:
        generation = make_generation(self._random, timing)
        return [make_output(self._random, generation, completed) for completed in timing.completed]

    def _know(self, outputs: Iterable[SimulatedOutput]) -> None:
        for output in outputs:
            self._outputs[output.id] = output
            for rendition in Rendition:
                self._images[output.file_name(rendition)] = (output, rendition)

    def add(
        self, requested: datetime, *completed: datetime, key: str = DEFAULT_KEY, extension: str | None = None
    ) -> list[SimulatedOutput]:
        """Add a generation with one output per instant in `completed` (default: one output 5 s after the request)."""
        made = self._make(Timing(requested, completed or (requested + timedelta(seconds=5),)))
        for output in made:
            output.extension = extension or output.extension
            self.accounts[key].listing.add(output)
        self._know(made)
        return made

    def delete(self, output_id: str, at: datetime, *, image_too: bool = False) -> None:
        """Remove the output from listing and count at that instant. Its images vanish only if `image_too`."""
        output = self._outputs[output_id]
        output.deleted_at, output.image_vanishes = at, image_too

    def upscale(self, output_id: str, at: datetime) -> None:
        self._outputs[output_id].upscaled_at = at

    def favourite(self, output_id: str, at: datetime, value: bool = True) -> None:
        output = self._outputs[output_id]
        output.favourites = sorted([*output.favourites, (at, value)])

    def show(self, output_id: str, at: datetime, status: str = "submitted") -> None:
        """Change the gallery status."""
        output = self._outputs[output_id]
        output.gallery = sorted([*output.gallery, (at, status)])

    def output(self, output_id: str) -> SimulatedOutput:
        return self._outputs[output_id]

    def visible(self, now: datetime | None = None, key: str = DEFAULT_KEY) -> list[SimulatedOutput]:
        """Return what a complete reading at `now` (default: `present`) contains, oldest request first."""
        return list(self.accounts[key].listing.visible(now or self.present))

    def image(self, file_name: str) -> tuple[SimulatedOutput, Rendition] | None:
        """Return the output and the rendition of an image, even if the image does not exist yet."""
        return self._images.get(file_name)


def _timeline(source: Iterator[Timing], outputs: int, future: int) -> tuple[list[Timing], datetime]:
    """Return generations with at least `outputs + future` outputs, and the instant when `outputs` of them have completed."""
    timeline: list[Timing] = []
    completed: list[datetime] = []
    while len(completed) < max(outputs + future, 1):
        timeline.append(next(source))
        completed.extend(timeline[-1].completed)
    # A later request may complete earlier, so read past the last completion before the present is determined.
    horizon = max(completed)
    while timeline[-1].requested <= horizon:
        timeline.append(next(source))
        completed.extend(timeline[-1].completed)
    return timeline, nsmallest(outputs, completed)[-1] if outputs else timeline[0].requested
