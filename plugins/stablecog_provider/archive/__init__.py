"""The use cases, one per module of this folder; its folders are their parts. `ports.py` has the interfaces to the outside.

`from stablecog_provider import archive` finds this folder: Python sets that name when it imports any module of the folder. So the
folder can be called, and is then the use case of the same name: `run.archive`.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .ports import Ports, ProgressListener
    from .reports.run import RunReport
    from .run import ArchiveSettings


class _UseCase(ModuleType):
    async def __call__(
        self, ports: Ports, settings: ArchiveSettings, on_progress: ProgressListener | None = None
    ) -> RunReport:
        from .run import archive

        return await archive(ports, settings, on_progress)


sys.modules[__name__].__class__ = _UseCase
