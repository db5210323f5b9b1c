"""Pictures of a partition: read once per version, within a limit of bytes, and only as far as a search needs."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest

from stablecog_provider.adapters.browsed.parquet_pictures import ParquetPictures
from stablecog_provider.adapters.memory import MemoryObjectStore
from stablecog_provider.archive.browsing.filters import EVERYTHING, Filter
from stablecog_provider.archive.browsing.picture import File, Position
from stablecog_provider.errors import PartitionDamaged
from stablecog_provider.model.manifest import State
from stablecog_provider.model.object_keys import Rendition
from stablecog_provider.model.row_lifecycle import forgotten
from support.pictures import LAYOUT, shown_row, versions_of
from support.rows import DAY

TODAY = DAY.date()


async def stored(*rows: object, kept_bytes: int = 10**9) -> tuple[MemoryObjectStore, ParquetPictures, dict[date, str]]:
    store = MemoryObjectStore()
    versions = await versions_of(store, rows)  # type: ignore[arg-type]
    store.requests = 0
    return store, ParquetPictures(store, LAYOUT, kept_bytes), versions


async def ids(pictures: ParquetPictures, day: date, version: str, wanted: Filter = EVERYTHING) -> list[str]:
    return [each.output_id for each in (await pictures.matches(day, version, wanted, None, 100)).pictures]


async def test_a_picture_has_the_columns_of_its_rows() -> None:
    original = shown_row(
        "a", prompt="a fox", width=8, height=6, is_favorited=True, content_type="image/jpeg", generation_id="g"
    )
    upscaled = shown_row("a", rendition="upscaled", state=State.FAILED, error="503", prompt="a fox")
    _, pictures, versions = await stored(original, upscaled)
    (found,) = (await pictures.matches(TODAY, versions[TODAY], EVERYTHING, None, 9)).pictures
    assert (found.prompt, found.width, found.height, found.is_favorited) == ("a fox", 8, 6, True)
    assert found.created_at == DAY
    assert found.files == {
        Rendition.ORIGINAL: File(State.ARCHIVED, str(original.uri), "image/jpeg", 3, str(original.sha256)),
        Rendition.UPSCALED: File(State.FAILED, error="503"),
    }
    assert found.shown == found.files[Rendition.ORIGINAL]
    assert await pictures.find(TODAY, versions[TODAY], "a") == found
    assert await pictures.find(TODAY, versions[TODAY], "b") is None
    assert list(await pictures.rows(TODAY, "a")) == [original, upscaled]


async def test_a_forgotten_picture_shows_nothing() -> None:
    rows = [forgotten(shown_row("a", prompt="secret")), shown_row("a", prompt="secret", rendition="upscaled")]
    _, pictures, versions = await stored(*rows)
    found = await pictures.find(TODAY, versions[TODAY], "a")
    assert found is not None
    assert found.is_forgotten
    assert found.shown is None


async def test_a_day_is_read_once_per_version() -> None:
    store, pictures, versions = await stored(shown_row("a"))
    assert await ids(pictures, TODAY, versions[TODAY]) == ["a"]
    assert await ids(pictures, TODAY, versions[TODAY]) == ["a"]
    assert store.requests == 1
    newer = await versions_of(store, [shown_row("b", minutes=1)])
    store.requests = 0
    # Until the checkpoint names the new version, what was read is shown.
    assert await ids(pictures, TODAY, versions[TODAY]) == ["a"]
    assert await ids(pictures, TODAY, newer[TODAY]) == ["b", "a"]
    assert store.requests == 1


async def test_a_partition_that_is_newer_than_the_checkpoint_is_read_once() -> None:
    store, pictures, versions = await stored(shown_row("a"))
    await versions_of(store, [shown_row("b", minutes=1)])
    store.requests = 0
    for _ in range(3):
        assert await ids(pictures, TODAY, versions[TODAY]) == ["b", "a"]
    assert store.requests == 1


async def test_many_requests_at_once_read_a_day_once() -> None:
    store, pictures, versions = await stored(shown_row("a"))
    await asyncio.gather(*(pictures.find(TODAY, versions[TODAY], "a") for _ in range(20)))
    assert store.requests == 1


async def test_a_failed_read_is_tried_again() -> None:
    store, pictures, versions = await stored(shown_row("a"))
    kept = store.objects.pop(LAYOUT.partition(TODAY))
    with pytest.raises(PartitionDamaged, match="is missing"):
        await ids(pictures, TODAY, versions[TODAY])
    store.objects[LAYOUT.partition(TODAY)] = kept
    assert await ids(pictures, TODAY, versions[TODAY]) == ["a"]


async def test_the_least_recently_used_day_is_dropped() -> None:
    rows = [shown_row(f"o{number}", number, prompt="x" * 10_000) for number in range(3)]
    store, pictures, versions = await stored(*rows, kept_bytes=25_000)
    days = [TODAY + timedelta(days=number) for number in range(3)]
    for day in (days[0], days[1], days[0], days[2]):
        await ids(pictures, day, versions[day])
    store.requests = 0
    await ids(pictures, days[0], versions[days[0]])
    assert store.requests == 0
    await ids(pictures, days[1], versions[days[1]])
    assert store.requests == 1


async def test_a_search_keeps_only_days_that_match() -> None:
    store, pictures, versions = await stored(shown_row("a", prompt="fox"), shown_row("b", 1, prompt="owl"))
    tomorrow = TODAY + timedelta(days=1)
    wanted = Filter(words=("fox",))
    assert await ids(pictures, TODAY, versions[TODAY], wanted) == ["a"]
    assert await ids(pictures, tomorrow, versions[tomorrow], wanted) == []
    store.requests = 0
    await ids(pictures, TODAY, versions[TODAY])
    assert store.requests == 0
    assert await ids(pictures, tomorrow, versions[tomorrow]) == ["b"]


async def test_outputs_of_a_generation_are_found_together() -> None:
    rows = [shown_row(name, generation_id=of) for name, of in (("b", "g"), ("a", "g"), ("c", "h"), ("d", None))]
    _, pictures, versions = await stored(*rows)
    for name, expected in (("b", ["a", "b"]), ("c", ["c"]), ("d", ["d"])):
        found = await pictures.find(TODAY, versions[TODAY], name)
        assert found is not None
        assert [each.output_id for each in await pictures.beside(TODAY, versions[TODAY], found)] == expected


async def test_a_position_of_another_day_has_a_place() -> None:
    _, pictures, versions = await stored(shown_row("a"), shown_row("b"))
    place = await pictures.place(TODAY, versions[TODAY], EVERYTHING, Position(DAY - timedelta(days=1)))
    assert (place.number, place.total) == (3, 2)


async def test_the_models_are_those_that_were_read() -> None:
    _, pictures, versions = await stored(
        shown_row("a", model_id="m2"),
        shown_row("b", model_id="m1"),
        shown_row("c", model_id=None),
        shown_row("d", 1, model_id="m3"),
    )
    assert pictures.models() == []
    await ids(pictures, TODAY, versions[TODAY])
    assert pictures.models() == ["m1", "m2"]
