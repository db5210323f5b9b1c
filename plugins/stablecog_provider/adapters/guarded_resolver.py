"""Keeps allowed host names from leading into a private network. Apart from `allowed_hosts`, which needs no aiohttp."""

from __future__ import annotations

import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from .allowed_hosts import AllowedHosts, is_public


class PrivateAddress(OSError):
    """A host that was not named resolves to an address that is not public."""


class GuardedResolver(AbstractResolver):
    """Resolves by `inner` and refuses hosts that lead into a private network. Raises PrivateAddress."""

    def __init__(self, allowed: AllowedHosts, inner: AbstractResolver) -> None:
        self._allowed = allowed
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if not self._allowed.is_named(host, port):
            for result in found:
                if not is_public(result["host"]):
                    raise PrivateAddress(f"{host} resolves to an address that is not public")
        return found

    async def close(self) -> None:
        await self._inner.close()
