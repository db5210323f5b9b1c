"""Which addresses images may be fetched from: a response of the API must not send us into a private network.

Two checks, since a host name can resolve to any address: the URL of each request, redirects included, and the resolved
address at the time of the connection. A name that resolves differently between the two gains nothing.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from yarl import URL

from ..errors import ConfigurationError, ImageRefused
from .redaction import redacted_url

OWN_DOMAIN = ".stablecog.com"
_DEFAULT_PORTS = (80, 443)
_UNUSUAL = (("http", 443), ("https", 80))
# Only names that DNS allows: others (an empty label, an overlong one) make the resolver fail in ways of its own.
_LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_OWN_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*{re.escape(OWN_DOMAIN)}")
# Global according to the registries, but they can lead into a private network: transition prefixes whose gateway may be
# local (NAT64 for local use, IPv4-compatible, IPv4-translated, 6to4 relays, site-local), and metadata services of clouds.
_LEADS_INSIDE = tuple(
    ipaddress.ip_network(text)
    for text in (
        "64:ff9b:1::/48", "::/96", "::ffff:0:0:0/96", "fec0::/10", "5f00::/16", "3fff::/20",
        "192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32",
    )
)  # fmt: skip
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_ISATAP = (0x5EFE, 0x0200_5EFE)
"""The upper half of an interface id that embeds an IPv4 address (RFC 5214), under any prefix."""


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """The service's own hosts over https on port 443, and the hosts (with port) that the user named.

    A named host may be private and may use plain http. It is allowed on its named port, or on 80 and 443 if none was named.
    """

    named: frozenset[tuple[str, int]] = frozenset()

    @classmethod
    def of(cls, texts: Iterable[str]) -> Self:
        """Parse `HOST[:PORT]` texts, IPv6 addresses in brackets. Raises ConfigurationError."""
        return cls(frozenset(pair for text in texts for pair in _parse(text)))

    def places(self) -> Iterator[tuple[str, str, int]]:
        """Yield scheme, host and port of what may be asked: a name of the service, and each named host."""
        yield "https", f"images{OWN_DOMAIN}", 443
        for host, port in sorted(self.named):
            yield from ((scheme, host, port) for scheme in ("http", "https") if (scheme, port) not in _UNUSUAL)

    def is_named(self, host: str, port: int) -> bool:
        return (_normalize_host(host), port) in self.named

    def check(self, url: URL) -> None:
        """Raises ImageRefused with the reason, and with the setting that would allow the address."""
        try:
            # yarl parses some addresses only when a part is read.
            host, port = url.raw_host, url.port
        except ValueError:
            raise ImageRefused("the image's address cannot be read as a URL", hint="") from None
        if url.scheme not in ("http", "https") or not host or port is None:
            raise ImageRefused("the image's address is not an http(s) URL", hint="")
        if url.raw_user is not None or url.raw_password is not None:
            raise ImageRefused(f"the image's address contains a user name or password: {redacted_url(url)}", hint="")
        if self.is_named(host, port):
            return
        if url.scheme == "https" and port == 443 and _OWN_HOST.fullmatch(_normalize_host(host)):
            return
        name = f"[{host}]" if ":" in host else host
        raise ImageRefused(
            f"{redacted_url(url)} is not on an allowed host (https on *{OWN_DOMAIN}, and the hosts that you named)",
            hint=f"if the host is right, allow it: --image-host {name}:{port} (connection extra `image_hosts`)",
        )


def is_public(address: str) -> bool:
    """Whether an IP address is public: not private, loopback, link-local, multicast or reserved."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    embedded = _embedded(found)
    if embedded is not None:
        return is_public(str(embedded))
    return found.is_global and not found.is_multicast and not any(found in network for network in _LEADS_INSIDE)


def _embedded(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that a gateway would translate an IPv6 address to."""
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
            hint="write an image host as HOST or HOST:PORT, for example localhost:8080",
        )
    return [(_normalize_host(host), number) for number in ([port] if port else _DEFAULT_PORTS)]
