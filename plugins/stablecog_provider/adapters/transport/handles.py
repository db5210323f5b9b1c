"""libcurl's handles with the options that all requests share: what is asked is what was checked, and nothing of the environment.

libcurl would read proxies from the environment and follow what the build of its library does by default; each is set here.
"""

from __future__ import annotations

from dataclasses import dataclass

import pycurl

from ..network.proxies import Proxy

_RECEIVED_AT_ONCE = 128 * 1024
"""Bytes of libcurl's buffer."""


@dataclass(frozen=True, slots=True)
class HandleOptions:
    """`connect` and `total`: seconds. `authorities`: path of a file with the trusted certificates, in PEM format."""

    connect: float
    total: float
    authorities: str
    user_agent: str

    def handle(self, proxy: Proxy | None) -> pycurl.Curl:
        """Return a new handle for requests through the proxy."""
        handle = pycurl.Curl()
        for option, value in (
            # Signals belong to Python.
            (pycurl.NOSIGNAL, 1),
            (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
            (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
            (pycurl.FOLLOWLOCATION, 0),
            # Without it, libcurl resolves `..` in a path.
            (pycurl.PATH_AS_IS, 1),
            (pycurl.HTTP_CONTENT_DECODING, 0),
            (pycurl.BUFFERSIZE, _RECEIVED_AT_ONCE),
            (pycurl.TCP_KEEPALIVE, 1),
            (pycurl.CONNECTTIMEOUT_MS, max(1, round(1000 * self.connect))),
            (pycurl.TIMEOUT_MS, max(1, round(1000 * self.total))),
            (pycurl.USERAGENT, self.user_agent),
            (pycurl.SSL_VERIFYPEER, 1),
            (pycurl.SSL_VERIFYHOST, 2),
            (pycurl.CAINFO, self.authorities),
            (pycurl.NOPROXY, ""),
            (pycurl.PROXY, proxy.url if proxy else ""),
        ):
            handle.setopt(option, value)
        if proxy:
            handle.setopt(pycurl.PROXY_CAINFO, self.authorities)
            if proxy.user or proxy.password:
                handle.setopt(pycurl.PROXYAUTH, pycurl.HTTPAUTH_BASIC)
                handle.setopt(pycurl.PROXYUSERNAME, proxy.user)
                handle.setopt(pycurl.PROXYPASSWORD, proxy.password)
        return handle
