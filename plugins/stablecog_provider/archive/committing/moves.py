"""Where the archive is and has been, and which days' images may not have been moved along.

Several addresses may lead to one store, so that being at another place than the last run need not be a move. What was looked for
at a place is therefore kept, as long as little was stored elsewhere since.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date

from ...model.checkpoint import MAX_PLACES, Checkpoint
from ...model.object_keys import Layout
from ..ports import ObjectStore

MOST_ELSEWHERE = 64
"""Days written elsewhere since the archive was at a place. If there are more, it is forgotten: then all images are looked for."""


def place_of(store: ObjectStore, layout: Layout) -> str:
    """Where the archive is, the store's address included."""
    return f"{store.address} {layout}"


def is_here(checkpoint: Checkpoint, place: str) -> bool:
    """Whether the archive was at this place when it was last written."""
    return not checkpoint.places or checkpoint.places[-1] == place


def arrived(checkpoint: Checkpoint, place: str) -> Checkpoint:
    """The checkpoint at this place. If the archive was elsewhere, nobody knows whether its images were copied with it: all of
    them at a new place, and at one where it was before those that were stored or looked for since.
    """
    if is_here(checkpoint, place):
        return checkpoint
    # What was lost there may lie here.
    images = {
        day: each.version for day, each in checkpoint.partitions.items() if each.images.archived or each.images.lost
    }
    if place in checkpoint.places:
        since = checkpoint.elsewhere.get(place, ())
        unchecked = {**checkpoint.unchecked, **{day: images[day] for day in since if day in images}}
    else:
        unchecked = images
    # What is looked for from now on is not looked for at the place that was left.
    left = {checkpoint.places[-1]: tuple(sorted(checkpoint.unchecked))}
    places = (*(each for each in checkpoint.places if each != place), place)
    return _at(replace(checkpoint, elsewhere={**checkpoint.elsewhere, **left}, unchecked=unchecked), places)


def rewritten(checkpoint: Checkpoint, days: Collection[date]) -> Checkpoint:
    """The checkpoint once the partitions of these days were written here: their images may be nowhere else."""
    if not days or len(checkpoint.places) < 2:
        return checkpoint
    before = {place: checkpoint.elsewhere.get(place, ()) for place in checkpoint.places[:-1]}
    elsewhere = {place: tuple(sorted({*known, *days})) for place, known in before.items()}
    forgotten = {place for place, since in elsewhere.items() if len(since) > MOST_ELSEWHERE}
    places = tuple(place for place in checkpoint.places if place not in forgotten)
    return _at(replace(checkpoint, elsewhere=elsewhere), places)


def _at(checkpoint: Checkpoint, places: tuple[str, ...]) -> Checkpoint:
    """The checkpoint with these places, and what it knows of them."""
    kept = places[-MAX_PLACES:]
    elsewhere = {place: days for place, days in checkpoint.elsewhere.items() if days and place in kept[:-1]}
    return replace(checkpoint, places=kept, elsewhere=elsewhere)
