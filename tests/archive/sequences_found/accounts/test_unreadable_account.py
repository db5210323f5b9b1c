"""An account of which no output can be read (a renamed field) is still the account that was archived."""

from __future__ import annotations

from typing import Any

from support.stage import DAY, days_of, stage_of


async def test_the_hint_of_a_refusal_leads_on_if_nothing_is_readable() -> None:
    stage = stage_of(*days_of(20, 5))

    def garble(document: dict[str, Any]) -> None:
        for output in document["outputs"]:
            output["image_url"] = None

    stage.spoil = garble
    await stage.run()
    stage.clock.advance(DAY)
    # What the refusal of an ordinary run says here: "pass --allow-account-mismatch once".
    await stage.run(allow_account_mismatch=True)
    # Fails: refused again, and again after every such run: "lists nothing that the archive holds".
    await stage.ordinary_runs(2)
