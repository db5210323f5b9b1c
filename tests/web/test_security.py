"""Who is let in, and what every response says to the browser."""

from __future__ import annotations

import re

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from stablecog_provider.web.rendering import STATIC
from stablecog_provider.web.security import COOKIE, Gate
from support.page import BASE, asked, page_over
from support.stage import days_of, stage_of

HOST = "127.0.0.1:8000"


def gated() -> ASGIApp:
    return Gate(PlainTextResponse("inside"), token="made-up", hosts=[HOST])


def visitor(app: ASGIApp, host: str = HOST) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=f"http://{host}")


async def test_the_token_is_exchanged_for_a_cookie_once() -> None:
    app = gated()
    async with visitor(app) as one, visitor(app) as other:
        assert (await one.get("/a?x=1")).status_code == 401
        let_in = await one.get("/a?x=1&token=made-up")
        assert (let_in.status_code, let_in.headers["location"]) == (303, "/a?x=1")
        cookie = let_in.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert (await one.get("/a")).text == "inside"
        assert (await other.get("/a?token=made-up")).status_code == 401


@pytest.mark.parametrize("offered", ["", "made-up2", "Made-up", "%ff"])
async def test_another_token_is_refused(offered: str) -> None:
    async with visitor(gated()) as one:
        assert (await one.get(f"/?token={offered}")).status_code == 401
        assert (await one.get("/", headers={"cookie": f"{COOKIE}={offered}; =;"})).status_code == 401


@pytest.mark.parametrize("host", ["evil.test:8000", "127.0.0.1:9", "localhost", "127.0.0.1.evil.test:8000"])
async def test_another_host_is_refused_even_with_the_token(host: str) -> None:
    async with visitor(gated(), host) as one:
        assert (await one.get("/?token=made-up")).status_code == 421


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
async def test_there_is_no_page_of_the_framework(path: str) -> None:
    assert (await asked(page_over(stage_of()), path, follow_redirects=True)).status_code == 404


async def test_every_page_has_a_strict_policy_and_is_not_kept() -> None:
    stage = stage_of(*days_of(3, 2))
    await stage.run()
    for path in (f"{BASE}/", f"{BASE}/gallery", "/static/page.css", "/nothing/"):
        headers = (await asked(page_over(stage), path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["cache-control"] == ("no-cache" if path.startswith("/static") else "no-store")
        assert headers["x-content-type-options"] == "nosniff"


async def test_nothing_in_the_markup_needs_more_than_the_policy_allows() -> None:
    stage = stage_of(*days_of(3, 2))
    await stage.run()
    for path in (f"{BASE}/", f"{BASE}/gallery"):
        html = (await asked(page_over(stage), path)).text
        assert not re.search(r"\sstyle=|\son\w+=|<style|<script(?! src=)|javascript:", html)
        addresses = re.findall(r'(?:src|href|action)="([^"]*)"', html)
        assert all(each.startswith(("/", "#")) or not each for each in addresses), addresses


def test_scripts_name_no_other_host_and_evaluate_nothing() -> None:
    for script in STATIC.glob("*.js"):
        text = script.read_text()
        assert not re.search(
            r"https?://(?!www\.w3\.org/2000/svg)|\beval\(|new Function|innerHTML|document\.write", text
        ), script
