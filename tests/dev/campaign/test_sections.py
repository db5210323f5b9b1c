"""What is chosen of the campaigns."""

from __future__ import annotations

import pytest

from dev.campaign.__main__ import SECTIONS, main, sections


def test_a_section_that_is_not_there_is_no_clean_campaign(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(only=["races", "kicks"])
    assert ended.value.code == 2
    told = " ".join(capsys.readouterr().out.split())
    assert told.startswith("there is no section kicks: choose of kills, races")


def test_every_section_is_known_by_its_name() -> None:
    assert tuple(section.name for section in sections()) == tuple(SECTIONS)
