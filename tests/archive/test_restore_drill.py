"""A drill restores a sample to a scratch folder and compares it with the source."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.archive.restoring.workers import for_each
from stablecog_provider.errors import ImageGone, ImageRefused, SourceUnavailable
from stablecog_provider.model.manifest import Row
from stablecog_provider.model.object_keys import day_of
from support import scene as scenes
from support.restores import Restores, restores
from support.scene import LAYOUT


async def a_row(made: Restores) -> Row:
    return next(row for row in (await made.scene.rows()).values() if row.uri)


def image_of(row: Row) -> str:
    return (row.source_url or "").rpartition("/")[2]


async def test_a_drill_restores_a_sample_and_finds_the_same_at_the_source() -> None:
    made = await restores()
    report = await made.drill(sample=12, seed=1)
    assert made.opened == [None]
    assert report.compared is not None
    assert (report.outcome, report.selected, report.compared.same) == ("restored", 12, 12), report.explain()
    assert "a scratch folder, which is removed" in report.explain()[0]


@pytest.mark.parametrize(
    ("error", "field"),
    [
        (SourceUnavailable("hangs"), "unreachable"),
        (ImageRefused("its host is not allowed"), "unreachable"),
        (ImageGone("404"), "gone"),
    ],
)
async def test_what_the_source_does_not_serve_is_counted_and_no_problem(error: Exception, field: str) -> None:
    made = await restores()
    made.scene.images.broken[image_of(await a_row(made))] = error
    report = await made.drill(sample=1000)
    assert report.compared is not None
    assert (report.exit_code, getattr(report.compared, field)) == (0, 1), report.explain()
    assert report.compared.same == len(made.images()) - 1


async def test_other_bytes_at_the_source_are_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    made = await restores()
    row, right = await a_row(made), scenes.small_jpeg
    monkeypatch.setattr(scenes, "small_jpeg", lambda name: right("other") if name == image_of(row) else right(name))
    report = await made.drill(sample=1000)
    assert report.exit_code == 3
    assert [(each.kind, each.output_id) for each in report.problems] == [("source_differs", row.output_id)]
    assert report.compared is not None
    assert report.compared.different == 1


async def test_an_image_that_the_source_has_replaced_is_not_compared() -> None:
    made = await restores()
    row = await a_row(made)

    def change(found: Row) -> Row:
        return replace(found, source_url="https://simulated.test/new.jpeg") if found.key == row.key else found

    await ParquetManifest(made.scene.store, LAYOUT).amend(day_of(row.created_at), change)
    report = await made.drill(sample=1000)
    assert report.compared is not None
    assert (report.exit_code, report.compared.replaced) == (0, 1)


async def test_a_drill_without_a_number_draws_twenty() -> None:
    made = await restores()
    assert (await made.drill()).selected == 20


async def test_the_first_error_of_many_workers_is_raised_and_the_others_stop() -> None:
    done = []

    async def numbers() -> AsyncIterator[int]:
        for number in range(100):
            yield number

    async def act(number: int) -> None:
        await asyncio.sleep(0)
        if number == 5:
            raise ValueError("five")
        done.append(number)

    with pytest.raises(ValueError, match="five"):
        await for_each(numbers(), act, 4)
    assert len(done) < 15
