"""What the errors of proxies and certificates say. The texts of the clients differ; these name host, proxy and variable."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator

from ..redaction import one_line
from .proxies import Proxy

_VERIFY_FAILED = re.compile(r"certificate verify failed(?:: ([^(\[]+?))?\s*(?:\(|$)")
_RUSTLS = re.compile(r"InvalidCertificate\(\s*(\w+)")
_RUSTLS_REASONS = {
    "BadEncoding": "it cannot be read",
    "Expired": "it has expired",
    "ExpiredContext": "it has expired",
    "NotValidForName": "it is for another name",
    "NotValidForNameContext": "it is for another name",
    "NotValidYet": "it is not valid yet",
    "NotValidYetContext": "it is not valid yet",
    "UnknownIssuer": "its issuer is unknown",
}
PASSING = {408, 425, 429}


def certificate_reason(error: BaseException) -> str | None:
    """Return why a certificate was rejected, or None if the error is about something else."""
    for cause in _causes(error):
        # aiohttp's own subclass of it has no message.
        message = getattr(cause, "verify_message", "")
        if isinstance(cause, ssl.SSLCertVerificationError) and message:
            return one_line(message)
    text = str(error)
    if found := _RUSTLS.search(text):
        return _RUSTLS_REASONS.get(found[1], found[1])
    if "CERTIFICATE_VERIFY_FAILED" in text or "certificate verify failed" in text:
        found = _VERIFY_FAILED.search(text)
        return one_line(found[1]) if found and found[1] else "it cannot be verified"
    # urllib3 compares names itself.
    return "it is for another name" if re.search(r"hostname '.*' doesn't match", text) else None


def certificate_message(reason: str, host: str, proxy: Proxy | None) -> str:
    """Return whose certificate was rejected, and why."""
    whose = f"{host}, or of the proxy {proxy}," if proxy and proxy.scheme == "https" else host
    return f"the certificate of {whose} was rejected: {reason}"


def certificate_hint(reason: str, named_by: str, variable: str = "SSL_CERT_FILE") -> str:
    """Return how to trust the certificate. `named_by`: what names the authorities in use, `variable`: what could."""
    if "expired" in reason or "not yet valid" in reason or "not valid yet" in reason:
        return "have the certificate renewed, or set this machine's clock if it is wrong"
    if "mismatch" in reason or "another name" in reason or "not valid for" in reason:
        return "check the address: the server has a certificate for another name"
    if named_by:
        return f"add the certificate of its authority to the file or folder that {named_by} names"
    return f"if you trust its authority, name a file with the authority's certificate in {variable}"


def proxy_refused(proxy: Proxy, status: int, reason: str = "") -> str:
    """Return that the proxy answered a request for a connection with an error."""
    return f"the proxy {proxy} answered {status}" + (f" ({one_line(reason.strip())})" if reason.strip() else "")


def proxy_hint(proxy: Proxy, host: str, status: int | None = None) -> str:
    """Return what to do about a proxy that refused with a status, or that did not answer."""
    if status == 407:
        return f"correct user and password in {proxy.variable}: http://USER:PASSWORD@HOST:PORT, percent-encoded"
    if status is not None:
        return f"allow {host} in the proxy, or list it in NO_PROXY if this machine reaches it directly"
    return f"check {proxy.variable} and that the proxy runs, or list {host} in NO_PROXY if this machine reaches it directly"


def is_final(status: int) -> bool:
    """Whether a proxy that refuses with the status will refuse again."""
    return 400 <= status < 500 and status not in PASSING


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it was raised from; libraries keep it in attributes of their own, too."""
    waiting, seen = [error], set[int]()
    while waiting:
        cause = waiting.pop()
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        kept = (getattr(cause, "certificate_error", None), getattr(cause, "os_error", None))
        waiting += [each for each in (*kept, cause.__cause__, cause.__context__) if isinstance(each, BaseException)]
