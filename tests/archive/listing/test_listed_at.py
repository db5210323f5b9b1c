"""One output that makes each page with it fail hides only what is listed behind it."""

from __future__ import annotations

import pytest

from stablecog_provider.archive.listing.listed_at import largest_page
from stablecog_provider.errors import SourceUnavailable
from stablecog_provider.model.output import identity
from stablecog_provider.model.page import Page, PageQuery
from support.stage import NOON, Ask, days_of, stage_of


@pytest.mark.parametrize(("failing", "shown"), [(0, None), (1, 1), (3, 1), (4, 4), (19, 4), (37, 37), (50, 37)])
async def test_a_smaller_page_shows_what_is_before_it(failing: int, shown: int | None) -> None:
    stage = stage_of(*days_of(30, 2))
    newest_first = sorted(stage.simulated.visible(NOON), key=lambda output: output.created_at, reverse=True)
    bad = newest_first[failing].id

    async def fails(query: PageQuery, ask: Ask) -> Page:
        page = await ask(query)
        if bad in map(identity, page.outputs):
            raise SourceUnavailable("500, for this page")
        return page

    stage.play = fails
    source = stage.ports().source
    if shown is None:
        with pytest.raises(SourceUnavailable):
            await largest_page(source)
    else:
        assert len((await largest_page(source)).outputs) == shown


async def test_a_page_that_does_not_fail_is_asked_for_once() -> None:
    stage = stage_of(*days_of(30, 2))
    source = stage.ports().source
    assert len((await largest_page(source)).outputs) == 60
    assert source.requests == 1
