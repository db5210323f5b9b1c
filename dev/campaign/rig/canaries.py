"""Canaries: secrets that must not appear anywhere, and a search for them in any encoding."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

API_KEY = "sc-" + "ca9a71e5" * 8
AWS_ID = "AKIACANARYCANARY7X5Q"
AWS_SECRET = "canary/Sec+ret/wJalrXUtnFEMIK7MDENGbPxRfiCY"
SESSION_TOKEN = "CanaryToken//IQoJb3JpZ2luX2VjEJr+bW9yZQ=="
SIGNATURE = "ca9a7150e7b6f1c2d3a4958677ca9a71"
INIT_SIGNATURE = "1417ca9a71e5f00dfeed1417ca9a7199"
PASSWORD = "canary-Pa55word-in-an-address"
GATEWAY = "canary/Gateway+t0ken~for(the)API=="
GATEWAY_HEADERS = f"X-Gateway-Key: {GATEWAY}\nX-Gateway-Login: Token {GATEWAY}"
"""The same secret alone and after a scheme, as lines of a setting."""
CANARIES = {
    "the API key": API_KEY,
    "the AWS access key": AWS_ID,
    "the AWS secret key": AWS_SECRET,
    "the session token": SESSION_TOKEN,
    "an image's signature": SIGNATURE,
    "an init image's signature": INIT_SIGNATURE,
    "an address's password": PASSWORD,
    "the gateway's header": GATEWAY,
}


def _forms(secret: str) -> Iterator[bytes]:
    """Yield the secret as plain text, its first half, JSON, HTML, URL-encoded, hexadecimal, and base64 at each of its three
    alignments.
    """
    yield secret.encode()
    yield secret[: len(secret) // 2].encode()
    yield html.escape(secret).replace("/", "&#x2F;").encode()
    yield json.dumps(secret)[1:-1].replace("/", "\\/").encode()
    for encoded in (quote(secret, safe=""), quote_plus(secret), quote(secret)):
        yield encoded.encode()
        yield re.sub("%..", lambda found: found[0].lower(), encoded).encode()
    yield secret.encode().hex().encode()
    for shift in range(3):
        inner = base64.b64encode(b"x" * shift + secret.encode())[4:-4]
        yield inner
        yield inner.translate(bytes.maketrans(b"+/", b"-_"))


_FORMS = {name: frozenset(_forms(secret)) for name, secret in CANARIES.items()}


def leaks(written: bytes) -> list[str]:
    """Return the secrets found in `written`, each with its surroundings, without the secret itself."""
    found = []
    for name, forms in _FORMS.items():
        form = next((form for form in forms if form in written), None)
        if form:
            at = written.index(form)
            around = written[max(0, at - 150) : at] + b"***" + written[at + len(form) : at + len(form) + 80]
            found.append(f"{name}: {around.decode('utf-8', 'replace')!a}")
    return found


def text_of(error: BaseException) -> bytes:
    """Return all text of an exception: its own, its notes, and that of its causes and contexts."""
    texts: list[str] = []
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        texts += [repr(each), str(each), repr(each.args), repr(vars(each)), *getattr(each, "__notes__", ())]
        waiting += [each.__cause__, each.__context__]
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions
    return "\n".join(texts).encode("utf-8", "replace")


def text_of_all(things: Iterable[object]) -> bytes:
    return "\n".join(f"{thing!r} {thing!s}" for thing in things).encode("utf-8", "replace")
