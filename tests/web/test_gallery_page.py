"""The gallery and its pictures: filters, absences, hostile prompts, bytes."""

from __future__ import annotations

import hashlib
import re
import subprocess
from dataclasses import replace
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest

from stablecog_provider.archive.browsing.pages import newer_page_of, page_of
from stablecog_provider.errors import ImageGone
from stablecog_provider.model.object_keys import Rendition
from stablecog_provider.simulator.models import NAMES, RETIRES, SCHEDULER_NAMES
from stablecog_provider.web.gallery.view import shell_word
from support.page import BASE, NoPreviews, asked, page_over
from support.scene import LAYOUT
from support.stage import DAY, NOON, Stage, days_of, stage_of

HOSTILE = '<script>alert(1)</script>"onload=x {{ 7*7 }} \u202eevil'


async def archived(prompt: str = "", **settings: Any) -> Stage:
    stage = stage_of(*days_of(5, 3))

    def spoil(document: dict[str, Any]) -> None:
        for output in document["outputs"]:
            if prompt:
                output["generation"]["prompt"]["text"] = prompt

    stage.spoil = spoil
    await stage.run(**settings)
    return stage


def links(html: str) -> list[str]:
    return re.findall(r'<li class="tile[^"]*"[^>]*><a href="([^"]+)"', html)


async def test_days_come_newest_first_with_the_shape_of_each_picture() -> None:
    html = (await asked(page_over(await archived()), f"{BASE}/gallery")).text
    days = re.findall(r'data-day="([^"]+)"', html)
    assert days == ["2026-11-19", "2026-11-18", "2026-11-17"]
    assert len(links(html)) == 15
    assert re.search(r'data-w="\d+" data-h="\d+"', html)


async def test_prompts_are_text_whatever_they_hold() -> None:
    stage = await archived(HOSTILE)
    app = page_over(stage)
    html = (await asked(app, f"{BASE}/gallery")).text
    picture = (await asked(app, links(html)[0])).text
    for page in (html, picture):
        assert "<script>alert" not in page
        assert '"onload=' not in page
        assert "{{ 7*7 }}" in page
    searched = (await asked(app, f"{BASE}/gallery", params={"q": '"><img src=x onerror=y>'})).text
    assert "<img src=x" not in searched


async def test_the_filter_is_in_every_link_and_in_the_command() -> None:
    app = page_over(await archived("A Castle's gate"))
    html = (await asked(app, f"{BASE}/gallery", params={"q": "castle's", "favourite": "0"})).text
    assert all(link.endswith("?q=castle%27s") for link in links(html))
    assert "lower(&#39;castle&#39;&#39;s&#39;)" in html
    assert "15 of 15 outputs" in html


@pytest.mark.parametrize(
    ("query", "found"),
    [("from=2026-11-18", 10), ("to=2026-11-17", 5), ("at=2026-11-18", 10), ("state=failed", 0), ("deleted=1", 0)],
)
async def test_filters_by_address(query: str, found: int) -> None:
    html = (await asked(page_over(await archived()), f"{BASE}/gallery?{query}")).text
    assert len(links(html)) == found
    assert ('class="page nothing" hidden' not in html) == (found == 0)


@pytest.mark.parametrize("query", ["state=odd", "from=yesterday", "at=2026-13-01"])
async def test_an_address_that_makes_no_sense_is_named(query: str) -> None:
    answer = await asked(page_over(await archived()), f"{BASE}/gallery?{query}")
    assert answer.status_code == 400
    assert query.partition("=")[0] in answer.text


async def test_an_absent_picture_keeps_its_place_and_says_why() -> None:
    stage = stage_of(*days_of(5, 2))
    output = stage.simulated.visible(NOON)[3]
    stage.images.broken[output.file_name(Rendition.ORIGINAL)] = ImageGone("the host answered 404")
    await stage.run()
    app = page_over(stage)
    html = (await asked(app, f"{BASE}/gallery?state=gone")).text
    (link,) = links(html)
    assert "The host answered 404" in html
    picture = (await asked(app, link)).text
    assert "gonepic" in picture
    assert (await asked(app, link.partition("?")[0] + "/thumbnail")).status_code == 404


