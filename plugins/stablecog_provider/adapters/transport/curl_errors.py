"""What libcurl's error codes mean, in words that contain neither an address nor a secret."""

from __future__ import annotations

import os
import re

import pycurl

from ..local_limits import exhausted, local_limit_numbered
from ..redaction import one_line

TIMED_OUT = pycurl.E_OPERATION_TIMEDOUT
CERTIFICATE = (pycurl.E_PEER_FAILED_VERIFICATION, pycurl.E_SSL_CACERT, pycurl.E_SSL_ISSUER_ERROR)
_TOO_LARGE = 100
_UNREADABLE = (pycurl.E_UNSUPPORTED_PROTOCOL, pycurl.E_FTP_WEIRD_SERVER_REPLY, pycurl.E_BAD_CONTENT_ENCODING)
"""Code 8, of FTP once, is `CURLE_WEIRD_SERVER_REPLY` today."""
MAX_LINE_BYTES, MAX_HEAD_BYTES = 100 * 1024, 300 * 1024
"""libcurl's limits of a response's headers: bytes per line, and of all lines together. Source: its lib/http.h, 8.23."""
_BEFORE_THE_HOST = {
    pycurl.E_COULDNT_RESOLVE_PROXY, pycurl.E_COULDNT_RESOLVE_HOST, pycurl.E_COULDNT_CONNECT, pycurl.E_GOT_NOTHING,
    pycurl.E_SSL_CONNECT_ERROR, pycurl.E_SEND_ERROR, pycurl.E_RECV_ERROR, 97,
}  # fmt: skip
"""Codes of a connection that failed, or that ended before a response. 97: CURLE_PROXY."""
_NO_AUTHORITIES = 77
"""CURLE_SSL_CACERT_BADFILE: the file with the trusted certificates could not be opened."""
_BROKEN = {pycurl.E_PARTIAL_FILE, pycurl.E_RECV_ERROR, pycurl.E_GOT_NOTHING}
_HTTP_CONNECT_OK = range(200, 300)


class CurlError(Exception):
    """A transfer that libcurl ended.

    `connect_status`: what a proxy answered to CONNECT, 0 for none. `errno`: the system's, 0 if it is not known.
    """

    def __init__(self, code: int, text: str, *, connect_status: int = 0, errno: int = 0) -> None:
        super().__init__(f"{code}: {text}")
        self.code, self.text, self.connect_status, self.errno = code, text, connect_status, errno

    @classmethod
    def of(cls, handle: pycurl.Curl, code: int, text: str) -> CurlError:
        errno = handle.getinfo(pycurl.OS_ERRNO)
        if not errno and (code in _BEFORE_THE_HOST or code == _NO_AUTHORITIES):
            # libcurl does not say why it got no socket, no name and no file.
            errno = exhausted()
        return cls(code, text, connect_status=handle.getinfo(pycurl.HTTP_CONNECTCODE), errno=errno)

    @property
    def local_limit(self) -> tuple[str, str] | None:
        """Message and hint if a limit of this machine is the cause, and no server."""
        return local_limit_numbered(self.errno)

    @property
    def refused_by_proxy(self) -> int:
        """The status with which a proxy refused to connect to the host, or 0."""
        return 0 if self.connect_status in _HTTP_CONNECT_OK else self.connect_status

    @property
    def is_too_large(self) -> bool:
        """Whether the head of the response exceeds libcurl's limits."""
        return self.code == _TOO_LARGE or "Too large response headers" in self.text

    @property
    def is_unreadable(self) -> bool:
        """Whether the head of the response is not what HTTP allows, or too large."""
        return self.code in _UNREADABLE or self.is_too_large

    @property
    def is_of_connection(self) -> bool:
        """Whether no host has answered."""
        return self.code in _BEFORE_THE_HOST

    @property
    def certificate_reason(self) -> str | None:
        """Why a certificate was rejected, or None if the error is about something else."""
        if self.code not in CERTIFICATE:
            return None
        if "match" in self.text and "name" in self.text:
            return "it is for another name"
        found = re.search(r"(?:certificate problem|verify result): ([^(]+)", self.text)
        return one_line(found[1].strip()) if found else one_line(self.text)

    def words(self) -> str:
        """Return what failed in a few words."""
        if self.code == TIMED_OUT:
            return "Timeout: " + ("the connection took too long" if "onnect" in self.text else "no answer in time")
        if self.errno and (self.code == pycurl.E_COULDNT_CONNECT or self.local_limit):
            return os.strerror(self.errno)
        if self.code in _BROKEN:
            received = re.search(r"with (\d+) bytes missing", self.text)
            return "the connection was lost" + (f" ({received[1]} bytes are missing)" if received else "")
        return one_line(self.text)
