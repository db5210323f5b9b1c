"""The proxies and authorities of one leg, as plain values. Importing this imports no client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from .authorities import Authorities
from .proxies import Proxies


@dataclass(frozen=True, slots=True)
class Network:
    """How one leg leaves this machine. The default is a direct connection that trusts this machine's authorities."""

    proxies: Proxies = Proxies()
    authorities: Authorities = Authorities()

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self:
        """Read an environment. Raises ConfigurationError for authorities that cannot be used."""
        return cls(Proxies.of(environ), Authorities.of(environ))

    @property
    def is_default(self) -> bool:
        """Whether no variable changes how a client connects."""
        return not self.authorities.pem and not any(value for _, value in self.proxies.variables.values())


DIRECT = Network()
