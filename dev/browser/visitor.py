"""A browser that watches itself: errors on the console, requests to other hosts, and what axe-core finds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from .findings import chromium

AXE = "{ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'], resultTypes: ['violations'] }"


@contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Chromium's own sandbox needs a user namespace, which a container run by root may lack.
        running = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        try:
            yield running
        finally:
            running.close()


class Visitor:
    """One window. `troubles`: what no page may cause."""

    def __init__(self, context: BrowserContext, host: str) -> None:
        self.page: Page = context.new_page()
        self.troubles: list[str] = []
        self._host = host
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        self.page.on("request", self._requested)

    def _said(self, message: Any) -> None:
        # A preview that cannot be made is a 404, which Chromium prints; the tile says so.
        if message.type == "error" and "/thumbnail" not in message.location.get("url", ""):
            self.troubles.append(f"console: {message.text[:200]}")

    def _requested(self, request: Any) -> None:
        if urlsplit(request.url).scheme in ("http", "https") and urlsplit(request.url).netloc != self._host:
            self.troubles.append(f"another host: {request.url[:120]}")

    def accessibility(self) -> list[str]:
        """What axe-core finds, with the first element of each."""
        self.page.evaluate(Path(AXE_FILE_PATH).read_text())
        found = self.page.evaluate(f"axe.run(document, {AXE})")
        return [
            f"{each['impact']}: {each['id']} at {each['nodes'][0]['target']}"
            for each in found["violations"]
            if each["impact"] in ("serious", "critical")
        ]

    def overflows(self) -> bool:
        """Whether the page can be scrolled sideways."""
        wide: bool = self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        return wide

    def shift(self) -> float:
        """The layout shift so far (0: nothing has jumped)."""
        total: float = self.page.evaluate(
            "new Promise((done) => { let sum = 0; new PerformanceObserver((list) => { for (const e of list.getEntries())"
            " if (!e.hadRecentInput) sum += e.value; }).observe({ type: 'layout-shift', buffered: true });"
            " setTimeout(() => done(sum), 300); })"
        )
        return total
