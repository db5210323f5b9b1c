"""Every state of the overview, reached by runs and accidents rather than by made-up contexts."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from stablecog_provider.errors import CredentialsRejected, ImageGone, StoreUnavailable
from stablecog_provider.model.object_keys import Layout, Rendition
from support.page import BASE, asked, page_over
from support.scene import LAYOUT
from support.stage import DAY, HOUR, NOON, Stage, days_of, every, stage_of


def text_of(html: str) -> str:
    """The words of a page, without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def word_of(html: str) -> tuple[str, str]:
    """The tone and the word of the verdict."""
    tone = re.search(r'class="verdict (\w+)"', html)
    word = re.search(r'<h1 class="word">.*?</svg>(.*?)</h1>', html)
    assert tone
    assert word
    return tone[1], word[1]


async def archived(days: int = 3) -> Stage:
    stage = stage_of(*days_of(10, days))
    await stage.checked_run()
    return stage


async def test_a_proven_archive() -> None:
    stage = await archived()
    html = (await asked(page_over(stage), f"{BASE}/")).text
    assert word_of(html) == ("ok", "Proven")
    text = text_of(html)
    assert re.search(r"30 outputs at the source up to [^)]*\), the same in the manifest", text)
    assert "What to do Nothing" in text
    assert 'data-outputs="10,10,10,0"' in html


async def test_only_the_checkpoint_the_listing_and_reports_are_read() -> None:
    """As quick at 10^6 rows as at 10^3: neither a partition nor an image is read."""
    stage = await archived()
    read: list[str] = []
    get = stage.store.get

    async def noted(key: str):  # type: ignore[no-untyped-def]
        read.append(key)
        return await get(key)

    stage.store.get = noted  # type: ignore[method-assign]
    assert (await asked(page_over(stage), f"{BASE}/")).status_code == 200
    assert read
    assert all(key == LAYOUT.checkpoint or key.startswith(LAYOUT.runs) for key in read)


async def test_failed_images_are_named_with_their_reason_and_open_the_gallery() -> None:
    stage = stage_of(*days_of(10, 3))
    name = stage.simulated.visible(NOON)[4].file_name(Rendition.ORIGINAL)
    stage.images.broken[name] = ImageGone("the image host answered 404 (Not Found)", hint="later runs request it")
    await stage.checked_run()
    html = (await asked(page_over(stage), f"{BASE}/")).text
    assert word_of(html) == ("warn", "Proven, with failed images")
    assert f'href="{BASE}/gallery?state=gone"' in html
    assert "the image host answered 404" in html
    assert "later runs request it" not in html.partition("<table")[2].partition("</table>")[0]
    assert f"run --retry-failed --to {LAYOUT}" in html


async def test_gaps_are_drawn_and_named() -> None:
    stage = stage_of(*days_of(10, 9))
    await stage.run(end=NOON - DAY * 7)
    await stage.run(start=NOON - DAY * 3)
    html = (await asked(page_over(stage), f"{BASE}/")).text
    assert word_of(html) == ("warn", "Proven, in part")
    assert 'class="gap"' in html
    assert "Unbroken only to 13 Nov 2026, 12:00 UTC (watermark)" in html
    assert re.search(r'data-gaps="\d+-\d+"', html)


async def test_counts_that_differ() -> None:
    stage = await archived()
    hidden = stage.simulated.add(NOON - HOUR, NOON - HOUR)[0].id

    def hide(document: dict) -> None:  # type: ignore[type-arg]
        document["outputs"] = [output for output in document["outputs"] if output["id"] != hidden]

    stage.spoil = hide
    await stage.ordinary_runs(1)
    html = (await asked(page_over(stage), f"{BASE}/")).text
    assert word_of(html) == ("bad", "Not proven")
    assert re.search(r"31 outputs at the source up to [^)]*\), 30 in the manifest", text_of(html))


async def test_an_old_verdict_is_never_green() -> None:
    stage = await archived()
    await stage.ordinary_runs(3)
    stage.clock.advance(DAY * 9)
    html = (await asked(page_over(stage), f"{BASE}/")).text
    assert word_of(html) == ("warn", "Proven, but out of date")
    assert "Start a run" in html


async def test_a_first_run_under_way_is_grey() -> None:
    stage = stage_of(*days_of(150, 6))
    seen: list[Any] = []

    async def before(_: str) -> None:
        if len(stage.images.asked) > 100 and not seen:
            seen.append("")
            seen[0] = word_of((await asked(page_over(stage), f"{BASE}/")).text)
            # As if the run had been killed before it saved anything.
            kept = stage.store.objects.pop(LAYOUT.checkpoint)
            seen.append(word_of((await asked(page_over(stage), f"{BASE}/")).text))
            stage.store.objects[LAYOUT.checkpoint] = kept

    stage.images.before = before
    await stage.run()
    assert seen == [("none", "First run under way")] * 2


