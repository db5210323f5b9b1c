"""Pages of the gallery: joined, they are every matching picture once, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stablecog_provider.adapters.browsed.parquet_pictures import ParquetPictures
from stablecog_provider.adapters.memory import MemoryObjectStore
from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.archive.browsing.filters import Filter
from stablecog_provider.archive.browsing.pages import neighbours_of, newer_page_of, page_of, start_of
from stablecog_provider.archive.browsing.picture import Picture, Position
from stablecog_provider.errors import StoreUnavailable
from stablecog_provider.model.manifest import Row, State
from support.rows import a_row
from support.scene import LAYOUT

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


async def archive_of(rows: list[Row]) -> tuple[ParquetPictures, dict[date, str]]:
    """The rows as partitions in memory."""
    store = MemoryObjectStore()
    manifest = ParquetManifest(store, LAYOUT)
    by_day: dict[date, list[Row]] = {}
    for row in rows:
        by_day.setdefault(row.created_at.date(), []).append(row)
    for day, some in by_day.items():
        await manifest.merge(day, some)
    return ParquetPictures(store, LAYOUT), await manifest.versions()


async def all_pages(
    pictures: ParquetPictures, versions: Mapping[date, str], wanted: Filter, limit: int, before: Position | None = None
) -> list[Picture]:
    found: list[Picture] = []
    for _ in range(500):
        page = await page_of(pictures, versions, wanted, before, limit)
        shown = [picture for section in page.sections for picture in section.pictures]
        assert len(shown) <= limit
        found += shown
        if page.next is None:
            return found
        before = page.next
    raise AssertionError("the pages have no end")


@st.composite
def rows_of_outputs(draw: st.DrawFn) -> list[Row]:
    rows = []
    for number in range(draw(st.integers(0, 40))):
        # Few instants, so that many outputs share one.
        at = NOON - DAY * draw(st.integers(0, 5)) - timedelta(minutes=draw(st.integers(0, 2)))
        row = a_row(
            output_id=f"o{number:03}",
            created_at=at,
            prompt=draw(st.sampled_from(["a red CASTLE", "castle by the sea", "ИЗБА", None])),
            is_favorited=draw(st.booleans()),
            model_id=draw(st.sampled_from(["m1", "m2"])),
        )
        rows.append(row)
        if draw(st.booleans()):
            rows.append(replace(row, rendition="upscaled"))
    return rows


def matching(rows: list[Row], wanted: Filter) -> list[str]:
    """The ids that match, in the gallery's order, by the plainest reading of the filter."""
    ids: dict[str, datetime] = {}
    for row in rows:
        if (
            all(word.lower() in (row.prompt or "").lower() for word in wanted.words)
            and (not wanted.models or row.model_id in wanted.models)
            and (not wanted.favourite or row.is_favorited)
            and (not wanted.upscaled or row.rendition == "upscaled")
            and wanted.admits(row.created_at.date())
        ):
            ids[row.output_id] = row.created_at
    return sorted(ids, key=lambda output_id: (ids[output_id], output_id), reverse=True)


@given(
    rows_of_outputs(),
    st.sampled_from([(), ("castle",), ("Castle", "sea"), ("изба",)]),
    st.sampled_from([(), ("m1",)]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, (NOON - DAY * 2).date()]),
    st.integers(1, 7),
)
async def test_joined_pages_are_every_match_once(
    rows: list[Row],
    words: tuple[str, ...],
    models: tuple[str, ...],
    favourite: bool,
    upscaled: bool,
    until: date | None,
    limit: int,
) -> None:
    wanted = Filter(words=words, models=models, favourite=favourite, upscaled=upscaled, until=until)
    pictures, versions = await archive_of(rows)
    found = await all_pages(pictures, versions, wanted, limit)
    assert [picture.output_id for picture in found] == matching(rows, wanted)


async def test_a_search_out_of_patience_says_how_far_it_came() -> None:
    rows = [
        a_row(output_id=f"o{day}", created_at=NOON - DAY * day, prompt="x" if day == 49 else "y") for day in range(50)
    ]
    pictures, versions = await archive_of(rows)
    seconds = iter(range(100))
    page = await page_of(pictures, versions, Filter(words=("x",)), patience=1.5, monotonic=lambda: float(next(seconds)))
    assert not page.sections
    # Two rounds of 16 days.
    assert page.searched_to == (NOON - DAY * 31).date()
    assert page.next is not None
    found = await all_pages(pictures, versions, Filter(words=("x",)), 5, page.next)
    assert [picture.output_id for picture in found] == ["o49"]


