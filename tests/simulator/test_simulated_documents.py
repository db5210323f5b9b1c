"""The documents of both dialects, and the archive's own parsers on them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablecog_provider.model.object_keys import Rendition
from stablecog_provider.model.output import Output
from stablecog_provider.model.page import PageQuery, parse_page
from stablecog_provider.model.times import parse_instant
from stablecog_provider.simulator.dialect import CURRENT, DOCUMENTED, Dialect
from stablecog_provider.simulator.documents import Document, format_go, output_document, page_document
from stablecog_provider.simulator.world import World

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
ADDRESS = "http://127.0.0.1:8787"


@pytest.mark.parametrize(
    ("micros", "nanos", "text"),
    [
        (0, 0, "2026-11-21T08:00:00Z"),
        (500_000, 0, "2026-11-21T08:00:00.5Z"),
        (793_400, 0, "2026-11-21T08:00:00.7934Z"),
        (1, 0, "2026-11-21T08:00:00.000001Z"),
        (1, 20, "2026-11-21T08:00:00.00000102Z"),
        (1, 7, "2026-11-21T08:00:00.000001007Z"),
    ],
)
def test_instants_are_written_as_go_writes_them(micros: int, nanos: int, text: str) -> None:
    assert format_go(NOW + timedelta(microseconds=micros), nanos) == text


@given(st.timedeltas(timedelta(days=-9000), timedelta(days=60_000)).map(NOW.__add__), st.integers(0, 999))
def test_the_archive_reads_every_instant_back(instant: datetime, nanos: int) -> None:
    assert parse_instant(format_go(instant, nanos)) == instant


def keys(document: Document) -> set[str]:
    return set(document)


DOCUMENTED_OUTPUT = {"id", "image_url", "gallery_status", "is_favorited", "was_auto_submitted"}
GENERATION = {
    *("id", "height", "width", "inference_steps", "seed", "guidance_scale", "scheduler_id", "model_id"),
    *("created_at", "started_at", "completed_at", "prompt"),
}


def test_the_documented_dialect_has_the_fields_of_the_published_example() -> None:
    world = World.generate(outputs=100, days=1)
    listed = world.account().listing.page(PageQuery(), world.present, DOCUMENTED)
    page = page_document(listed, world.present, DOCUMENTED, ADDRESS)
    assert keys(page) == {"total_count", "outputs", "next"}
    for output in page["outputs"]:
        assert keys(output) == DOCUMENTED_OUTPUT | {"generation"}
        siblings = {"status", "updated_at", "is_favorited", "was_auto_submitted", "outputs"}
        assert keys(output["generation"]) == GENERATION | siblings
        assert output["id"] in {sibling["id"] for sibling in output["generation"]["outputs"]}
        assert all(keys(sibling) == DOCUMENTED_OUTPUT for sibling in output["generation"]["outputs"])


def test_siblings_beyond_the_page_are_not_listed() -> None:
    world = World.empty(NOW)
    world.add(NOW, *[NOW] * 4)
    listed = world.account().listing.page(PageQuery(per_page=3), NOW, DOCUMENTED)
    (*_, last) = page_document(listed, NOW, DOCUMENTED, ADDRESS)["outputs"]
    assert len(last["generation"]["outputs"]) == 3


def test_the_current_dialect_has_its_fields() -> None:
    world = World.generate(outputs=400, days=2)
    listed = world.account().listing.page(PageQuery(per_page=300), world.present)
    page = page_document(listed, world.present, CURRENT, ADDRESS)
    assert keys(page) == {"total", "outputs", "next"}
    always = DOCUMENTED_OUTPUT | {"created_at", "updated_at", "is_public", "like_count", "is_liked", "generation"}
    optional = {"negative_prompt", "init_image_url", "prompt_strength", "user"}
    for output in page["outputs"]:
        assert keys(output) - {"upscaled_image_url"} == always
        assert keys(output["generation"]) - optional == GENERATION | {"num_outputs"}
    assert set().union(*(keys(output["generation"]) for output in page["outputs"])) >= optional


def test_each_trait_can_be_changed_on_its_own() -> None:
    world = World.empty(NOW)
    (output,) = world.add(NOW, NOW)
    timed = output_document(output, NOW, replace(DOCUMENTED, output_times=True), ADDRESS)
    assert keys(timed) == DOCUMENTED_OUTPUT | {"generation", "created_at", "updated_at"}
    assert "created_at" not in output_document(output, NOW, replace(CURRENT, output_times=False), ADDRESS)


def test_only_a_page_without_a_cursor_has_the_total_and_only_the_last_lacks_next() -> None:
    world = World.empty(NOW)
    world.add(NOW, *[NOW] * 2)
    listing = world.account().listing
    first = page_document(listing.page(PageQuery(per_page=1), NOW), NOW, CURRENT, ADDRESS)
    assert (first["total"], first["next"]) == (2, "2026-11-21T08:00:00Z")
    later = page_document(listing.page(PageQuery(cursor=NOW + timedelta(1)), NOW), NOW, CURRENT, ADDRESS)
    assert keys(later) == {"outputs"}


@pytest.mark.parametrize("dialect", [CURRENT, DOCUMENTED], ids=["current", "documented"])
def test_the_archive_reads_every_output(dialect: Dialect) -> None:
    world = World.generate(outputs=2000)
    rows = {row.id: row for row in world.visible()}
    now, query = world.present, PageQuery(per_page=300)
    read: dict[str, Output] = {}
    # By windows instead of `next`, which loses rows.
    for cursor in (now - timedelta(days=days) for days in range(-1, 31)):
        listed = world.account().listing.page(replace(query, cursor=cursor), now, dialect)
        body = json.dumps(page_document(listed, now, dialect, ADDRESS), ensure_ascii=False).encode()
        page = parse_page(json.loads(body), now)
        assert len(page.readable) == len(page.outputs) == len(listed.rows)
        read |= {output.id: output for output in page.readable}
    assert len(read) > 0.99 * len(rows)
    for output in read.values():
        row, generation = rows[output.id], rows[output.id].generation
        assert (output.created_at, output.generation_id, output.prompt) == (
            row.g,
            generation.id,
            generation.prompt.text,
        )
        assert (output.seed, output.width, output.completed_at) == (
            generation.seed,
            generation.width,
            generation.completed,
        )
        assert output.started_at == generation.started
        assert output.gallery_status == row.gallery_status(now)
        assert output.image_url == f"{ADDRESS}/images/{row.file_name(Rendition.ORIGINAL)}"
        assert output.output_created_at == (row.o if dialect is CURRENT else None)
        assert "X-Amz-Signature" not in output.raw
        assert "simulator.invalid" not in output.raw
    if dialect is CURRENT:
        upscaled = {row.id for row in rows.values() if row.is_upscaled(now)}
        assert {output.id for output in read.values() if output.upscaled_image_url} == upscaled & set(read) != set()


def test_a_presigned_address_has_a_new_signature_each_time() -> None:
    world = World.generate(outputs=200, days=1)
    output = next(row for row in world.visible() if row.generation.init_image)
    first, second = (
        output_document(output, world.present + timedelta(seconds=n), CURRENT, ADDRESS)["generation"]["init_image_url"]
        for n in (0, 1)
    )
    assert first.split("?")[0] == second.split("?")[0]
    assert first != second
