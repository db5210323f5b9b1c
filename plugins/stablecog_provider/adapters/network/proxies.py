"""HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY: one reading of the environment for all clients.

The lower-case spelling of a variable wins, as in curl and Python. No message and no repr contains user, password or an address
that could not be read.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import quote, unquote, urlsplit

from ...errors import ConfigurationError
from .proxy_bypass import ProxyBypass, is_this_machine

_PORTS = {"http": 80, "https": 443}
_SOCKS = {"socks", "socks4", "socks4a", "socks5", "socks5h"}
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_.])?|[0-9A-Fa-f:]+:[0-9A-Fa-f:.]*")
_FORM = "write it as http://[USER:PASSWORD@]HOST[:PORT], with special characters of the password percent-encoded"


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy and the variable that names it. `str()` is its address without user and password, for messages."""

    scheme: str
    host: str
    port: int
    variable: str
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"{self.url} ({self.variable})"

    @property
    def url(self) -> str:
        """The address without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def secret_url(self) -> str:
        """The address with user and password, percent-encoded. Never shown."""
        if not self.user and not self.password:
            return self.url
        return self.url.replace("://", f"://{quote(self.user, safe='')}:{quote(self.password, safe='')}@", 1)

    @property
    def authorization(self) -> str | None:
        """The value of `Proxy-Authorization`. Never shown."""
        if not self.user and not self.password:
            return None
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")


@dataclass(frozen=True, slots=True)
class Proxies:
    """The variables of an environment, parsed when a request needs them: a wrong one that no host uses is no error."""

    variables: Mapping[str, tuple[str, str]] = field(default_factory=dict, repr=False)
    """Per scheme, `all` and `no`: the name of the variable that is set, and its value."""

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self:
        found: dict[str, tuple[str, str]] = {}
        for kind in ("http", "https", "all", "no"):
            for name in (f"{kind}_proxy", f"{kind}_proxy".upper()):
                if name in environ:
                    found[kind] = name, environ[name].strip()
                    break
        return cls(found)

    def choose(self, scheme: str, host: str, port: int) -> Proxy | None:
        """Return the proxy for requests to a host, or None for a direct connection. Raises ConfigurationError."""
        named = next((self.variables[kind] for kind in (scheme, "all") if self.variables.get(kind, ("", ""))[1]), None)
        if named is None or is_this_machine(host) or self._bypass().covers(host, port):
            return None
        return _parsed(*named)

    def choose_for(self, url: str) -> Proxy | None:
        """Return the proxy for an address that is known to be valid."""
        parts = urlsplit(url)
        return self.choose(parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0))

    def secrets(self) -> list[str]:
        """Return what must not be shown: passwords, encoded and decoded, and whole values that contain one."""
        found: list[str] = []
        for _, value in (pair for kind, pair in self.variables.items() if kind != "no"):
            userinfo, at, _ = value.partition("://")[2].rpartition("@") if "://" in value else value.rpartition("@")
            password = userinfo.partition(":")[2]
            if at and password:
                found += [password, unquote(password)]
        return list(dict.fromkeys(found))

    def _bypass(self) -> ProxyBypass:
        name, text = self.variables.get("no", ("", ""))
        try:
            return ProxyBypass.parse(text)
        except ValueError as error:
            raise ConfigurationError(
                f"{name} cannot be used: {error}",
                hint="separate host names, addresses and networks by commas: localhost,.corp.example,10.0.0.0/8,[::1]:8080",
            ) from None


def _parsed(name: str, value: str) -> Proxy:
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", value)
    scheme = found[1].lower() if found else "http"
    if scheme in _SOCKS:
        raise ConfigurationError(
            f"{name} names a SOCKS proxy ({scheme}), which is not supported",
            hint="name an HTTP proxy, or list the hosts that need no proxy in NO_PROXY",
        )
    if scheme not in _PORTS:
        raise ConfigurationError(f"{name} cannot be used: it is not the address of an HTTP proxy", hint=_FORM)
    try:
        parts = urlsplit(value if found else f"http://{value}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
        parts = urlsplit("")
    rest = parts.path.strip("/") or parts.query or parts.fragment
    if not _HOST.fullmatch(host) or rest or port == 0 or not value.isprintable() or " " in value:
        raise ConfigurationError(f"{name} cannot be used: it is not the address of an HTTP proxy", hint=_FORM)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Proxy(scheme, host, port or _PORTS[scheme], name, user, password)