async def test_images_are_the_stored_bytes_with_the_recorded_type_and_run_nothing() -> None:
    stage = await archived()
    app = page_over(stage)
    link = links((await asked(app, f"{BASE}/gallery")).text)[0]
    answer = await asked(app, f"{link}/original?download=1")
    row = (await stage.rows())[link.rpartition("/")[2], "original"]
    assert hashlib.sha256(answer.content).hexdigest() == row.sha256
    assert answer.headers["content-type"] == row.content_type
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["cache-control"].startswith("private")


async def test_a_picture_that_cannot_be_drawn_is_no_error_of_the_page() -> None:
    stage = await archived()
    previews = NoPreviews()
    app = page_over(stage, previews=previews)
    link = links((await asked(app, f"{BASE}/gallery")).text)[0]
    drawn = await asked(app, f"{link}/thumbnail?height=240")
    assert (drawn.status_code, drawn.headers["content-type"]) == (200, "image/jpeg")
    assert (await asked(app, f"{link}/thumbnail?height=1000")).status_code == 404
    previews.missing = {key for key in stage.store.objects if key.startswith(LAYOUT.images)}
    answer = await asked(app, f"{link}/thumbnail?height=240")
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["cache-control"] == "no-store"


async def test_nothing_but_what_a_row_names_is_served() -> None:
    stage = await archived()
    app = page_over(stage)
    link = links((await asked(app, f"{BASE}/gallery")).text)[0]
    day, output_id = link.split("/")[-2:]
    for path in (
        f"{BASE}/pictures/{day}/checkpoint.json/original",
        f"{BASE}/pictures/{day}/..%2F..%2Fcheckpoint.json/original",
        f"{BASE}/pictures/2020-01-01/{output_id}/original",
        f"{BASE}/pictures/{day}/{output_id}/upscaled",
        f"/other~bucket/pictures/{day}/{output_id}/original",
    ):
        assert (await asked(app, path)).status_code == 404, path
    # A row that names an object of another archive shows this archive's, or nothing.
    assert (await asked(app, f"{BASE}/pictures/{day}/{output_id}/odd")).status_code == 422


async def test_an_image_that_is_missing_from_the_bucket_is_said_to_be() -> None:
    stage = await archived()
    app = page_over(stage)
    link = links((await asked(app, f"{BASE}/gallery")).text)[0]
    row = (await stage.rows())[link.rpartition("/")[2], "original"]
    del stage.store.objects[stage.key_of(row.uri)]
    answer = await asked(app, f"{link}/original")
    assert answer.status_code == 404
    assert "verify --repair" in answer.text


async def test_a_picture_names_its_neighbours_within_the_filter() -> None:
    stage = await archived("castle")
    app = page_over(stage)
    all_links = links((await asked(app, f"{BASE}/gallery?q=castle")).text)
    for number, link in enumerate(all_links):
        html = (await asked(app, link)).text
        older = re.search(r'step next square" href="([^"]+)"', html)
        newer = re.search(r'step prev square" href="([^"]+)"', html)
        assert (older and older[1]) == (all_links[number + 1] if number + 1 < len(all_links) else None)
        assert (newer and newer[1]) == (all_links[number - 1] if number else None)


async def test_a_forgotten_picture_shows_nothing_of_itself() -> None:
    stage = await archived("a secret castle")
    output_id = links((await asked(page_over(stage), f"{BASE}/gallery")).text)[0].rpartition("/")[2]
    await stage.forget(id=(output_id,), yes=True, yes_really=1)
    app = page_over(stage)
    html = (await asked(app, f"{BASE}/gallery?state=forgotten")).text
    (link,) = links(html)
    picture = (await asked(app, link)).text
    for page in (html, picture):
        assert "secret castle" not in page
    assert "taken out on request" in picture


async def test_a_damaged_partition_is_named_among_the_days() -> None:
    stage = await archived()
    key = LAYOUT.partition((NOON - DAY * 2).date())
    stage.store.objects[key] = replace(stage.store.objects[key], body=b"PAR1 no")
    html = (await asked(page_over(stage), f"{BASE}/gallery")).text
    assert "2026-11-18/manifest.parquet cannot be read" in html
    assert len(links(html)) == 10


