"""Network variables of an archive as it is opened: what cannot be used, and image hosts behind a proxy."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest

from adapters.network.legs import BODY, NAMES, hosts
from adapters.test_allowed_hosts import Names
from dev.local.authority import Authority
from dev.local.forward_proxy import forward_proxy
from stablecog_provider.adapters.assembly import open_archive
from stablecog_provider.adapters.image_http import HttpImages
from stablecog_provider.adapters.network.network import Network
from stablecog_provider.errors import ConfigurationError, ImageRefused, SourceUnavailable
from support.aws_services import Aws

LOCAL = "http://127.0.0.1:1"


async def opened(image_hosts: tuple[str, ...] = ()) -> None:
    session = boto3.Session("a", "b", region_name="us-east-1")
    async with open_archive(
        "s3://archive/p", api_key="sc-key", address=LOCAL, endpoint_url=LOCAL, session=session, image_hosts=image_hosts
    ):
        pass


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"HTTPS_PROXY": "socks5://u:geheim@p"}, "HTTPS_PROXY"),
        ({"all_proxy": "http://u:geheim@"}, "all_proxy"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "10.0.0.0/99"}, "NO_PROXY"),
        ({"SSL_CERT_FILE": "/no/such/file"}, "SSL_CERT_FILE"),
        ({"SSL_CERT_DIR": "/no/such/folder"}, "SSL_CERT_DIR"),
        ({"AWS_CA_BUNDLE": "/no/such/file"}, "AWS_CA_BUNDLE"),
    ],
)
async def test_what_cannot_be_used_is_refused_before_anything_is_asked(
    variables: dict[str, str], named: str, aws: Aws
) -> None:
    # API and store are on this machine, so only the images would use the proxy.
    aws.configure("", **variables)
    with pytest.raises(ConfigurationError, match=rf"^{named} ") as raised:
        await opened()
    assert "geheim" not in str(raised.value)


async def test_the_variable_of_a_named_image_host_is_checked_too(aws: Aws) -> None:
    aws.configure("", HTTP_PROXY="socks5://p")
    await opened()
    with pytest.raises(ConfigurationError, match=r"^HTTP_PROXY "):
        await opened(("box:8080",))


async def test_variables_of_everyday_machines(aws: Aws) -> None:
    aws.configure(
        "", ALL_PROXY="socks5://p", NO_PROXY="localhost, 127.0.0.0/8 ,::1,[::1],fe80::/10,.stablecog.com,*.local"
    )
    await opened()


async def read(images: HttpImages, url: str) -> bytes:
    async with images.open(url) as body:
        return b"".join([chunk async for chunk in body.chunks()])


async def test_the_allowed_hosts_hold_behind_a_proxy() -> None:
    async with hosts(None) as names, forward_proxy(names) as proxy:
        network = Network.of({"ALL_PROXY": f"http://{proxy.address}"})
        async with HttpImages(["images.corp.test"], network=network) as images:
            assert await read(images, "http://images.corp.test/x") == BODY
            for url in ("http://api.corp.test/x", "https://s3.corp.test/x", f"http://{proxy.address}/x"):
                with pytest.raises(ImageRefused, match="not on an allowed host"):
                    await read(images, url)
    assert proxy.hosts() == {"images.corp.test"}


async def test_a_name_of_the_service_is_resolved_by_the_proxy(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path)
    async with (
        hosts(authority.server("b.stablecog.com", *NAMES)) as names,
        forward_proxy({"b.stablecog.com": next(iter(names.values()))}) as proxy,
    ):
        # The proxy is private, by address and by name.
        for place in (proxy.address, proxy.address.replace("127.0.0.1", "localhost")):
            network = Network.of({"HTTPS_PROXY": f"http://{place}", "SSL_CERT_FILE": str(authority.file)})
            async with HttpImages(network=network) as images:
                assert await read(images, "https://b.stablecog.com/x.jpeg") == BODY
    assert proxy.asked == ["CONNECT b.stablecog.com:443 HTTP/1.1"] * 2


async def test_a_host_beside_the_proxy_is_still_checked() -> None:
    network = Network.of({"HTTPS_PROXY": "http://proxy.test:1", "NO_PROXY": "direct.stablecog.com"})
    async with HttpImages(network=network, resolver=Names("127.0.0.1")) as images:
        with pytest.raises(SourceUnavailable, match=r"through the proxy http://proxy\.test:1 \(HTTPS_PROXY\)"):
            await read(images, "https://b.stablecog.com/x")
        with pytest.raises(ImageRefused, match="not public"):
            await read(images, "https://direct.stablecog.com/x")


async def test_a_proxy_that_refuses_the_login_of_a_request_over_plain_http() -> None:
    async with forward_proxy({}, login=("user", "geheim")) as proxy:
        network = Network.of({"HTTP_PROXY": f"http://user:wrong@{proxy.address}"})
        async with HttpImages(["images.corp.test"], network=network) as images:
            with pytest.raises(
                ImageRefused, match=r"the proxy http://127\.0\.0\.1:\d+ \(HTTP_PROXY\) answered 407"
            ) as raised:
                await read(images, "http://images.corp.test/x?sig=geheim")
    assert "wrong" not in str(raised.value)
    assert "geheim" not in str(raised.value)
