"""NO_PROXY: which entries cover which hosts."""

from __future__ import annotations

import pytest

from stablecog_provider.adapters.network.proxy_bypass import ProxyBypass, is_this_machine


@pytest.mark.parametrize(
    ("entry", "covered", "others"),
    [
        ("corp.test", ["corp.test:443", "a.corp.test:443", "A.Corp.Test.:80"], ["xcorp.test:443", "corp.test.org:443"]),
        (".corp.test", ["corp.test:443", "a.b.corp.test:443"], ["xcorp.test:443"]),
        ("*.corp.test", ["a.corp.test:443"], ["xcorp.test:443"]),
        ("corp.test:8443", ["corp.test:8443", "a.corp.test:8443"], ["corp.test:443"]),
        ("10.1.2.3", ["10.1.2.3:80"], ["10.1.2.30:80", "a10.1.2.3:80"]),
        ("10.1.2.3:9000", ["10.1.2.3:9000"], ["10.1.2.3:80"]),
        ("10.0.0.0/8", ["10.255.0.1:443"], ["11.0.0.1:443", "10.corp.test:443"]),
        ("10.1.2.3/8", ["10.255.0.1:443"], ["11.0.0.1:443"]),
        ("fe80::/10", ["fe80::1:443", "fe80::1%eth0:443", "febf::1:443"], ["fec0::1:443"]),
        ("[fe80::]/10", ["fe80::1:443"], ["fec0::1:443"]),
        ("[fd00::1]", ["fd00::1:443", "fd00:0:0::1:80"], ["fd00::2:443"]),
        ("fd00::1", ["fd00::1:443"], ["fd00::2:443"]),
        ("[fd00::1]:8080", ["fd00::1:8080"], ["fd00::1:443"]),
        ("::ffff:10.1.2.3", ["10.1.2.3:443", "::ffff:10.1.2.3:443"], ["10.1.2.4:443"]),
        ("10.1.2.3", ["::ffff:10.1.2.3:443"], []),
        ("192.168.*", ["192.168.7.7:443"], ["192.169.0.1:443"]),
        ("http://corp.test:8080/", ["corp.test:8080"], ["corp.test:443"]),
        ("*", ["anything.test:443", "10.1.2.3:80", "fd00::1:443"], []),
        ("", [], ["anything.test:443"]),
        ("<local>", [], ["anything.test:443"]),
    ],
)
def test_an_entry(entry: str, covered: list[str], others: list[str]) -> None:
    bypass = ProxyBypass.parse(f"first.test, {entry} ,last.test")

    def is_covered(place: str) -> bool:
        host, _, port = place.rpartition(":")
        return bypass.covers(host, int(port))

    assert [place for place in covered if not is_covered(place)] == []
    assert [place for place in others if is_covered(place)] == []


@pytest.mark.parametrize("separator", [",", " ", ", ", ",,", "\t", " , ,"])
def test_entries_are_separated_by_commas_or_blanks(separator: str) -> None:
    bypass = ProxyBypass.parse(separator.join(["one.test", "two.test", "10.0.0.0/8"]))
    assert all(bypass.covers(host, 443) for host in ("one.test", "two.test", "10.1.1.1"))


@pytest.mark.parametrize(
    "entry",
    ["10.0.0.0/99", "10.0.0.0/x", "[::1", "::1]", "a:b:c", "host:port", "host:0", "host:99999", "[::1]:x", ".", "a/b"],
)
def test_an_entry_that_no_parser_reads(entry: str) -> None:
    with pytest.raises(ValueError, match="not a host, an address or a network") as raised:
        ProxyBypass.parse(f"one.test,{entry}")
    assert repr(entry) in str(raised.value)


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"]
)
def test_this_machine(host: str) -> None:
    assert is_this_machine(host)


@pytest.mark.parametrize("host", ["localhost.corp.test", "10.0.0.1", "fe80::1", "169.254.169.254", "127.corp.test"])
def test_another_machine(host: str) -> None:
    assert not is_this_machine(host)
