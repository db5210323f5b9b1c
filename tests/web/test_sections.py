"""The days of the gallery: days with few pictures share a section, and each picture keeps its place and shape."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from stablecog_provider.archive.browsing.filters import Filter
from stablecog_provider.archive.browsing.pages import PicturePage, Section
from stablecog_provider.archive.browsing.picture import File, Picture
from stablecog_provider.model.manifest import State
from stablecog_provider.model.object_keys import Rendition
from stablecog_provider.web.gallery.sections import alt_of, sections_of, tile_of

LAST = date(2026, 12, 3)


def a_picture(state: State = State.ARCHIVED, **values: object) -> Picture:
    files = {
        Rendition.ORIGINAL: File(
            state, "s3://b/k" if state == State.ARCHIVED else "", error="https://h/a: 404 -> later"
        )
    }
    at = datetime(2026, 12, 3, 8, tzinfo=UTC)
    return Picture(output_id="o", created_at=at, files=files, **values)  # type: ignore[arg-type]


def titles(*days: tuple[int, int]) -> list[tuple[str, str]]:
    """The sections of days, each with its distance from the last one and its number of square pictures."""
    sections = [
        Section(LAST - timedelta(days=ago), [a_picture(width=9, height=9)] * count, count) for ago, count in days
    ]
    return [(each.title, each.count) for each in sections_of(PicturePage(sections), Filter(), "/a")]


@pytest.mark.parametrize(
    ("days", "shown"),
    [
        ([(0, 1)], [("Thursday, 3 December 2026", "1 picture")]),
        ([(0, 1), (1, 2)], [("2 to 3 December 2026", "3 pictures")]),
        ([(0, 1), (9, 2)], [("24 November to 3 December 2026", "3 pictures")]),
        ([(0, 9), (1, 2)], [("Thursday, 3 December 2026", "9 pictures"), ("Wednesday, 2 December 2026", "2 pictures")]),
        ([(0, 1), (40, 1)], [("Thursday, 3 December 2026", "1 picture"), ("Saturday, 24 October 2026", "1 picture")]),
        (
            [(ago, 3) for ago in range(5)],
            [("30 November to 3 December 2026", "12 pictures"), ("Sunday, 29 November 2026", "3 pictures")],
        ),
    ],
)
def test_days_with_few_pictures_share_a_section(days: list[tuple[int, int]], shown: list[tuple[str, str]]) -> None:
    assert titles(*days) == shown


def test_a_day_of_which_a_page_shows_a_part_has_a_section_of_its_own() -> None:
    parts = [Section(LAST, [a_picture()], 9), Section(LAST - timedelta(days=1), [a_picture()], 1)]
    damaged = Section(LAST - timedelta(days=2), problem="cannot be read")
    found = sections_of(PicturePage([*parts, damaged]), Filter(), "/a")
    assert [(section.total, len(section.tiles), section.problem) for section in found] == [
        (9, 1, ""),
        (1, 1, ""),
        (0, 0, "cannot be read"),
    ]


def test_an_absent_picture_says_why_without_addresses() -> None:
    tile = tile_of(a_picture(State.FAILED, width=3, height=2), "/a")
    assert (tile.absent, tile.absent_title, tile.width, tile.height) == ("failed", "Failed", 3, 2)
    assert "https" not in tile.why
    assert tile.why


def test_a_picture_of_which_one_image_is_forgotten_shows_nothing() -> None:
    files = {Rendition.ORIGINAL: File(State.ARCHIVED, "s3://b/k"), Rendition.UPSCALED: File(State.FORGOTTEN)}
    picture = Picture(output_id="o", created_at=datetime(2026, 12, 3, tzinfo=UTC), prompt="secret", files=files)
    tile = tile_of(picture, "/a")
    assert (tile.absent, tile.thumbnail, tile.why) == ("forgotten", "", "")
    assert "secret" not in str(tile)


@pytest.mark.parametrize("prompt", ["", " ", "\n\t", "\u200b", "\u202e"])
def test_a_prompt_that_nobody_can_read_is_no_name_of_a_picture(prompt: str) -> None:
    assert alt_of(a_picture(prompt=prompt, is_favorited=True)) == "Picture of 3 December 2026, favourite"


def test_the_name_of_a_picture_is_its_prompt_and_what_is_marked() -> None:
    deleted = datetime(2026, 12, 4, tzinfo=UTC)
    assert alt_of(a_picture(prompt="x" * 300, deleted_at=deleted)) == "x" * 200 + ", deleted at the source"
