"""The identity of an output and its instants on the axes."""

from __future__ import annotations

from model.test_output import readable, unreadable
from stablecog_provider.model.coverage import Axis
from stablecog_provider.model.output import identity, instant_on
from support.documents import current, documented


def test_an_output_has_an_instant_on_each_axis_if_the_source_gives_it() -> None:
    both, one = readable(current()), readable(documented())
    assert instant_on(Axis.REQUESTED, both) == both.created_at
    assert instant_on(Axis.COMPLETED, both) == both.output_created_at
    assert (instant_on(Axis.REQUESTED, one), instant_on(Axis.COMPLETED, one)) == (one.created_at, None)


def test_an_output_without_a_readable_id_has_the_same_identity_at_every_reading() -> None:
    assert identity(readable(current())) == current()["id"]
    first, again, other = (identity(unreadable(current(id=7, seed=seed))) for seed in (1, 1, 2))
    assert first == again != other
