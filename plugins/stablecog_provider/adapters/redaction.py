"""What a message may quote of foreign texts and addresses: one printable line, without the secrets of URLs."""

from __future__ import annotations

from yarl import URL

from ..model.output import without_secrets

MAX_LINE = 200
MAX_URL = 300


def one_line(text: str) -> str:
    """Return the text as one printable line of at most 200 characters; its URLs keep only scheme, host and path."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    line = without_secrets(" ".join(printable.split()))
    return line if len(line) <= MAX_LINE else line[:MAX_LINE] + "..."


def redacted_url(url: URL) -> str:
    """Return the URL without user, query and fragment, at most 300 characters."""
    return str(url.with_user(None).with_query(None).with_fragment(None))[:MAX_URL]
