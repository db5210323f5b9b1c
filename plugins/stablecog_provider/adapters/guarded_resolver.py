"""Keeps allowed host names from leading into a private network. Apart from `allowed_hosts`, which needs no aiohttp."""

from __future__ import annotations

import socket
from collections.abc import Collection

from aiohttp.abc import AbstractResolver, ResolveResult

from .allowed_hosts import AllowedHosts, is_public


class PrivateAddress(OSError):
    """A host that was not named resolves to an address that is not public."""


class GuardedResolver(AbstractResolver):
    """Resolves by `inner` and refuses hosts that lead into a private network. Raises PrivateAddress.

    `proxies`: host and port of each proxy in use. A proxy may be private; what lies behind it, only the proxy can check.
    """

    def __init__(
        self, allowed: AllowedHosts, inner: AbstractResolver, proxies: Collection[tuple[str, int]] = ()
    ) -> None:
        self._allowed = allowed
        self._inner = inner
        self._proxies = proxies

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if not self._allowed.is_named(host, port) and (host, port) not in self._proxies:
            for result in found:
                if not is_public(result["host"]):
                    raise PrivateAddress(f"{host} resolves to an address that is not public")
        return found

    async def close(self) -> None:
        await self._inner.close()
