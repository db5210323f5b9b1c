"""What a rebuild must not forget."""

from __future__ import annotations

from typing import Any

from support.stage import DAY, HOUR, NOON, days_of, stage_of


async def test_a_rebuild_does_not_forget_what_differs() -> None:
    """An output is counted and not listed, and another one is deleted before the rebuild: together, the counts agree."""
    stage = stage_of(*days_of(20, 6))
    outputs = stage.simulated.visible(NOON)

    def hide(document: dict[str, Any]) -> None:
        document["outputs"] = [output for output in document["outputs"] if output["id"] != outputs[3].id]

    stage.spoil = hide
    assert (await stage.run()).outcome == "not proven"
    stage.simulated.delete(outputs[70].id, NOON + HOUR)
    stage.clock.advance(DAY)
    await stage.rebuild()
    assert (await stage.status()).outcome == "not proven"
    assert {report.outcome for report in await stage.ordinary_runs(3)} == {"not proven"}
    stage.spoil = None
    assert (await stage.ordinary_runs(8))[-1].outcome == "proven"
    await stage.assert_nothing_lost()
