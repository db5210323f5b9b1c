"""A restore of an archive with images that the store refuses: an old KMS key is disabled, or a policy denies them."""

from __future__ import annotations

import pytest

from stablecog_provider.adapters.memory import Call
from stablecog_provider.errors import ConfigurationError, CredentialsRejected
from support.restores import Restores
from support.scene import LAYOUT
from support.stage import days_of, stage_of


async def _refusing(images: int) -> Restores:
    """An archive of 40 images. The store refuses the first `images` of them."""
    stage = stage_of(*days_of(20, 2))
    await stage.run()
    refused = sorted(key for key in stage.store.objects if key.startswith(LAYOUT.images))[:images]

    def refuse(call: Call) -> None:
        if call.operation == "get" and call.key in refused:
            raise CredentialsRejected("403 AccessDenied", hint="allow it")

    stage.store.before = refuse
    return Restores(stage)


@pytest.mark.parametrize("place", ["folder", "archive"])
async def test_all_others_are_restored(place: str) -> None:
    restores = await _refusing(2)
    report = await (restores.to_folder() if place == "folder" else restores.into())
    assert (report.restored, report.failed, report.exit_code) == (38, 2, 3)
    assert {each.kind for each in report.problems} == {"refused"}
    assert "The store refuses some objects" in " ".join(report.explain())


async def test_a_store_that_refuses_everything_ends_it() -> None:
    restores = await _refusing(40)
    with pytest.raises(ConfigurationError, match="AccessDenied"):
        await restores.to_folder()
