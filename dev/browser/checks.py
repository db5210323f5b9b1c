"""What must hold of the page, wherever it runs. Each check returns what is wrong; nothing is right."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Browser, BrowserContext

from .places import BUCKET, PREFIX, Place
from .visitor import Visitor

BASE = f"{BUCKET}~{PREFIX}"
WIDTHS = (360, 768, 1440)
Enter = Callable[[BrowserContext], None]
"""Lets a fresh browser in, by token or by login."""


NOTE_TILES = """() => {
  const note = () => document.querySelectorAll(".tile").forEach((tile) => window.seenTiles.add(tile.dataset.id));
  window.seenTiles = new Set();
  note();
  new MutationObserver(note).observe(document.querySelector(".days"), { childList: true, subtree: true });
}"""
"""Notes every tile that is ever in the document: those far above are taken out again."""


@contextmanager
def visiting(
    browser: Browser, place: Place, state: object, *, width: int = 1440, theme: str = "light"
) -> Iterator[Visitor]:
    """A window of this width, let in already."""
    context = browser.new_context(
        storage_state=state,
        viewport={"width": width, "height": 900},
        color_scheme=theme,
        accept_downloads=True,
    )
    try:
        yield Visitor(context, urlsplit(place.root).netloc)
    finally:
        context.close()


def looks(browser: Browser, place: Place, state: object, shots: Path, name: str) -> list[str]:
    """Overview, gallery and picture at every width and theme: axe, no sideways scroll, no jump, no error. Takes pictures."""
    wrong = []
    for width in WIDTHS:
        for theme in ("light", "dark"):
            with visiting(browser, place, state, width=width, theme=theme) as visitor:
                page = visitor.page
                for view, path in (("overview", ""), ("gallery", "gallery"), ("picture", "")):
                    where = f"{view} at {width}, {theme}"
                    if view == "picture":
                        page.locator(".tile:not(.absent) > a").first.click()
                        page.locator("dialog.viewer img").first.wait_for()
                        page.wait_for_load_state("networkidle")
                    else:
                        page.goto(f"{place.root}/{BASE}/{path}", wait_until="networkidle")
                    page.screenshot(path=shots / f"{name}-{view}-{width}-{theme}.png")
                    wrong += [f"{where}: {each}" for each in visitor.accessibility()]
                    if visitor.overflows():
                        wrong.append(f"{where}: it scrolls sideways")
                    if view == "gallery" and visitor.shift() > 0.02:
                        wrong.append(f"{where}: the layout shifted by {visitor.shift():.3f}")
                wrong += [f"{width}, {theme}: {each}" for each in visitor.troubles]
    return wrong


def reads(browser: Browser, place: Place, state: object) -> list[str]:
    """See the verdict, scroll to the end, filter, search, open a picture, step, download and compare its hash."""
    wrong: list[str] = []
    with visiting(browser, place, state) as visitor:
        page = visitor.page
        page.goto(f"{place.root}/{BASE}/", wait_until="networkidle")
        if "Proven" not in page.locator("h1.word").inner_text():
            wrong.append(f"the verdict is {page.locator('h1.word').inner_text()!r}")
        page.locator("nav >> text=Gallery").click()
        page.locator(".days.ready").wait_for()
        page.evaluate(NOTE_TILES)
        for _ in range(400):
            if page.locator(".more").count() == 0:
                break
            page.mouse.wheel(0, 4000)
            page.wait_for_timeout(60)
        seen = page.evaluate("[...window.seenTiles]")
        listed = int(page.locator(".count").inner_text().split()[0].replace(",", ""))
        if len(seen) < listed:
            wrong.append(f"scrolling showed {len(seen)} of {listed} outputs")
        if (held := page.locator(".tile").count()) > 420:
            wrong.append(f"{held} tiles are in the document at the end")
        page.goto(f"{place.root}/{BASE}/gallery?favourite=1", wait_until="networkidle")
        if page.locator(".tile").count() and not page.locator(".tile .flags").count():
            wrong.append("the filter for favourites shows others")
        page.goto(f"{place.root}/{BASE}/gallery", wait_until="networkidle")
        word = (page.locator(".tile img").first.get_attribute("alt") or "").split()[0]
        page.locator("[name=q]").fill(word)
        page.keyboard.press("Enter")
        page.wait_for_url("**q=**")
        page.locator(".tile").first.wait_for()
        wrong += _steps(visitor, word)
        wrong += visitor.troubles
    return wrong


def _steps(visitor: Visitor, word: str) -> list[str]:
    """In the results of a search: open, step there and back, download, close, and be where one was."""
    wrong, page = [], visitor.page
    opener = page.locator(".tile:not(.absent) > a").first
    opener.click()
    page.locator("dialog.viewer").wait_for()
    first = page.url
    if word.lower() not in page.locator("#prompt").inner_text().lower():
        wrong.append("the picture lacks the word that was searched")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("first => location.href !== first", arg=first)
    page.locator("dialog.viewer").wait_for()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("first => location.href === first", arg=first)
    page.locator("dialog.viewer .download").wait_for()
    with page.expect_download() as downloading:
        page.keyboard.press("d")
    body = Path(downloading.value.path()).read_bytes()
    recorded = page.locator("#v-ids ~ dl dd").all_inner_texts()
    if hashlib.sha256(body).hexdigest() not in recorded:
        wrong.append("the download has another hash than the page shows")
    page.keyboard.press("Escape")
    page.locator("dialog.viewer").wait_for(state="detached")
    if "q=" not in page.url:
        wrong.append(f"closing led to {page.url}")
    if not opener.evaluate("each => each === document.activeElement"):
        wrong.append("the focus did not return to the tile")
    page.keyboard.press("ArrowRight")
    if opener.evaluate("each => each === document.activeElement"):
        wrong.append("the arrow keys do not move in the gallery")
    return wrong


def states(browser: Browser, place: Place, state: object, shots: Path, name: str) -> list[str]:
    """Nothing found, an absent picture, a jump to a day, and selection with its command."""
    wrong = []
    with visiting(browser, place, state) as visitor:
        page = visitor.page
        page.goto(f"{place.root}/{BASE}/gallery?q=zzzzzz", wait_until="networkidle")
        page.screenshot(path=shots / f"{name}-nothing-found.png")
        if not page.locator("text=Nothing found").count():
            wrong.append("a search without a result does not say so")
        page.goto(f"{place.root}/{BASE}/gallery", wait_until="networkidle")
        rail = page.locator(".rail")
        rail.focus()
        page.keyboard.press("End")
        page.wait_for_url("**at=**")
        page.locator(".tile").first.wait_for()
        page.locator(".tile > a").first.focus()
        page.keyboard.press("Space")
        if page.locator(".selection b").inner_text() != "1 selected":
            wrong.append("Space does not select")
        page.locator(".restoring").click()
        if "output_id IN" not in page.locator("dialog.restore code").inner_text():
            wrong.append("the command does not name the selection")
        page.screenshot(path=shots / f"{name}-restore.png")
        wrong += visitor.troubles
    return wrong


def refuses(place: Place) -> list[str]:
    """Without credentials: 401, for pages and for bytes."""
    wrong = []
    for path in ("/", f"/{BASE}/", f"/{BASE}/gallery", "/static/page.css"):
        answer = httpx.get(place.root + path, trust_env=False)
        if answer.status_code != 401:
            wrong.append(f"{path} answers {answer.status_code} without credentials")
    return wrong
