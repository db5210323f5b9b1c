"""Proxies and private authorities mean the same on every leg: over real TLS, through a proxy of our own."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.exceptions import EndpointConnectionError

from adapters.network.legs import HOSTS, LEGS, NAMES, ask, hosts
from dev.local.authority import Authority
from dev.local.forward_proxy import HOST, forward_proxy
from stablecog_provider.adapters.network.network import Network
from stablecog_provider.errors import ArchiveError, ConfigurationError, ImageRefused, TransientError
from support.aws_services import Aws

# A client of boto3 takes seconds to make.
pytestmark = pytest.mark.slow
PASSWORD = "p@ss:ge/heim"
ENCODED = "p%40ss%3Age%2Fheim"


@pytest.fixture
def authority(tmp_path: Path, aws: Aws) -> Authority:
    """A private authority. The environment of boto3 is empty."""
    return Authority.create(tmp_path)


@pytest.fixture
def network(authority: Authority) -> Callable[..., Network]:
    def of(proxy: str, **variables: str) -> Network:
        return Network.of({"HTTPS_PROXY": proxy, "SSL_CERT_FILE": str(authority.file), **variables})

    return of


async def failure(leg: str, network: Network) -> ArchiveError:
    with pytest.raises(ArchiveError) as raised:
        await ask(leg, network)
    error = raised.value
    assert "geheim" not in f"{error} {error!r}"
    assert "heim" not in str(error.__context__ or "") or error.__suppress_context__
    return error


@pytest.mark.parametrize("leg", LEGS)
async def test_https_through_a_proxy_with_a_password(
    leg: str, authority: Authority, network: Callable[..., Network], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with (
        hosts(authority.server(*NAMES)) as names,
        forward_proxy(names, login=("us@er", PASSWORD)) as proxy,
    ):
        await ask(leg, network(f"http://us%40er:{ENCODED}@{proxy.address}"))
    assert [line.rpartition(" ")[0] for line in proxy.asked] == [f"CONNECT {HOSTS[leg]}:443"]
    assert "heim" not in caplog.text


@pytest.mark.parametrize("leg", ["images", "store", "listing", "sts"])
async def test_plain_http_through_a_proxy_with_a_password(leg: str, network: Callable[..., Network]) -> None:
    async with hosts(None) as names, forward_proxy(names, login=("user", PASSWORD)) as proxy:
        await ask(leg, network("", HTTP_PROXY=f"http://user:{ENCODED}@{proxy.address}"), "http")
    assert proxy.hosts() == {HOSTS[leg]}


@pytest.mark.parametrize("leg", LEGS)
async def test_a_proxy_that_is_reached_by_tls(leg: str, authority: Authority, network: Callable[..., Network]) -> None:
    async with (
        hosts(authority.server(*NAMES)) as names,
        forward_proxy(names, authority.server("127.0.0.1")) as proxy,
    ):
        await ask(leg, network(f"https://{proxy.address}"))
    assert proxy.hosts() == {HOSTS[leg]}


@pytest.mark.parametrize("leg", LEGS)
async def test_a_host_of_no_proxy_is_asked_directly_whatever_the_environment_says(
    leg: str, authority: Authority, network: Callable[..., Network], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hosts(authority.server(*NAMES)) as names, forward_proxy(names) as proxy:
        # The process's own variables, which the clients would read, say the opposite of ours.
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.address}")
        monkeypatch.setenv("NO_PROXY", "other.test")
        # No name service knows the host.
        with pytest.raises((TransientError, EndpointConnectionError)):
            await ask(leg, network(f"http://{proxy.address}", NO_PROXY=".corp.test"))
    assert proxy.asked == []


@pytest.mark.parametrize("leg", LEGS)
@pytest.mark.parametrize(
    ("refuses", "final"),
    [
        ("407 Proxy Authentication Required", True),
        ("403 Forbidden", True),
        ("502 Bad Gateway", False),
        ("503 Service Unavailable", False),
    ],
)
async def test_a_proxy_that_refuses(
    leg: str, refuses: str, final: bool, authority: Authority, network: Callable[..., Network]
) -> None:
    async with forward_proxy({}, refuses=refuses) as proxy:
        error = await failure(leg, network(f"http://user:{ENCODED}@{proxy.address}"))
    assert f"the proxy http://{proxy.address} (HTTPS_PROXY)" in error.message
    if leg == "store" and not refuses.startswith("407"):
        # obstore does not say which status it was.
        assert isinstance(error, TransientError)
        assert f"refused to connect to {HOSTS[leg]}" in error.message
        return
    assert f"answered {refuses[:3]}" in error.message
    assert isinstance(error, ConfigurationError | ImageRefused if final else TransientError)
    assert ("HTTPS_PROXY" if refuses.startswith("407") else f"allow {HOSTS[leg]}") in error.hint


@pytest.mark.parametrize("leg", LEGS)
@pytest.mark.parametrize("drops", [True, False], ids=["drops", "down"])
async def test_a_proxy_that_does_not_answer(leg: str, drops: bool, network: Callable[..., Network]) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        down = f"{HOST}:{taken.getsockname()[1]}"
        async with forward_proxy({}, drops=True) as proxy:
            address = proxy.address if drops else down
            error = await failure(leg, network("", ALL_PROXY=f"http://user:{ENCODED}@{address}"))
    assert isinstance(error, TransientError)
    assert f"the proxy http://{address} (ALL_PROXY)" in error.message
    assert "ALL_PROXY" in error.hint
    assert "NO_PROXY" in error.hint


@pytest.mark.parametrize("leg", LEGS)
@pytest.mark.parametrize("why", ["unknown", "expired", "another name"])
async def test_a_certificate_that_is_not_trusted(
    leg: str, why: str, authority: Authority, network: Callable[..., Network], tmp_path: Path
) -> None:
    names, days = (("other.test",) if why == "another name" else NAMES), (-1 if why == "expired" else 30)
    server = authority.server(*names, days=days)
    trusted = Authority.create(tmp_path, "other") if why == "unknown" else authority
    async with hosts(server) as ports, forward_proxy(ports) as proxy:
        error = await failure(leg, network(f"http://{proxy.address}", SSL_CERT_FILE=str(trusted.file)))
    assert isinstance(error, ConfigurationError | ImageRefused)
    assert f"the certificate of {HOSTS[leg]}" in error.message
    assert " was rejected: " in error.message
    expected = {"unknown": "SSL_CERT_FILE", "expired": "renewed", "another name": "another name"}[why]
    assert expected in error.hint


@pytest.mark.parametrize("leg", LEGS)
async def test_without_a_variable_the_hint_names_one(leg: str, authority: Authority) -> None:
    async with hosts(authority.server(*NAMES)) as ports, forward_proxy(ports) as proxy:
        error = await failure(leg, Network.of({"HTTPS_PROXY": f"http://{proxy.address}"}))
    assert isinstance(error, ConfigurationError | ImageRefused)
    assert ("SSL_CERT_FILE" if leg in ("api", "images") else "AWS_CA_BUNDLE") in error.hint


@pytest.mark.parametrize("leg", ["store", "listing", "sts"])
@pytest.mark.parametrize("by", ["AWS_CA_BUNDLE", "ca_bundle"])
async def test_the_authorities_of_aws_replace_the_others(leg: str, by: str, authority: Authority, aws: Aws) -> None:
    other = Authority.create(aws.home, "other")
    if by == "ca_bundle":
        aws.configure(f"[default]\nca_bundle = {authority.file}\n")
    else:
        aws.configure("", AWS_CA_BUNDLE=str(authority.file))
    async with hosts(authority.server(*NAMES)) as ports, forward_proxy(ports) as proxy:
        network = Network.of({"HTTPS_PROXY": f"http://{proxy.address}", "SSL_CERT_FILE": str(other.file)})
        await ask(leg, network)
        with pytest.raises((ConfigurationError, ImageRefused), match=r"certificate of images\.corp\.test"):
            await ask("images", network)
