"""Credentials that expire during a run: renewed in time, and used as long as they are valid if a renewal fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from aiohttp import web
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import EndpointConnectionError, UnauthorizedSSOTokenError

from adapters.conftest import http_server, no_sleep
from stablecog_provider.adapters.object_store import S3ObjectStore
from stablecog_provider.adapters.store_credentials import RETRIES, StoreCredentials
from stablecog_provider.adapters.stored_objects import S3StoredObjects
from stablecog_provider.errors import ArchiveError, CredentialsRejected, StoreUnavailable
from support.aws_services import BASE, ROLE, Aws, assumed, refused
from support.store_operations import ALL, assert_presentable, operate, xml

BEGAN = datetime(2026, 11, 27, tzinfo=UTC)
DOWN = EndpointConnectionError(endpoint_url="https://sts.example")


class Sts:
    """Issues credentials for an hour, by a clock of its own. `fails` decides about each request, counted from 1."""

    def __init__(self, fails: Callable[[int], Exception | None] = lambda _: None) -> None:
        self.fails = fails
        self.now = BEGAN
        self.asked = 0

    def issue(self) -> dict[str, str]:
        self.asked += 1
        if error := self.fails(self.asked):
            raise error
        until = (self.now + timedelta(hours=1)).isoformat()
        return {"access_key": f"key-{self.asked}", "secret_key": "s", "token": "t", "expiry_time": until}

    def source(self) -> RefreshableCredentials:
        """The credentials of a session, of the class that botocore itself uses."""
        first = self.issue()
        return RefreshableCredentials(
            first["access_key"], first["secret_key"], first["token"], self.now + timedelta(hours=1), self.issue, "sts",
            time_fetcher=lambda: self.now,
        )  # fmt: skip

    def monotonic(self) -> float:
        return (self.now - BEGAN).total_seconds()

    async def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def credentials(self) -> StoreCredentials:
        return StoreCredentials(Session(self.source), sleep=self.sleep, monotonic=self.monotonic)


class Session(boto3.Session):
    """A session whose credentials come from `source`."""

    def __init__(self, source: Callable[[], Any]) -> None:
        super().__init__(region_name="eu-central-1")
        self._source, self._loaded = source, None

    def get_credentials(self) -> Any:
        self._loaded = self._loaded or self._source()
        return self._loaded


def key(credentials: StoreCredentials) -> str:
    return credentials()["access_key_id"]


async def hours(sts: Sts, count: int, credentials: StoreCredentials) -> list[str]:
    """Make a request every 10 seconds, and return the keys that were used. Fails if one has expired."""
    used: list[str] = []
    for _ in range(count * 360):
        await credentials.ready()
        assert not credentials._source.refresh_needed(refresh_in=0)
        if key(credentials) not in used:
            used.append(key(credentials))
        sts.now += timedelta(seconds=10)
    return used


async def test_a_role_is_renewed_every_hour_before_it_expires() -> None:
    sts = Sts()
    used = await hours(sts, 12, sts.credentials())
    assert used == [f"key-{number}" for number in range(1, 17)]


@pytest.mark.parametrize("answers", [2, 3, 5])
async def test_twelve_hours_of_renewals_of_which_most_fail_cost_nothing(answers: int) -> None:
    """Only every second, third, fifth request to STS is answered."""
    sts = Sts()
    credentials = sts.credentials()
    await credentials.ready()
    sts.fails = lambda asked: None if asked % answers == 0 else DOWN
    used = await hours(sts, 12, credentials)
    assert len(used) >= 15


async def test_an_outage_within_the_last_minutes_of_a_role_costs_nothing() -> None:
    sts = Sts()
    credentials = sts.credentials()
    await credentials.ready()
    sts.fails = lambda _: DOWN if timedelta(minutes=45) <= sts.now - BEGAN < timedelta(minutes=58) else None
    used = await hours(sts, 2, credentials)
    assert used[0] == "key-1"
    assert len(used) == 3
    # One attempt per minute, and none by the requests in between.
    assert sts.asked < 20


@pytest.mark.parametrize("error", [DOWN, UnauthorizedSSOTokenError()], ids=["down", "denied"])
async def test_valid_credentials_are_used_whatever_the_renewal_says(error: Exception) -> None:
    sts = Sts()
    credentials = sts.credentials()
    await credentials.ready()
    sts.fails = lambda _: error
    sts.now += timedelta(minutes=57)
    await credentials.ready()
    assert key(credentials) == "key-1"


@pytest.mark.parametrize(
    ("error", "kind"), [(DOWN, StoreUnavailable), (UnauthorizedSSOTokenError(), CredentialsRejected)]
)
async def test_expired_credentials_are_not_used(error: Exception, kind: type[ArchiveError]) -> None:
    sts = Sts()
    credentials = sts.credentials()
    await credentials.ready()
    sts.fails = lambda _: error
    sts.now += timedelta(minutes=60)
    with pytest.raises(kind):
        await credentials.ready()
    sts.fails = lambda _: None
    await credentials.ready()
    assert key(credentials) != "key-1"


async def test_requests_that_wait_together_fail_together() -> None:
    sts = Sts()
    credentials = sts.credentials()
    await credentials.ready()
    sts.fails = lambda _: DOWN
    sts.now += timedelta(minutes=60)
    outcomes = await asyncio.gather(*(credentials.ready() for _ in range(50)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {StoreUnavailable}
    assert len({id(outcome) for outcome in outcomes}) == 50
    assert sts.asked == 1 + RETRIES.attempts


async def test_requests_that_wait_together_are_served_by_one_renewal() -> None:
    sts = Sts()
    credentials = sts.credentials()
    await asyncio.gather(*(credentials.ready() for _ in range(50)))
    sts.now += timedelta(minutes=59)
    await asyncio.gather(*(credentials.ready() for _ in range(50)))
    assert (sts.asked, key(credentials)) == (2, "key-2")


async def test_the_client_keeps_no_credentials_that_are_renewed_soon() -> None:
    sts = Sts()
    credentials = sts.credentials()
    await credentials.ready()
    assert credentials()["expires_at"] > datetime.now(UTC)  # type: ignore[operator]
    sts.now += timedelta(minutes=59)
    assert credentials()["expires_at"] <= datetime.now(UTC)  # type: ignore[operator]


async def test_credentials_without_an_end_are_asked_for_again_after_five_minutes() -> None:
    class Rotated:
        asked = 0

        def get_frozen_credentials(self) -> Credentials:
            self.asked += 1
            return Credentials(f"key-{self.asked}", "s")

    clock = Sts()
    credentials = StoreCredentials(Session(Rotated), monotonic=clock.monotonic)
    for minutes, expected in ((0, "key-1"), (4, "key-1"), (5, "key-2")):
        clock.now = BEGAN + timedelta(minutes=minutes)
        await credentials.ready()
        assert key(credentials) == expected


def test_the_client_is_not_called_before_there_are_credentials() -> None:
    with pytest.raises(RuntimeError, match="not awaited"):
        Sts().credentials()()


def test_the_repr_shows_no_secret() -> None:
    credentials = Sts().credentials()
    asyncio.run(credentials.ready())
    assert "key-1" not in repr(credentials.current) + repr(credentials)


@pytest.mark.parametrize("operation", [*ALL, "head"])
async def test_each_operation_of_the_store_reports_the_service_that_failed(operation: str, aws: Aws) -> None:
    async def answer(request: web.Request) -> web.Response:
        return refused(503, "ServiceUnavailable")

    async with http_server(answer) as address:
        aws.configure(ROLE + BASE, AWS_ENDPOINT_URL_STS=f"http://{address}")
        store = S3ObjectStore("archive", session=aws.session(), endpoint_url=f"http://{address}", sleep=no_sleep)
        with pytest.raises(StoreUnavailable, match="AWS credentials: AssumeRole: 503 ServiceUnavailable"):
            await operate(store, operation)
    assert store.requests == 0


async def test_every_request_is_signed_with_credentials_that_are_valid(aws: Aws) -> None:
    """A role that expires at once, and an STS that fails every second time: no request of the store notices."""
    asked, signed = 0, []

    async def answer(request: web.Request) -> web.Response:
        nonlocal asked
        if request.method == "POST":
            asked += 1
            return assumed(f"role-{asked}", lasts=timedelta(seconds=20)) if asked % 2 else refused(503, "SlowDown")
        signed.append(request.headers["Authorization"].partition("Credential=")[2].partition("/")[0])
        assert request.headers["x-amz-security-token"] == "role-token"
        assert signed[-1] == f"role-{asked}"
        return web.Response(headers={"ETag": '"v"'})

    async with http_server(answer) as address:
        aws.configure(ROLE + BASE, AWS_ENDPOINT_URL_STS=f"http://{address}")
        store = S3ObjectStore("archive", session=aws.session(), endpoint_url=f"http://{address}", sleep=no_sleep)
        for _ in range(6):
            await operate(store, "put")
    assert len(set(signed)) == 6


@pytest.mark.parametrize("operation", ["get", "put", "create", "delete"])
@pytest.mark.parametrize(
    ("profile", "accepts", "requests"),
    [
        pytest.param(ROLE + BASE, "role-2", 2, id="renewed while the request was on its way"),
        pytest.param(ROLE + BASE, "none", 4, id="renewed, and refused each time"),
        pytest.param(BASE.replace("profile base", "default"), "none", 2, id="not renewed"),
    ],
)
async def test_a_request_whose_credentials_expired_on_the_way_is_repeated(
    operation: str, profile: str, accepts: str, requests: int, aws: Aws
) -> None:
    asked = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal asked
        if request.method == "POST":
            asked += 1
            return assumed(f"role-{asked}", lasts=timedelta(seconds=20))
        if f"Credential={accepts}/" in request.headers["Authorization"]:
            return web.Response(headers={"ETag": '"v"', "Last-Modified": "Fri, 27 Nov 2026 00:00:00 GMT"})
        return web.Response(status=400, text=xml("ExpiredToken"))

    async with http_server(answer) as address:
        aws.configure(profile, AWS_ENDPOINT_URL_STS=f"http://{address}")
        store = S3ObjectStore(
            "archive", session=aws.session(), endpoint_url=f"http://{address}", region="eu-west-1", sleep=no_sleep
        )
        if accepts == "none":
            with pytest.raises(CredentialsRejected, match="ExpiredToken") as caught:
                await operate(store, operation)
            assert_presentable(caught.value)
        else:
            await operate(store, operation)
    assert store.requests == requests


async def test_requests_beside_the_one_that_finds_new_credentials_are_signed_with_them_too() -> None:
    sts, signed = Sts(), list[str]()

    async def answer(request: web.Request) -> web.Response:
        signed.append(request.headers["Authorization"].partition("Credential=")[2].partition("/")[0])
        return web.Response(headers={"ETag": '"v"', "Content-Length": "1"})

    async with http_server(answer) as address:
        store = S3StoredObjects(
            "archive", session=Session(sts.source), endpoint_url=f"http://{address}", sleep=no_sleep
        )
        await store.checksum("k")
        sts.now += timedelta(minutes=61)
        # Another operation has renewed the keys; no client has been made with them yet.
        await store._credentials.ready()
        await asyncio.gather(*(store.checksum("k") for _ in range(4)))
    assert signed == ["key-1", *["key-2"] * 4]
