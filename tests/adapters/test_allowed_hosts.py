"""Which addresses images may come from: the service's, the named ones, and none that only resolves like them."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from stablecog_provider.adapters.allowed_hosts import AllowedHosts, is_public
from stablecog_provider.errors import ConfigurationError, ImageRefused

ALLOWED = AllowedHosts.of(["localhost:8080", "cdn.example.com", "[::1]:9000", "10.1.2.3:80"])


@pytest.mark.parametrize(
    "url",
    [
        "https://b.stablecog.com/x.jpeg?sig=1",
        "https://B.StableCog.com:443/x",
        "https://a.b.stablecog.com./x",
        "http://localhost:8080/x",
        "https://localhost:8080/x",
        "http://cdn.example.com/x",
        "https://cdn.example.com/x",
        "http://[::1]:9000/x",
        "http://10.1.2.3/x",
    ],
)
def test_allowed(url: str) -> None:
    ALLOWED.check(URL(url))


@pytest.mark.parametrize(
    "url",
    [
        "http://b.stablecog.com/x",
        "http://b.stablecog.com:443/x",
        "https://b.stablecog.com:8443/x",
        "https://stablecog.com.evil.example/x",
        "https://evilstablecog.com/x",
        "https://evil.example/b.stablecog.com/x",
        "https://localhost/x",
        "http://localhost:8081/x",
        "https://cdn.example.com:8443/x",
        "https://sub.cdn.example.com/x",
        "https://127.0.0.1/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:127.0.0.1]/x",
        "https://user:geheim@b.stablecog.com/x",
        "https://user@localhost:8080/x",
        "file:///etc/passwd",
        "ftp://b.stablecog.com/x",
        "/x.jpeg",
        "",
    ],
)
def test_refused(url: str) -> None:
    with pytest.raises(ImageRefused) as raised:
        ALLOWED.check(URL(url))
    assert "geheim" not in str(raised.value)


def test_the_refusal_names_the_option_to_type() -> None:
    with pytest.raises(ImageRefused, match=r"--image-host localhost:8081 ") as raised:
        ALLOWED.check(URL("http://localhost:8081/x?sig=geheim"))
    assert "geheim" not in str(raised.value)
    AllowedHosts.of(["localhost:8081"]).check(URL("http://localhost:8081/x"))


@pytest.mark.parametrize(
    "text",
    ["", "http://localhost", "localhost:", "localhost:0x50", "localhost:99999", "a b", "a/b", "u:geheim@h", "hüst"],
)
def test_a_text_that_is_not_a_host_is_a_wrong_setting(text: str) -> None:
    with pytest.raises(ConfigurationError, match="not a host") as raised:
        AllowedHosts.of([text])
    assert "geheim" not in str(raised.value)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "1.1.1.1", "2002:0808:0808::1"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.5.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "0.0.0.0",  # noqa: S104
        "255.255.255.255", "::1", "::", "fe80::1%eth0", "fd00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "2002:7f00:0001::1", "not an address",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_embedded_in_ipv6_is_judged_like_itself(address: ipaddress.IPv4Address) -> None:
    assert is_public(f"::ffff:{address}") == is_public(str(address))


class Names:
    """A name service that gives every name the same addresses."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    def __call__(self, host: str, port: int) -> tuple[tuple[str, ...], int]:
        return self.addresses, port
