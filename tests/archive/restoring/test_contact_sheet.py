"""The contact sheet: every restored image once, the account's texts as text, and no way to anything but its own files."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from stablecog_provider.adapters.parquet_manifest import ParquetManifest
from stablecog_provider.archive.restoring import contact_sheet
from stablecog_provider.model.manifest import Row
from stablecog_provider.simulator.models import NAMES
from support.restores import Restores, restores
from support.scene import LAYOUT

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</p></section></style><style>body{display:none}</style>",
    "&lt;b&gt; &amp; 'quoted' `ticks` {{braces}}",
    "\u202eright to left\u202c \x00\x07\x1b[31m",
    "line one\nline two",
    "javascript:alert(1)",
    "<!-- --><base href=https://evil.test/><meta http-equiv=refresh content=0>",
]


class Read(HTMLParser):
    """What a browser would see. `texts`: of the prompts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.images: list[str] = []
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.sections: list[str] = []
        self.meta: dict[str, str] = {}
        self._in_prompt = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.attributes |= found.keys()
        if tag == "a":
            self.links.append(unquote(found["href"]))
        if tag == "img":
            self.images.append(unquote(found["src"]))
        if tag == "section":
            self.sections.append(found["id"])
        if tag == "meta" and "http-equiv" in found:
            self.meta[found["http-equiv"]] = found["content"]
        self._in_prompt = tag == "p" and found.get("class") == "prompt"
        if self._in_prompt:
            self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_prompt = False

    def handle_data(self, data: str) -> None:
        if self._in_prompt:
            self.texts[-1] += data


def pages(made: Restores) -> dict[str, Read]:
    return {name: Read(body.decode()) for name, body in made.folder.files.items() if name.endswith(".html")}


async def with_prompts(prompts: list[str]) -> Restores:
    """An archive whose prompts are these, in turn."""
    made = await restores()
    manifest = ParquetManifest(made.scene.store, LAYOUT)
    for day in await manifest.days():
        numbers = {row.key: number for number, row in enumerate((await manifest.load(day)).rows())}

        def change(row: Row, numbers: dict[tuple[str, str], int] = numbers) -> Row:
            return replace(row, prompt=prompts[numbers[row.key] % len(prompts)])

        await manifest.amend(day, change)
    return made


async def test_every_image_is_there_once_under_its_day_newest_first() -> None:
    made = await restores()
    report = await made.to_folder(contact_sheet=True)
    assert report.sheet == "index.html"
    (page,) = pages(made).values()
    images = [name for name in made.folder.files if name.endswith(".jpeg")]
    assert sorted(link for link in page.links if not link.startswith("#")) == sorted(images)
    assert len(page.images) == len(images) == len(made.images())
    assert all(made.folder.files[name] == b"small" for name in page.images)
    assert page.sections == sorted(page.sections, reverse=True)
    assert len(page.sections) == len({name.partition("/")[0] for name in images})


async def test_prompts_are_text_whatever_they_contain() -> None:
    made = await with_prompts(HOSTILE)
    await made.to_folder(contact_sheet=True)
    (page,) = pages(made).values()
    allowed = {
        "html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "p", "details", "summary", "nav", "main",
        "section", "small", "div", "figure", "figcaption", "a", "img", "i", "span", "br",
    }  # fmt: skip
    assert set(page.tags) <= allowed
    assert page.tags.count("meta") == 5
    assert page.tags.count("style") == 1
    assert not [name for name in page.attributes if name.startswith("on")]
    shown = {" ".join(text.split()) for text in page.texts}
    for prompt in HOSTILE:
        expected = "".join(mark if mark.isprintable() or mark == "\n" else "\ufffd" for mark in prompt)
        assert " ".join(expected.split()) in shown


async def test_the_policy_allows_its_style_and_its_images_and_nothing_else() -> None:
    made = await restores()
    await made.to_folder(contact_sheet=True)
    policy = next(iter(pages(made).values())).meta["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; img-src 'self' file:;")
    assert re.search(r"style-src 'sha256-[\w+/]{43}='$", policy)
    body = made.folder.files["index.html"].decode()
    assert "http:" not in body
    assert "https:" not in body
    assert " style=" not in body


async def test_many_images_are_several_pages_that_name_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact_sheet, "PER_PAGE", 20)
    made = await restores()
    await made.to_folder(contact_sheet=True)
    found = pages(made)
    assert len(found) == -(-len(made.images()) // 20) > 2
    assert sorted(found)[0] == "index-2.html"
    shown = [link for page in found.values() for link in page.links if link.endswith(".jpeg")]
    assert sorted(shown) == sorted(name for name in made.folder.files if name.endswith(".jpeg"))
    for page in found.values():
        assert {link for link in page.links if link.endswith(".html")} <= set(found)


async def test_a_repeated_restore_ends_with_the_same_page_and_keeps_a_page_of_somebody_else() -> None:
    made = await restores()
    await made.to_folder(contact_sheet=True, sidecars=True)
    before = dict(made.folder.files)
    report = await made.to_folder(contact_sheet=True, sidecars=True)
    assert (report.exit_code, made.folder.files) == (0, before)
    made.folder.files["index.html"] = b"<html>mine</html>"
    report = await made.to_folder(contact_sheet=True, sidecars=True)
    assert [(each.kind, each.key) for each in report.problems] == [("name_taken", "index.html")]
    assert report.sheet is None
    assert made.folder.files["index.html"] == b"<html>mine</html>"


async def test_what_could_not_be_restored_is_not_shown_and_what_was_deleted_is_marked() -> None:
    made = await restores()
    scene = made.scene
    victim = scene.simulated.visible()[3]
    scene.simulated.delete(victim.id, scene.clock.now(), image_too=True)
    scene.clock.advance(timedelta(hours=1))
    await scene.run()
    key = min(made.images())
    made.spoil(key, lambda body: b"")
    await made.to_folder(contact_sheet=True)
    (page,) = pages(made).values()
    assert len(page.images) == len(made.images()) - 1
    assert b"deleted at the source" in made.folder.files["index.html"]


async def test_models_have_their_names_and_an_id_that_no_listing_named_says_so() -> None:
    made = await restores()
    await made.to_folder(contact_sheet=True)
    assert "unknown model " in made.folder.files["index.html"].decode()
    made.scene.with_names = True
    await made.scene.run()
    await made.to_folder(contact_sheet=True)
    sheet = made.folder.files["index.html"].decode()
    assert "unknown model " not in sheet
    assert all(name in sheet for name in NAMES.values())


async def test_a_register_that_cannot_be_read_costs_the_names_and_not_the_sheet() -> None:
    made = await restores()
    await made.scene.store.put(LAYOUT.register("models"), b"not ours", content_type="text/plain")
    report = await made.to_folder(contact_sheet=True)
    assert report.sheet == "index.html"
    assert "unknown model " in made.folder.files["index.html"].decode()


async def test_an_image_without_a_thumbnail_is_still_shown() -> None:
    made = await restores()

    async def none(_: object, body: bytes) -> None:
        return None

    from support import restores as support

    keep, support.OneThumbnail.of = support.OneThumbnail.of, none  # type: ignore[method-assign,assignment]
    try:
        await made.to_folder(contact_sheet=True)
    finally:
        support.OneThumbnail.of = keep  # type: ignore[method-assign]
    (page,) = pages(made).values()
    assert page.images == []
    assert made.folder.files["index.html"].count(b"No preview") == len(made.images())


async def test_an_empty_selection_is_an_empty_page() -> None:
    made = await restores()
    await made.to_folder(contact_sheet=True, where="false")
    assert b"Nothing was restored" in made.folder.files["index.html"]
