"""Keeps host names from leading into a private network: libcurl asks before it opens the socket of a connection.

The address that is checked is the one that is connected to: a name that resolves differently a moment later gains nothing.
"""

from __future__ import annotations

import socket
from typing import Any

import pycurl

from ..allowed_hosts import is_public


class AddressGuard:
    """Refuses the sockets of one request that lead to an address that is not public.

    `refused`: whether it has refused one; then it refuses all that follow. `failure`: why no socket could be had.
    """

    def __init__(self) -> None:
        self.refused = False
        self.failure: OSError | None = None

    def opened(self, purpose: int, address: Any) -> socket.socket | int:
        """libcurl's OPENSOCKETFUNCTION. `address`: family, kind, protocol, and Python's form of the address."""
        family, kind, protocol, where = address
        inet = family in (socket.AF_INET, socket.AF_INET6)
        if self.refused or not inet or not is_public(str(where[0])):
            self.refused = True
            return pycurl.SOCKET_BAD
        try:
            return socket.socket(family, kind, protocol)
        except OSError as error:
            self.failure = error
            return pycurl.SOCKET_BAD
