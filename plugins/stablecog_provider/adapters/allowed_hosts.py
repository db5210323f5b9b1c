"""Which addresses images may be fetched from: an API answer must not make us ask inside a private network.

Two checks, since a name can point anywhere: the URL before it is asked (and every redirect), and the addresses a name
resolves to when it is connected, so that a name which changes its mind between the two gains nothing.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from yarl import URL

from ..errors import ConfigurationError, ImageRefused

OWN_DOMAIN = ".stablecog.com"
_DEFAULT_PORTS = (80, 443)
# A name that DNS can hold, since others (an empty label, an overlong one) fail in the resolver in ways of their own.
_LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_OWN_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*{re.escape(OWN_DOMAIN)}")
# Public by the registries' books, and yet they lead inside: transition prefixes whose gateway may be ours (NAT64 for local
# use, IPv4-compatible, IPv4-translated, 6to4's relays, site-local), and the metadata services of clouds.
_LEADS_INSIDE = tuple(
    ipaddress.ip_network(text)
    for text in (
        "64:ff9b:1::/48", "::/96", "::ffff:0:0:0/96", "fec0::/10", "5f00::/16", "3fff::/20",
        "192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32",
    )
)  # fmt: skip
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_ISATAP = (0x5EFE, 0x0200_5EFE)
"""The upper half of an interface id that embeds an IPv4 address (RFC 5214), under whatever prefix."""


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """The service's own hosts over https on port 443, and the hosts (with port) that the user named.

    A named host may be asked over plain http, on its named port (80 or 443 where none was named), and may be private.
    """

    named: frozenset[tuple[str, int]] = frozenset()

    @classmethod
    def of(cls, texts: Iterable[str]) -> Self:
        """From `HOST[:PORT]` texts; an IPv6 address stands in brackets. Raises ConfigurationError."""
        return cls(frozenset(pair for text in texts for pair in _parse(text)))

    def is_named(self, host: str, port: int) -> bool:
        return (_normalize_host(host), port) in self.named

    def check(self, url: URL) -> None:
        """Raises ImageRefused, saying why and what to name if the address is right."""
        try:
            # yarl takes some addresses apart only when it is asked for a part.
            host, port = url.raw_host, url.port
        except ValueError:
            raise ImageRefused("the image's address cannot be read as a URL", hint="") from None
        if url.scheme not in ("http", "https") or not host or port is None:
            raise ImageRefused("the image's address is not an http(s) URL", hint="")
        if url.raw_user is not None or url.raw_password is not None:
            raise ImageRefused(f"the image's address carries a user name or password: {shown(url)}", hint="")
        if self.is_named(host, port):
            return
        if url.scheme == "https" and port == 443 and _OWN_HOST.fullmatch(_normalize_host(host)):
            return
        name = f"[{host}]" if ":" in host else host
        raise ImageRefused(
            f"images are fetched over https from *{OWN_DOMAIN} and from hosts that were named, not from {shown(url)}",
            hint=f"if the host is right, name it: --image-host {name}:{port} (extra `image_hosts` of the connection)",
        )


def shown(url: URL) -> str:
    """A URL as it may stand in a message: without user, query and fragment, at most 300 characters."""
    return str(url.with_user(None).with_query(None).with_fragment(None))[:300]


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet: not private, loopback, link-local, multicast or reserved."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    embedded = _embedded(found)
    if embedded is not None:
        return is_public(str(embedded))
    return found.is_global and not found.is_multicast and not any(found in network for network in _LEADS_INSIDE)


def _embedded(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that a gateway would make of an IPv6 one."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64 or (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour


def _normalize_host(host: str) -> str:
    return host.lower().rstrip(".")


def _parse(text: str) -> list[tuple[str, int]]:
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if (
        not host
        or parts.netloc != text
        or text.endswith(":")
        or "@" in text
        or not text.isascii()
        or any(map(str.isspace, text))
    ):
        raise ConfigurationError(
            f"not a host: {text.rpartition('@')[2]!r}",
            hint="write an image host as HOST or HOST:PORT, like localhost:8080",
        )
    return [(_normalize_host(host), number) for number in ([port] if port else _DEFAULT_PORTS)]
