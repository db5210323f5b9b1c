"""What holds inside Airflow alone: its navigation and tabs, who may act, and a run that is requested and appears."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, FrameLocator, Page

from .checks import BASE, visiting
from .places import Place, switch

DAG = "stablecog_archive_daily"


def log_in(browser: Browser, place: Place, name: str) -> Any:
    """The state of a browser whose user has logged in by Airflow's form."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(place.address)
    page.locator("input[name=username]").fill(name)
    page.locator("input[name=password]").fill(place.passwords[name])
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "login" not in url)
    state = context.storage_state()
    context.close()
    return state


def _framed(page: Page) -> FrameLocator:
    """The page inside Airflow's frame."""
    return page.frame_locator("iframe[src*='/stablecog/']")


def navigates(browser: Browser, place: Place, state: Any, shots: Path) -> list[str]:
    """From Airflow's navigation to the verdict; a DAG's tab; a download out of the sandboxed frame; Airflow's theme."""
    wrong = []
    with visiting(browser, place, state) as visitor:
        page = visitor.page
        page.goto(place.address, wait_until="networkidle")
        page.get_by_role("button", name="Browse").first.click()
        page.get_by_role("menuitem", name="Stablecog").first.click()
        frame = _framed(page)
        frame.locator("h1.word").wait_for()
        page.screenshot(path=shots / "airflow-navigation.png")
        page.goto(f"{place.address}/dags/{DAG}/plugin/stablecog_archive", wait_until="networkidle")
        frame = _framed(page)
        frame.locator("h1.word").wait_for()
        if frame.locator("header.bar").count():
            wrong.append("the DAG's tab shows the bar")
        page.screenshot(path=shots / "airflow-dag-tab.png")
        page.goto(f"{place.address}/plugin/stablecog", wait_until="networkidle")
        frame = _framed(page)
        frame.locator("nav >> text=Gallery").click()
        frame.locator(".tile:not(.absent) > a").first.click()
        frame.locator("dialog.viewer .download").wait_for()
        with page.expect_download() as downloading:
            frame.locator("dialog.viewer .download").click()
        if not Path(downloading.value.path()).stat().st_size:
            wrong.append("the download out of the frame is empty")
        page.evaluate("localStorage.setItem('theme', 'dark')")
        page.goto(f"{place.address}/plugin/stablecog", wait_until="networkidle")
        _framed(page).locator("html[data-theme=dark] h1.word").wait_for()
    return wrong


def acts(browser: Browser, place: Place, state: Any, shots: Path) -> list[str]:
    """Trigger a run of a paused DAG, see that it waits and why, switch the DAG on, and see the run's report on its tab."""
    wrong = []
    place.source.advance(1_800)
    switch(place.address, place.passwords, paused=True)
    with visiting(browser, place, state) as visitor:
        page = visitor.page
        page.goto(f"{place.root}/{BASE}/", wait_until="networkidle")
        button = page.locator("button.act").first
        button.click()
        status = page.locator(".verdict p[role=status]")
        status.locator("a").wait_for()
        page.locator(".verdict p[role=status]", has_text="the DAG is paused").wait_for()
        page.screenshot(path=shots / "airflow-run-requested.png")
        switch(place.address, place.passwords, paused=False)
        run = (status.locator("a").get_attribute("href") or "").rpartition("/")[2]
        page.locator(".verdict p[role=status]", has_text="done").wait_for(timeout=240_000)
        page.reload(wait_until="networkidle")
        if page.locator("#h-runs").count() == 0 or page.locator("tbody tr >> text=Report").count() < 2:
            wrong.append("the run does not appear on the overview")
        page.goto(f"{place.root}/tabs/{DAG}/{run}/", wait_until="networkidle")
        if not page.locator("text=What happened").count():
            wrong.append("the run's tab has no report")
        page.screenshot(path=shots / "airflow-run-tab.png")
        wrong += visitor.troubles
    return wrong


def only_reads(browser: Browser, place: Place, state: Any) -> list[str]:
    """A viewer sees the page and no button, and Airflow refuses what a button would send."""
    wrong = []
    with visiting(browser, place, state) as visitor:
        page = visitor.page
        page.goto(f"{place.root}/{BASE}/", wait_until="networkidle")
        if page.locator("button.act").count():
            wrong.append("a viewer sees a button")
        refused = page.evaluate(
            "async (dag) => (await fetch('/api/v2/dags/' + dag + '/dagRuns', { method: 'POST',"
            " headers: { 'content-type': 'application/json' }, body: JSON.stringify({ logical_date: null }) })).status",
            DAG,
        )
        if refused != 403:
            wrong.append(f"Airflow answers {refused} to a viewer who triggers a run")
    return wrong