async def test_nothing_there_yet() -> None:
    answer = await asked(page_over(stage_of()), f"{BASE}/")
    assert answer.status_code == 200
    assert f"stablecog-archive run --to {LAYOUT}" in answer.text


@pytest.mark.parametrize(
    ("error", "code", "word"),
    [
        (StoreUnavailable("S3 at s3.example does not answer"), 503, "Cannot reach the bucket"),
        (CredentialsRejected("403 at s3://archive", hint="attach the policy"), 502, "Access refused"),
    ],
)
async def test_a_bucket_that_cannot_be_read_is_a_page_that_says_so(error: Exception, code: int, word: str) -> None:
    stage = await archived()

    async def fails(_: str) -> None:
        raise error

    stage.store.head = fails  # type: ignore[assignment]
    answer = await asked(page_over(stage), f"{BASE}/")
    assert answer.status_code == code
    assert word_of(answer.text) == ("bad", word)
    assert "Nothing is lost by that" in answer.text
    assert "Traceback" not in answer.text


async def test_a_damaged_archive_is_not_said_to_have_lost_nothing() -> None:
    stage = await archived()
    kept = stage.store.objects[LAYOUT.checkpoint]
    stage.store.objects[LAYOUT.checkpoint] = replace(kept, body=b"{}")
    answer = await asked(page_over(stage), f"{BASE}/")
    assert word_of(answer.text) == ("bad", "Cannot be read")
    assert "Nothing is lost" not in answer.text


async def test_an_image_that_is_long_gone_is_not_called_stored() -> None:
    stage = stage_of(*days_of(10, 3))
    stage.images.broken[stage.simulated.visible(NOON)[4].file_name(Rendition.ORIGINAL)] = ImageGone("404")
    await stage.run()
    await stage.ordinary_runs(12)
    html = (await asked(page_over(stage), f"{BASE}/")).text
    assert word_of(html) == ("ok", "Proven")
    assert "1 not stored" in html


async def test_several_archives_come_worst_first() -> None:
    good, bad, empty = await archived(), stage_of(), stage_of()

    async def fails(_: str) -> None:
        raise StoreUnavailable("no answer")

    bad.store.get = fails  # type: ignore[assignment]
    names = (Layout("good"), Layout("bad"), Layout("empty", "a/b"))
    # The scene's archive is under its own prefix.
    app = page_over(good, bad, empty, layouts=(LAYOUT, *names[1:]))
    text = text_of((await asked(app, "/")).text)
    assert text.index("bad ") < text.index("archive/stablecog")
    assert "empty/a/b" in text


async def test_a_report_is_shown_and_given_as_it_is() -> None:
    stage = await archived()
    key = next(key for key in stage.store.objects if key.startswith(LAYOUT.runs))
    name = key.rpartition("/")[2]
    html = (await asked(page_over(stage), f"{BASE}/runs/{name}")).text
    assert word_of(html) == ("ok", "Proven")
    assert "Images copied" in html
    raw = await asked(page_over(stage), f"{BASE}/runs/{name}?raw=1")
    assert raw.json() == json.loads(stage.store.objects[key].body)
    for other in ("checkpoint.json", "20261121T000000Z-none.json", "..%2Fcheckpoint.json"):
        assert (await asked(page_over(stage), f"{BASE}/runs/{other}")).status_code == 404


async def test_actions_are_offered_only_where_they_can_be_taken() -> None:
    stage = stage_of(*every(timedelta(hours=1), 30, DAY * 4))
    await stage.run(end=NOON - DAY * 3)
    alone = (await asked(page_over(stage), f"{BASE}/")).text
    inside = (await asked(page_over(stage, dags=["stablecog_archive_daily"]), f"{BASE}/")).text
    other = (await asked(page_over(stage, dags=["stablecog_archive_weekly"]), f"{BASE}/")).text
    for html in (alone, other):
        assert "data-dag" not in html
        assert "stablecog-archive run --to" in html
    assert 'data-dag="stablecog_archive_daily"' in inside
    assert "&#34;bucket&#34;: &#34;archive&#34;" in inside
    assert '<a href="/dags/stablecog_archive_daily" data-outside>' in inside
    assert "data-outside" not in alone
    assert f"{LAYOUT}/manifest/" in alone


async def test_links_lead_to_an_airflow_that_is_served_under_a_path() -> None:
    stage = stage_of(*every(timedelta(hours=1), 30, DAY * 4))
    await stage.run(end=NOON - DAY * 3)
    mounted = Starlette(routes=[Mount("/stablecog", page_over(stage, dags=["stablecog_archive_daily"]))])
    transport = httpx.ASGITransport(mounted, root_path="/team/airflow")
    async with httpx.AsyncClient(transport=transport, base_url="http://page") as client:
        html = (await client.get(f"/team/airflow/stablecog{BASE}/")).text
    assert '<html lang="en" data-outer="/team/airflow">' in html
    assert 'href="/team/airflow/dags/stablecog_archive_daily" data-outside' in html
    assert f'href="/team/airflow/stablecog{BASE}/gallery"' in html
