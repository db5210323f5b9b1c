"""NO_PROXY: the hosts that are reached without a proxy, as one list for all clients.

The clients disagree on addresses, networks, ports and leading dots. This reads what any of curl, Python, Go and reqwest reads.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Self

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class _Entry:
    """`pattern`: a host name, or one with `*`; empty for an entry with a `network`. `port`: None for every port."""

    pattern: str = ""
    network: _Network | None = None
    port: int | None = None

    def covers(self, host: str, address: _Address | None, port: int) -> bool:
        if self.port not in (None, port):
            return False
        if self.network is not None:
            return address is not None and address in self.network
        if "*" in self.pattern:
            return fnmatchcase(host, self.pattern)
        return address is None and (host == self.pattern or host.endswith(f".{self.pattern}"))


@dataclass(frozen=True, slots=True)
class ProxyBypass:
    """The entries of one NO_PROXY."""

    entries: tuple[_Entry, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse entries that are separated by commas or blanks. Raises ValueError, which quotes the entry that cannot be read."""
        return cls(tuple(_entry(word.lower()) for word in _words(text)))

    def covers(self, host: str, port: int) -> bool:
        """Return whether the host is reached directly. `host`: a name, or an address without brackets."""
        name = host.lower().rstrip(".")
        address = _address_of(name)
        return any(entry.covers(name, address, port) for entry in self.entries)


def is_this_machine(host: str) -> bool:
    """Return whether the host is this machine, which no proxy elsewhere can reach."""
    name = host.lower().rstrip(".")
    address = _address_of(name)
    return address.is_loopback if address else name == "localhost" or name.endswith(".localhost")


def _words(text: str) -> Iterator[str]:
    yield from (word for word in re.split(r"[\s,]+", text) if word)


def _entry(word: str) -> _Entry:
    if word == "*":
        return _Entry("*")
    # Some tools accept a scheme here.
    rest = re.sub(r"^\w+://", "", word).rstrip("/")
    network = _network(rest)
    if network is not None:
        return _Entry(network=network)
    found = re.fullmatch(r"(\[[^\[\]]+\]|[^:\[\]/]+)(?::(\d{1,5}))?", rest)
    if not found or (found[2] and not 0 < int(found[2]) < 65536):
        raise ValueError(f"not a host, an address or a network: {word[:60]!r}")
    port = int(found[2]) if found[2] else None
    network = _network(found[1])
    if network is not None:
        return _Entry(network=network, port=port)
    name = found[1].strip(".").removeprefix("*.").strip(".")
    if not name or "[" in name:
        raise ValueError(f"not a host, an address or a network: {word[:60]!r}")
    return _Entry(name, port=port)


def _network(text: str) -> _Network | None:
    """Return the network of `10.0.0.0/8`, `fe80::/10`, `[fe80::]/10` or of a single address, and None for other texts."""
    address, slash, length = text.partition("/")
    try:
        network = ipaddress.ip_network(f"{_bare(address)}{slash}{length}", strict=False)
    except ValueError:
        return None
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= 96 and network.network_address.ipv4_mapped:
        return ipaddress.ip_network(f"{network.network_address.ipv4_mapped}/{network.prefixlen - 96}")
    return network


def _address_of(host: str) -> _Address | None:
    try:
        address = ipaddress.ip_address(_bare(host))
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, ipaddress.IPv6Address) else address


def _bare(address: str) -> str:
    """Return an address without brackets and without its zone."""
    inner = address[1:-1] if address.startswith("[") and address.endswith("]") else address
    return inner.partition("%")[0]
