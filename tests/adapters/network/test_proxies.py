"""The proxy variables: which one counts, what cannot be used, and that no password is shown."""

from __future__ import annotations

import pytest

from stablecog_provider.adapters.network.proxies import Proxies, Proxy
from stablecog_provider.errors import ConfigurationError


def chosen(variables: dict[str, str], scheme: str = "https", host: str = "api.test", port: int = 443) -> Proxy | None:
    return Proxies.of(variables).choose(scheme, host, port)


@pytest.mark.parametrize(
    ("variables", "scheme", "shown"),
    [
        ({"HTTPS_PROXY": "http://p:3128"}, "https", "http://p:3128 (HTTPS_PROXY)"),
        ({"HTTPS_PROXY": "http://p:3128"}, "http", None),
        ({"HTTP_PROXY": "http://p:3128"}, "https", None),
        ({"HTTP_PROXY": "http://p:3128"}, "http", "http://p:3128 (HTTP_PROXY)"),
        ({"ALL_PROXY": "http://p:3128"}, "https", "http://p:3128 (ALL_PROXY)"),
        ({"ALL_PROXY": "http://a:1", "HTTPS_PROXY": "http://p:2"}, "https", "http://p:2 (HTTPS_PROXY)"),
        ({"ALL_PROXY": "http://a:1", "HTTPS_PROXY": ""}, "https", "http://a:1 (ALL_PROXY)"),
        ({"HTTPS_PROXY": "http://upper:1", "https_proxy": "http://lower:2"}, "https", "http://lower:2 (https_proxy)"),
        ({"HTTPS_PROXY": "http://upper:1", "https_proxy": ""}, "https", None),
        ({"HTTPS_PROXY": "p:3128"}, "https", "http://p:3128 (HTTPS_PROXY)"),
        ({"HTTPS_PROXY": " p "}, "https", "http://p:80 (HTTPS_PROXY)"),
        ({"HTTPS_PROXY": "https://p/"}, "https", "https://p:443 (HTTPS_PROXY)"),
        ({"HTTPS_PROXY": "HTTP://P.Test:1"}, "https", "http://p.test:1 (HTTPS_PROXY)"),
        ({"HTTPS_PROXY": "http://[fd00::1]:3128"}, "https", "http://[fd00::1]:3128 (HTTPS_PROXY)"),
        (
            {"HTTPS_PROXY": "http://10.0.0.1:3128", "NO_PROXY": "other.test"},
            "https",
            "http://10.0.0.1:3128 (HTTPS_PROXY)",
        ),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": ".test"}, "https", None),
        ({"HTTPS_PROXY": "http://p:1", "no_proxy": "*", "NO_PROXY": "x"}, "https", None),
        ({}, "https", None),
    ],
)
def test_which_variable_counts(variables: dict[str, str], scheme: str, shown: str | None) -> None:
    found = chosen(variables, scheme)
    assert (str(found) if found else None) == shown


def test_user_and_password_are_decoded_and_never_shown() -> None:
    proxies = Proxies.of({"HTTPS_PROXY": "http://us%40er:ge%3Aheim%C3%A9@p:1"})
    proxy = proxies.choose("https", "api.test", 443)
    assert proxy is not None
    assert (proxy.user, proxy.password) == ("us@er", "ge:heimé")
    assert proxy.secret_url == "http://us%40er:ge%3Aheim%C3%A9@p:1"
    assert proxy.authorization == "Basic dXNAZXI6Z2U6aGVpbcOp"
    assert "heim" not in f"{proxy} {proxy!r} {proxies!r}"
    assert proxies.secrets() == ["ge%3Aheim%C3%A9", "ge:heimé"]


@pytest.mark.parametrize("scheme", ["socks", "socks4", "socks4a", "socks5", "socks5h", "SOCKS5"])
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_a_socks_proxy_is_refused_by_name(variable: str, scheme: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        chosen({variable: f"{scheme}://user:geheim@p:1080"})
    assert raised.value.message == f"{variable} names a SOCKS proxy ({scheme.lower()}), which is not supported"
    assert "geheim" not in str(raised.value)


@pytest.mark.parametrize(
    "value",
    [
        "ftp://u:geheim@p", "http://", "http://u:geheim@", "http://u:ge/heim@p:1", "http://u:geheim@p:port", "http://p:0",
        "http://u:geheim@p:99999", "http://u:geheim@[::1", "http://p/path", "http://p?geheim", "http://p#geheim", "http://a b",
        "http://p\tq", "://geheim", "http://u:geheim@p,q",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_by_name_and_not_shown(value: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^HTTPS_PROXY cannot be used: ") as raised:
        chosen({"HTTPS_PROXY": value})
    assert "heim" not in str(raised.value)


def test_a_bypass_that_cannot_be_read_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match=r"^no_proxy cannot be used: .*'10\.0\.0\.0/99'"):
        chosen({"HTTPS_PROXY": "http://p:1", "no_proxy": "one.test,10.0.0.0/99"})


@pytest.mark.parametrize(
    "variables",
    [
        {"NO_PROXY": "10.0.0.0/99"},
        {"HTTP_PROXY": "socks5://p"},
        {"HTTPS_PROXY": "socks5://p", "NO_PROXY": "api.test"},
        {"ALL_PROXY": "nonsense://p", "NO_PROXY": "*"},
    ],
)
def test_a_variable_that_no_request_needs_is_no_error(variables: dict[str, str]) -> None:
    assert chosen(variables) is None


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_this_machine_is_never_asked_through_a_proxy(host: str) -> None:
    assert chosen({"ALL_PROXY": "http://p:1"}, "http", host, 8080) is None
