"""A filter is the same in an address, in the gallery, and as a condition for `restore --where`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.browsing.test_pages import all_pages, archive_of
from stablecog_provider.adapters.duckdb_filter import DuckDbFilter
from stablecog_provider.archive.browsing.filters import Filter
from stablecog_provider.errors import ConfigurationError
from stablecog_provider.model.manifest import State
from support.rows import a_row

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
WORDS = st.sampled_from(["castle", "Castle's", "%", "_", '"', "\\", "изба", "''"])
FILTERS = st.builds(
    Filter,
    words=st.lists(WORDS, max_size=2).map(tuple),
    models=st.sampled_from([(), ("m1",), ("m1", "it's")]),
    statuses=st.sampled_from([(), ("approved",)]),
    states=st.sampled_from([(), (State.ARCHIVED.value,)]),
    favourite=st.booleans(),
    upscaled=st.booleans(),
    deleted=st.booleans(),
    since=st.sampled_from([None, date(2026, 11, 19)]),
    until=st.sampled_from([None, date(2026, 11, 19)]),
)


@given(FILTERS)
def test_an_address_holds_the_whole_filter(wanted: Filter) -> None:
    assert Filter.parse(parse_qs(urlencode(wanted.parameters()))) == wanted


@settings(max_examples=40)
@given(FILTERS)
async def test_the_condition_selects_what_the_gallery_shows(wanted: Filter) -> None:
    texts = ["a castle", "the Castle's % _ gate", 'say "x" \\', "изба", "''", None]
    rows = []
    for number, text in enumerate(texts):
        row = a_row(
            output_id=f"o{number}",
            created_at=NOON - timedelta(days=number % 3),
            prompt=text,
            model_id=["m1", "it's"][number % 2],
            gallery_status="approved" if number % 2 else None,
            is_favorited=number < 4,
            deleted_at=NOON if number == 1 else None,
        )
        rows += [row, replace(row, rendition="upscaled")][: 1 + number % 2]
    pictures, versions = await archive_of(rows)
    shown = {picture.output_id for picture in await all_pages(pictures, versions, wanted, 50)}
    condition = DuckDbFilter(wanted.where() or "true")
    selected = set()
    from stablecog_provider.adapters.parquet_manifest import ParquetManifest
    from support.scene import LAYOUT

    manifest = ParquetManifest(pictures._store, LAYOUT)
    for day in await manifest.days():
        selected |= {row.output_id for row in await condition.rows(await manifest.load(day))}
    assert selected == shown


@pytest.mark.parametrize("query", [{"state": ["odd"]}, {"from": ["x"]}, {"to": ["2026-02-30"]}, {"to": ["9999-12-31"]}])
def test_what_makes_no_sense_is_named(query: dict[str, list[str]]) -> None:
    with pytest.raises(ConfigurationError) as error:
        Filter.parse(query)
    assert next(iter(query)) in str(error.value)


def test_one_condition_can_be_left_out() -> None:
    wanted = Filter(words=("red", "fox"), models=("a", "b"), favourite=True)
    assert wanted.without("model", "a") == [("q", "red fox"), ("model", "b"), ("favourite", "1")]
    assert wanted.without("q") == [("model", "a"), ("model", "b"), ("favourite", "1")]
