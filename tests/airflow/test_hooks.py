"""The hook: a strictly checked connection, and the outputs as an iterator."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from stablecog_provider.adapters.assembly import open_source
from stablecog_provider.adapters.settings import SourceSettings
from stablecog_provider.adapters.stablecog_api import StablecogApi
from stablecog_provider.airflow.hooks import StablecogHook
from stablecog_provider.errors import ConfigurationError, CredentialsRejected
from stablecog_provider.model.output import Output
from stablecog_provider.model.times import format_instant
from support.airflow_canary import KEY, Connect

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HEADER = "gateway-5ecret-0815"
Answer = Callable[[httpx.Request], httpx.Response]


def output(number: int) -> dict[str, Any]:
    instant = format_instant(NOW - timedelta(hours=1, minutes=number))
    return {
        "id": f"output-{number}",
        "image_url": f"https://b.stablecog.com/{number}.jpeg",
        "created_at": instant,
        "generation": {"id": f"generation-{number}", "created_at": instant},
    }


class Listing:
    """Three outputs, newest first, two per page. The cursor is the completion of the last row, as at the service."""

    def __init__(self) -> None:
        self.closed = 0
        self.asked: list[httpx.Request] = []
        self.rows = [output(number) for number in range(3)]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        asked = request.url.params
        cursor, rising = asked.get("cursor"), asked.get("order") == "asc"
        rows = sorted(self.rows, key=lambda row: row["created_at"], reverse=not rising)
        if cursor:
            rows = [row for row in rows if (row["created_at"] > cursor if rising else row["created_at"] < cursor)]
        size = int(asked.get("per_page", 2))
        document: dict[str, Any] = {"outputs": rows[:size]}
        if len(rows) > size:
            document["next"] = rows[size - 1]["created_at"]
        if not cursor:
            document["total"] = 0 if asked.get("start_dt", "") > "2100" else len(rows)
        return httpx.Response(200, json=document, headers={"Date": "Sat, 21 Nov 2026 12:00:00 GMT"})

    def connect(self, settings: SourceSettings) -> StablecogApi:
        listing = self

        class Transport(httpx.MockTransport):
            async def aclose(self) -> None:
                listing.closed += 1

        async def at_once(_: float) -> None:
            return None

        return StablecogApi(settings.address, settings.api_key, transport=Transport(self), sleep=at_once)


def hook(answer: Answer | None = None) -> StablecogHook:
    listing = Listing()
    if answer is not None:
        listing.__class__ = type("Other", (Listing,), {"__call__": lambda self, request: answer(request)})
    return StablecogHook(connect=listing.connect)


# --- the connection --------------------------------------------------------------------------------------------------


def test_a_key_is_enough(connect: Connect) -> None:
    connect("stablecog_default", conn_type="stablecog", password=KEY)
    settings = StablecogHook().get_conn()
    assert settings == SourceSettings(address="https://api.stablecog.com", api_key=KEY)
    assert KEY not in repr(settings)


@pytest.mark.parametrize(
    ("parts", "address"),
    [
        ({"host": "https://stablecog.example/base"}, "https://stablecog.example/base"),
        ({"host": "stablecog.example"}, "https://stablecog.example"),
        ({"host": "127.0.0.1", "schema": "http", "port": 8080}, "http://127.0.0.1:8080"),
        ({"host": "http://localhost/", "port": 8080}, "http://localhost:8080"),
    ],
)
def test_the_address_may_be_whole_or_in_parts(connect: Connect, parts: dict[str, Any], address: str) -> None:
    connect("stablecog_default", conn_type="stablecog", password=KEY, **parts)
    assert StablecogHook().get_conn().address == address


@pytest.mark.parametrize(
    "hosts", ["cdn.example.com, 10.0.0.5:8080,", ["cdn.example.com", "10.0.0.5:8080"]], ids=["text", "list"]
)
def test_extras_become_settings(connect: Connect, hosts: object) -> None:
    extra = {"image_hosts": hosts, "requests_per_second": "2.5"}
    connect("stablecog_default", conn_type="stablecog", password=f" {KEY}\n", extra=extra)
    settings = StablecogHook().get_conn()
    assert settings.image_hosts == ("cdn.example.com", "10.0.0.5:8080")
    assert settings.requests_per_second == 2.5
    assert settings.api_key == KEY


def test_empty_fields_of_the_form_mean_the_defaults(connect: Connect) -> None:
    extra = {"image_hosts": "", "requests_per_second": None}
    connect("stablecog_default", conn_type="stablecog", host="", password=KEY, extra=extra)
    assert StablecogHook().get_conn() == SourceSettings(api_key=KEY)


@pytest.mark.parametrize(
    ("extra", "named"),
    [
        ({"image_host": "cdn.example.com"}, "image_host"),
        ({"image_hosts": {"a": 1}}, "image_hosts"),
        ({"image_hosts": ["a", 1]}, "image_hosts"),
        ({"image_hosts": "https://cdn.example.com/x"}, "not a host"),
        ({"requests_per_second": "many"}, "requests_per_second"),
        ({"requests_per_second": True}, "requests_per_second"),
        ({"requests_per_second": [8]}, "requests_per_second"),
        ({"secret_headers": "no colon here"}, "no colon"),
        ({"secret_headers": {"X-Key": 3}}, "secret_headers"),
        ({"secret_headers": ["X-Key: value"]}, "secret_headers"),
        ({"secret_headers": {"Authorization": "Bearer x"}}, "it carries the API key"),
    ],
)
def test_a_wrong_extra_is_named_with_its_connection(connect: Connect, extra: dict[str, Any], named: str) -> None:
    connect("other", conn_type="stablecog", password=KEY, extra=extra)
    with pytest.raises(ConfigurationError, match="connection 'other'.*" + named) as caught:
        StablecogHook("other").get_conn()
    assert KEY not in str(caught.value)


def test_a_missing_connection_is_named() -> None:
    with pytest.raises(ConfigurationError, match="'nowhere' does not exist -> create it"):
        StablecogHook("nowhere").get_conn()


def test_a_missing_key_is_an_error_before_any_request(connect: Connect) -> None:
    connect("stablecog_default", conn_type="stablecog")
    listing = Listing()
    with pytest.raises(ConfigurationError, match="API key is empty"):
        list(StablecogHook(connect=listing.connect).outputs())
    assert not listing.asked


def test_airflow_masks_the_key(connect: Connect) -> None:
    from airflow.sdk._shared.secrets_masker import redact

    connect("stablecog_default", conn_type="stablecog", password=KEY)
    StablecogHook().get_conn()
    assert KEY not in str(redact(f"Bearer {KEY}"))


@pytest.mark.parametrize(
    "written", [f"X-Gateway: {HEADER}\nX-Team: archive", {"X-Gateway": HEADER, "X-Team": "archive"}]
)
def test_headers_of_a_gateway_are_sent_masked_and_shown_nowhere(connect: Connect, written: object) -> None:
    from airflow.api_fastapi.core_api.datamodels.connections import ConnectionResponse
    from airflow.models import Connection
    from airflow.sdk._shared.secrets_masker import redact

    connect("stablecog_default", conn_type="stablecog", password=KEY, extra={"secret_headers": written})
    settings = StablecogHook().get_conn()
    assert settings.headers == (("X-Gateway", HEADER), ("X-Team", "archive"))
    assert HEADER not in repr(settings)
    assert HEADER not in str(redact(f"the gateway said {HEADER}"))
    extra = json.dumps({"secret_headers": written})
    stored = Connection(conn_id="stablecog_default", conn_type="stablecog", extra=extra)
    assert HEADER not in ConnectionResponse.model_validate(stored).model_dump_json()
    assert HEADER not in repr(open_source(settings))


# --- test_connection -------------------------------------------------------------------------------------------------


def test_a_good_connection_is_confirmed(connect: Connect) -> None:
    connect("stablecog_default", conn_type="stablecog", password=KEY)
    assert hook().test_connection() == (True, "https://api.stablecog.com accepts the key and lists 3 outputs.")


def test_a_bad_connection_names_the_next_step(connect: Connect) -> None:
    connect("stablecog_default", conn_type="stablecog", password=KEY)
    works, words = hook(lambda _: httpx.Response(401, json={"error": "Unauthorized"})).test_connection()
    assert not works
    assert "Unauthorized" in words
    assert "password of the connection" in words
    assert KEY not in words


def test_a_connection_test_makes_at_most_two_attempts(connect: Connect) -> None:
    connect("stablecog_default", conn_type="stablecog", password=KEY)
    asked: list[SourceSettings] = []

    def refuse(settings: SourceSettings) -> StablecogApi:
        asked.append(settings)
        return Listing().connect(settings)

    assert StablecogHook(connect=refuse).test_connection()[0]
    assert asked[0].attempts == 2


# --- outputs ---------------------------------------------------------------------------------------------------------


def test_nothing_is_requested_before_the_first_output_is_wanted(connect: Connect) -> None:
    connect("stablecog_default", conn_type="stablecog", password=KEY)
    listing = Listing()
    StablecogHook(connect=listing.connect).outputs()
    assert not listing.asked


@pytest.mark.parametrize("leave", ["close", "drop"])
def test_leaving_early_closes_the_connection(connect: Connect, leave: str) -> None:
    connect("stablecog_default", conn_type="stablecog", password=KEY)
    listing = Listing()
    outputs: Any = StablecogHook(connect=listing.connect).outputs(per_page=1)
    next(outputs)
    requests = len(listing.asked)
    assert (listing.closed, len(listing.asked)) == (0, requests)
    if leave == "close":
        outputs.close()
    del outputs
    gc.collect()
    assert listing.closed == 1
    assert len(listing.asked) == requests


def test_errors_come_through_the_iterator(connect: Connect) -> None:
    connect("stablecog_default", conn_type="stablecog", password=KEY)
    with pytest.raises(CredentialsRejected):
        next(hook(lambda _: httpx.Response(401)).outputs())


@pytest.mark.parametrize("per_page", [1, 2, 300])
def test_each_output_comes_once(connect: Connect, per_page: int) -> None:
    connect("stablecog_default", conn_type="stablecog", password=KEY)
    outputs = list(hook().outputs(per_page=per_page))
    assert sorted(item.id or "" for item in outputs) == ["output-0", "output-1", "output-2"]
    assert all(isinstance(item, Output) for item in outputs)


def test_outputs_are_within_the_window(connect: Connect) -> None:
    connect("stablecog_default", conn_type="stablecog", password=KEY)
    first = NOW - timedelta(hours=1, minutes=1)
    outputs = list(hook().outputs(first, first + timedelta(minutes=1)))
    assert [item.id for item in outputs] == ["output-1"]


def test_outputs_that_have_not_settled_are_left_out(connect: Connect) -> None:
    connect("stablecog_default", conn_type="stablecog", password=KEY)
    assert list(hook().outputs(NOW, NOW + timedelta(days=1))) == []
