"""docs/reference.md is what `python -m dev.reference` writes, and it has every public name."""

from __future__ import annotations

import stablecog_provider
from dev.reference import DOCUMENT, reference

NOT_DESCRIBED = {"__version__", "errors"}


def test_the_reference_is_up_to_date() -> None:
    assert DOCUMENT.read_text() == reference(), "run `python -m dev.reference`"


def test_every_public_name_is_described() -> None:
    text = DOCUMENT.read_text()
    missing = [name for name in stablecog_provider.__all__ if f"`{name}`" not in text]
    assert set(missing) <= NOT_DESCRIBED