def test_the_command_is_one_word_for_a_shell() -> None:
    texts = ["castle's", 'say "x"', "\\", "$HOME `id` $(id)", "wait!", "!\"'$", "x"]
    command = " ".join(["printf '%s\\0'", *map(shell_word, texts)])
    printed = subprocess.run(["sh", "-c", command], capture_output=True, check=True, text=True).stdout
    assert printed.split("\0")[:-1] == texts


def address(html: str, which: str) -> str | None:
    """Where the link to the older or newer pictures leads."""
    found = re.search(rf'class="more {which}">.*?href="([^"]+)"', html)
    return unescape(found[1]) if found else None


async def test_links_lead_through_all_pictures_in_both_directions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newer_page_of, "__defaults__", (4,))
    monkeypatch.setattr(page_of, "__defaults__", (*(page_of.__defaults__ or ())[:2], 4))
    app = page_over(await archived())
    down, here = list[str](), f"{BASE}/gallery"
    while True:
        html = (await asked(app, here)).text
        assert len(links(html)) <= 4
        down += links(html)
        if (older := address(html, "older")) is None:
            break
        here = older
    assert len(down) == len(set(down)) == 15
    up = links(html)
    while (newer := address(html, "newer")) is not None:
        html = (await asked(app, newer)).text
        up = links(html) + up
    assert up == down


async def test_the_first_page_has_nothing_newer_and_a_jump_has() -> None:
    app = page_over(await archived())
    assert address((await asked(app, f"{BASE}/gallery")).text, "newer") is None
    jumped = (await asked(app, f"{BASE}/gallery?at=2026-11-17")).text
    newer = address(jumped, "newer")
    assert newer is not None
    assert len(links((await asked(app, newer)).text)) == 10


async def test_models_that_were_seen_can_be_chosen() -> None:
    app = page_over(await archived())
    html = (await asked(app, f"{BASE}/gallery")).text
    models = re.findall(r'name="model" value="([^"]+)"', html)
    assert models
    chosen = (await asked(app, f"{BASE}/gallery?model={models[0]}")).text
    assert f'value="{models[0]}" checked' in chosen
    assert 0 < len(links(chosen)) <= 15


async def test_models_are_shown_and_found_by_name() -> None:
    scene = await archived()
    scene.with_names = True
    await scene.run()
    app = page_over(scene)
    html = (await asked(app, f"{BASE}/gallery")).text
    assert all(name in html for name in NAMES.values())
    by_id = (await asked(app, f"{BASE}/gallery?model={RETIRES}")).text
    by_name = (await asked(app, f"{BASE}/gallery?model={quote(NAMES[RETIRES].upper())}")).text
    assert links(by_name) == links(by_id)
    assert len(links(by_id)) > 0
    assert f"Model: {NAMES[RETIRES]}" in by_id
    shown = (await asked(app, links(by_id)[0])).text
    assert NAMES[RETIRES] in shown
    assert any(name in shown for name in SCHEDULER_NAMES.values())


async def test_a_model_that_no_listing_named_says_so() -> None:
    app = page_over(await archived())
    html = (await asked(app, f"{BASE}/gallery")).text
    assert f"unknown model {RETIRES[:8]}" in html
    assert "unknown scheduler " in (await asked(app, links(html)[0])).text


async def test_a_picture_says_which_of_its_day_it_is() -> None:
    app = page_over(await archived())
    third = links((await asked(app, f"{BASE}/gallery")).text)[2]
    assert "3 of 5 that day" in (await asked(app, third)).text


async def test_a_vain_search_says_what_was_searched() -> None:
    html = (await asked(page_over(await archived()), f"{BASE}/gallery?q=badger")).text
    assert "No prompt has badger. All 3 days were searched." in html


async def test_a_restore_is_given_the_condition_and_no_command() -> None:
    html = (await asked(page_over(await archived()), f"{BASE}/gallery", params={"q": "wait!"})).text
    where = re.search(r'data-where="([^"]*)"', html)
    assert where is not None
    assert unescape(where[1]) == "contains(lower(prompt), lower('wait!'))"
