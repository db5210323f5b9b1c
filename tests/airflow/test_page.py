"""The page inside Airflow's own API server, with its login: who is let in, who may act, what tabs show."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI

from dev.local.s3_server import S3Server
from support.tree import ROOT

pytestmark = [
    pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient`"),
    pytest.mark.filterwarnings("ignore:The HMAC key is"),
]
BASE = "/stablecog/archive~page"


@pytest.fixture(scope="module")
def api(airflow_database: None) -> Any:
    """Airflow's API server in this process, with the plugin's application where Airflow mounts it."""
    from airflow.api_fastapi.app import create_app

    from stablecog_provider.airflow.plugin import PREFIX, StablecogPlugin

    app = create_app(apps="core")
    mounted = [route for route in app.routes if getattr(route, "path", "") == PREFIX]
    if not mounted:
        app.mount(PREFIX, StablecogPlugin.fastapi_apps[0]["app"])
        # Airflow's last route catches everything.
        app.routes.insert(0, app.routes.pop())
    return app


@pytest.fixture
def visit(api: Any, connected: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], Any]:
    """Returns a browser of somebody with this role; "" is a login without a role, None is nobody."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from fastapi.testclient import TestClient

    from stablecog_provider.airflow.plugin import StablecogPlugin

    connected()
    monkeypatch.setenv("STABLECOG_PAGE_ARCHIVES", "s3://archive/page")
    StablecogPlugin.fastapi_apps[0]["app"]._app = None

    def as_role(role: str | None) -> Any:
        client = TestClient(api, base_url="http://localhost")
        if role is not None:
            user = SimpleAuthManagerUser(username=role or "somebody", role=role or None)
            client.cookies.set("_token", get_auth_manager().generate_jwt(user))
        return client

    return as_role


@pytest.fixture(scope="module")
def daily(airflow_database: None) -> Any:
    from support.airflow_versions import DagBag

    return DagBag(str(ROOT / "dags")).dags["stablecog_archive_daily"]


@pytest.mark.parametrize("path", ["/", f"{BASE[10:]}/", f"{BASE[10:]}/gallery", "/static/page.css", "/tabs/x/"])
def test_nobody_is_let_in_without_a_login(visit: Any, path: str) -> None:
    assert visit(None).get(f"/stablecog{path}").status_code == 401


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/redoc"])
def test_there_are_no_pages_of_the_framework(visit: Any, path: str) -> None:
    assert visit("admin").get(f"/stablecog{path}").status_code == 404


def test_runs_tabs_and_actions(visit: Any, daily: Any, moto_server: S3Server) -> None:
    before = visit("viewer").get(f"{BASE}/")
    assert "No archive here yet" in before.text
    run = daily.test(run_conf={"bucket": "archive", "prefix": "page"})
    assert run.state == "success"
    viewer, operator = visit("viewer"), visit("op")
    for reader in (viewer, operator):
        html = reader.get(f"{BASE}/").text
        assert "Proven" in html
        assert "frame-ancestors 'self'" in reader.get(f"{BASE}/").headers["content-security-policy"]
    # A viewer reads, an operator acts.
    assert "data-dag" not in viewer.get(f"{BASE}/").text
    offered = re.findall(r'data-dag="([^"]+)" data-conf="([^"]+)"', operator.get(f"{BASE}/").text)
    assert ("stablecog_archive_daily") in {dag for dag, _ in offered}
    conf = json.loads(offered[0][1].replace("&#34;", '"'))
    assert conf == {"bucket": "archive", "prefix": "page"}
    # The tab of the DAG is that archive's overview, the tab of the run is its report.
    tab = viewer.get("/stablecog/tabs/stablecog_archive_daily/")
    assert tab.url.path == f"{BASE}/"
    assert '<header class="bar">' not in tab.text
    report = viewer.get(f"/stablecog/tabs/stablecog_archive_daily/{run.run_id}/")
    assert "Images copied" in report.text
    assert viewer.get("/stablecog/tabs/stablecog_archive_daily/no-such-run/").status_code == 404
    # The task's links, as Airflow's own interface reads them.
    task = f"/api/v2/dags/stablecog_archive_daily/dagRuns/{run.run_id}/taskInstances/archive/links"
    answers = (viewer.get(task) for _ in range(5))
    # Airflow answers with status 500 if another connection to its SQLite database closes at this moment.
    links = next(answer for answer in answers if answer.status_code != 500).json()["extra_links"]
    assert links["Archive"] == f"{BASE}/"
    assert viewer.get(links["Archive"]).status_code == 200
    assert "Images copied" in viewer.get(links["Run report"]).text
    # The simulated store has no console.
    assert links["Manifest"] is None
    link = re.search(r'<li class="tile"[^>]*><a href="([^"]+)"', viewer.get(f"{BASE}/gallery").text)
    assert link
    assert viewer.get(f"{link[1]}/original").headers["content-type"].startswith("image/")
    assert visit(None).get(f"{link[1]}/original").status_code == 401


