"""What a message quotes is one short printable line without secrets."""

from __future__ import annotations

import json
import logging
from html import escape
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from stablecog_provider.adapters.redaction import MAX_LINE, drop_debug_records, hiding, one_line, redacted_url


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("a\r\nb\t c\0\x1b[31md", "a b c [31md"),
        (
            "see https://u:p@h.example/a?X-Amz-Signature=1#f and (http://h/b?sig=2)",
            "see https://h.example/a and (http://h/b",
        ),
        ("x" * MAX_LINE, "x" * MAX_LINE),
        ("x" * (MAX_LINE + 1), "x" * MAX_LINE + "..."),
        ("x" * (MAX_LINE - 10) + " https://h/?sig=secret", "x" * (MAX_LINE - 10) + " https://h..."),
    ],
)
def test_a_text_becomes_one_printable_line(text: str, line: str) -> None:
    assert one_line(text) == line


@given(st.text())
def test_any_text_becomes_one_printable_line(text: str) -> None:
    line = one_line(text)
    assert line.isprintable()
    assert len(line) <= MAX_LINE + 3


def test_a_url_keeps_scheme_host_and_path() -> None:
    assert redacted_url(URL("https://u:p@h.example:1/a/b.jpeg?sig=1#f")) == "https://h.example:1/a/b.jpeg"
    assert len(redacted_url(URL("https://h.example/" + "x" * 5000))) == 300


SECRET = "a/b+c d=e~f&g\"h'i"


@pytest.mark.parametrize(
    "spelt",
    [
        SECRET,
        quote(SECRET, safe=""),
        quote(SECRET).lower(),
        quote_plus(SECRET),
        quote(SECRET, safe="").replace("%2F", "%2f"),
        escape(SECRET),
        escape(SECRET).replace("/", "&#x2F;").replace("+", "&#43;"),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET)[1:-1].replace("/", "\\/"),
    ],
)
def test_a_secret_is_hidden_however_a_server_spells_it(spelt: str) -> None:
    assert hiding([SECRET])(f"before {spelt} after") == "before *** after"


def test_the_longest_secret_is_hidden_first() -> None:
    assert hiding(["token", "my token"])("my token, token, my%20token") == "***, ***, ***"


def test_without_secrets_nothing_is_hidden() -> None:
    assert hiding(["", ""])("a text") == "a text"


@given(st.text(min_size=1), st.text(), st.text())
def test_any_secret_is_hidden(secret: str, before: str, after: str) -> None:
    assert hiding([secret])(f"{before}{secret}{after}").count("*") >= 3


def test_debug_records_of_a_library_are_dropped(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("a.library")
    drop_debug_records("a.library")
    caplog.set_level(logging.DEBUG)
    logger.debug("a secret")
    logger.info("a message")
    assert caplog.messages == ["a message"]