@settings(max_examples=15)
@given(rows_of_outputs(), st.sampled_from([(), ("castle",)]), st.integers(1, 7))
async def test_pages_of_newer_pictures_lead_back_to_the_newest(
    rows: list[Row], words: tuple[str, ...], limit: int
) -> None:
    wanted = Filter(words=words)
    pictures, versions = await archive_of(rows)
    found: list[Picture] = []
    after: Position | None = Position(NOON - DAY * 9)
    while after is not None:
        page = await newer_page_of(pictures, versions, wanted, after, limit)
        shown = [picture for section in page.sections for picture in section.pictures]
        assert len(shown) <= limit
        found, after = shown + found, page.next
    assert [picture.output_id for picture in found] == matching(rows, wanted)


@settings(max_examples=15)
@given(rows_of_outputs(), st.sampled_from([(), ("castle",)]))
async def test_stepping_goes_through_every_match(rows: list[Row], words: tuple[str, ...]) -> None:
    wanted = Filter(words=words)
    pictures, versions = await archive_of(rows)
    found = await all_pages(pictures, versions, wanted, 100)
    for number, picture in enumerate(found):
        beside = await neighbours_of(pictures, versions, wanted, picture)
        assert beside.newer == (found[number - 1] if number else None)
        assert beside.older == (found[number + 1] if number + 1 < len(found) else None)
        day = [each for each in found if each.created_at.date() == picture.created_at.date()]
        assert (beside.number, beside.total) == (day.index(picture) + 1, len(day))


async def test_a_section_counts_all_that_match_on_its_day() -> None:
    rows = [a_row(output_id=f"o{number}", created_at=NOON - timedelta(minutes=number)) for number in range(9)]
    pictures, versions = await archive_of(rows)
    (section,) = (await page_of(pictures, versions, Filter(), limit=4)).sections
    assert (section.total, len(section.pictures)) == (9, 4)


async def test_a_day_outside_the_range_is_not_read() -> None:
    rows = [a_row(output_id=f"o{day}", created_at=NOON - DAY * day) for day in range(5)]
    pictures, versions = await archive_of(rows)
    before = pictures._store.requests
    page = await page_of(pictures, versions, Filter(since=(NOON - DAY).date()))
    assert len(page.sections) == 2
    assert pictures._store.requests - before == 2


async def test_a_bucket_out_of_reach_is_no_empty_page() -> None:
    pictures, versions = await archive_of([a_row(created_at=NOON)])
    assert isinstance(pictures._store, MemoryObjectStore)

    def refuse(call: object) -> None:
        raise StoreUnavailable("no answer", retry_after=99.0)

    pictures._store.before = refuse
    with pytest.raises(StoreUnavailable):
        await page_of(pictures, versions, Filter())


async def test_an_empty_archive_has_an_empty_page() -> None:
    pictures, versions = await archive_of([])
    page = await page_of(pictures, versions, Filter())
    assert (list(page.sections), page.next, page.searched_to) == ([], None, None)


async def test_a_position_begins_at_its_day() -> None:
    rows = [a_row(output_id=f"o{day}", created_at=NOON - DAY * day) for day in range(5)]
    pictures, versions = await archive_of(rows)
    page = await page_of(pictures, versions, Filter(), start_of((NOON - DAY * 2).date()))
    assert [section.day for section in page.sections] == [(NOON - DAY * day).date() for day in (2, 3, 4)]


async def test_a_damaged_day_is_named_and_the_others_are_shown() -> None:
    rows = [a_row(output_id=f"o{day}", created_at=NOON - DAY * day) for day in range(3)]
    pictures, versions = await archive_of(rows)
    store = pictures._store
    assert isinstance(store, MemoryObjectStore)
    key = LAYOUT.partition((NOON - DAY).date())
    store.objects[key] = replace(store.objects[key], body=b"no parquet")
    page = await page_of(pictures, versions, Filter())
    assert [bool(section.problem) for section in page.sections] == [False, True, False]


async def test_days_are_kept_by_version_and_within_the_limit() -> None:
    rows = [a_row(output_id=f"o{day}", created_at=NOON - DAY * day) for day in range(4)]
    kept, versions = await archive_of(rows)
    store = kept._store
    small = ParquetPictures(store, LAYOUT, kept_bytes=1)
    for pictures, again in ((kept, 0), (small, 3)):
        await page_of(pictures, versions, Filter())
        before = store.requests
        await page_of(pictures, versions, Filter())
        # The one that was used last is always kept.
        assert store.requests - before in (again, again + 1)


async def test_a_forgotten_picture_has_nothing_but_its_state() -> None:
    row = a_row(output_id="o1", created_at=NOON, state=State.FORGOTTEN, uri=None, sha256=None, prompt=None)
    pictures, versions = await archive_of([row])
    (section,) = (await page_of(pictures, versions, Filter())).sections
    (picture,) = section.pictures
    assert (picture.state, picture.shown, picture.prompt) == (State.FORGOTTEN, None, "")
