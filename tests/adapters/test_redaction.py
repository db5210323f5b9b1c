"""What a message quotes is one short printable line without secrets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from stablecog_provider.adapters.redaction import MAX_LINE, one_line, redacted_url


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
