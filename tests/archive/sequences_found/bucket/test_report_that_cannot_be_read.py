"""A lifecycle rule moved the reports under runs/ to an archive class."""

from __future__ import annotations

from stablecog_provider.adapters.memory import Call
from stablecog_provider.errors import ConfigurationError
from support.scene import LAYOUT
from support.stage import days_of, stage_of


async def test_status_needs_no_report() -> None:
    stage = stage_of(*days_of(5, 2))
    await stage.checked_run()

    def archived_class(call: Call) -> None:
        if call.operation == "get" and call.key.startswith(LAYOUT.runs):
            raise ConfigurationError("403 InvalidObjectState")

    stage.store.before = archived_class
    told = await stage.status()
    assert (told.outcome, told.last_run) == ("proven", None)