def test_a_place_that_cannot_be_used_is_named(visit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STABLECOG_PAGE_ARCHIVES", "archive/page")
    assert "STABLECOG_PAGE_ARCHIVES" in visit("viewer").get("/stablecog/").text


@pytest.mark.parametrize(
    "path", ["/", f"{BASE[10:]}/", f"{BASE[10:]}/gallery", "/static/page.css", "/tabs/x/", "/tabs/x/y/"]
)
def test_a_login_without_a_role_or_with_a_false_token_is_refused(visit: Any, path: str) -> None:
    assert visit("").get(f"/stablecog{path}", follow_redirects=False).status_code == 403
    stranger = visit(None)
    stranger.cookies.set("_token", "not-a-token")
    assert stranger.get(f"/stablecog{path}", follow_redirects=False).status_code == 403


def test_another_site_cannot_send_what_a_button_sends(visit: Any) -> None:
    """A form of another site can send these types without a preflight. Airflow reads JSON alone, and grants no preflight."""
    address, body = "/api/v2/dags/no_such_dag/dagRuns", json.dumps({"logical_date": None, "conf": {}})
    operator = visit("op")
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"):
        assert operator.post(address, content=body, headers={"content-type": kind}).status_code == 422
    if "strict_content_type" in inspect.signature(FastAPI).parameters:
        # The FastAPI of Airflow 3.1 accepts a body without a content type. There, the SameSite login cookie protects.
        assert operator.post(address, content=body).status_code == 422
    asks = {"origin": "https://other.example", "access-control-request-method": "POST"}
    asked = operator.options(address, headers={**asks, "access-control-request-headers": "content-type"})
    assert "access-control-allow-origin" not in asked.headers
    as_json = {"content-type": "application/json"}
    # The same body as JSON is read: then it matters that there is no such DAG.
    assert operator.post(address, content=body, headers=as_json).status_code == 404
    assert visit("viewer").post(address, content=body, headers=as_json).status_code == 403
    assert visit(None).post(address, content=body, headers=as_json).status_code == 401


def test_a_tab_that_has_nothing_to_show_says_so_without_the_bar(visit: Any) -> None:
    answer = visit("viewer").get("/stablecog/tabs/another_dag/")
    assert answer.status_code == 404
    assert "No run of this DAG has written to an archive" in answer.text
    assert '<header class="bar">' not in answer.text
    assert '<header class="bar">' in visit("viewer").get(f"{BASE}/runs/nothing.json").text


def test_airflow_may_be_served_under_a_path(visit: Any, api: Any) -> None:
    from fastapi.testclient import TestClient

    from stablecog_provider.airflow.plugin import StablecogPlugin, views_of

    assert StablecogPlugin.external_views[0]["href"] == "/stablecog/"
    assert [view["href"] for view in views_of("https://example.org/team/airflow/")] == [
        "/team/airflow/stablecog/",
        "/team/airflow/stablecog/tabs/{DAG_ID}/",
        "/team/airflow/stablecog/tabs/{DAG_ID}/{RUN_ID}/",
    ]
    below = TestClient(api, base_url="http://localhost", root_path="/team/airflow", cookies=visit("op").cookies)
    page = below.get("/team/airflow/stablecog/")
    assert page.url.path == f"/team/airflow{BASE}/"
    assert 'src="/team/airflow/stablecog/static/common.js"' in page.text
    # Where buttons find Airflow's API.
    assert '<html lang="en" data-outer="/team/airflow">' in page.text
    assert '<html lang="en" data-outer="">' in visit("op").get(f"{BASE}/").text
