"""Selection of the campaign's sections."""

from __future__ import annotations

import pytest

from dev.campaign.__main__ import main
from dev.campaign.sections import LONGEST_FIRST, SECTIONS, sections


def test_an_unknown_section_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(only=["races", "kicks"])
    assert ended.value.code == 2
    printed = " ".join(capsys.readouterr().out.split())
    assert printed.startswith("unknown section: kicks. Choose from kills, races")


def test_every_section_has_the_name_it_is_listed_under() -> None:
    assert tuple(section.name for section in sections()) == tuple(SECTIONS)
    assert set(LONGEST_FIRST) == set(SECTIONS)
