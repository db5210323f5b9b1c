"""Archives a Stablecog account's generation outputs: every image in S3, one Parquet manifest, proven complete.

This is the library's front door. `__all__` is the public promise; everything else may change. A name is imported when it is first
used, so that `import stablecog_provider` stays cheap. docs/reference.md describes each name.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from . import errors
    from .adapters.assembly import OpenArchive, open_archive, open_bucket, open_erasable, open_restore_ports
    from .adapters.settings import SourceSettings, StoreSettings
    from .archive.forget import ForgetSettings, forget
    from .archive.forgetting.ports import ForgetPorts
    from .archive.ports import BucketPorts, Ports, Progress
    from .archive.rebuild import RebuildSettings, rebuild
    from .archive.refresh import RefreshSettings, refresh
    from .archive.reports.forget import ForgetReport
    from .archive.reports.rebuild import RebuildReport
    from .archive.reports.refresh import RefreshReport
    from .archive.reports.restore import RestoreReport
    from .archive.reports.run import RunReport, RunSummary
    from .archive.reports.verify import VerifyReport
    from .archive.restore import RestoreSettings, restore
    from .archive.restoring.ports import RestorePorts
    from .archive.run import ArchiveSettings, archive
    from .archive.status import ArchiveStatus, status
    from .archive.verify import VerifySettings, verify
    from .errors import ArchiveError, ConfigurationError, FatalError, ItemError, ProofDiffers, TransientError
    from .model.object_keys import Layout
    from .provider_info import get_provider_info

__all__ = [
    "ArchiveError",
    "ArchiveSettings",
    "ArchiveStatus",
    "BucketPorts",
    "ConfigurationError",
    "FatalError",
    "ForgetPorts",
    "ForgetReport",
    "ForgetSettings",
    "ItemError",
    "Layout",
    "OpenArchive",
    "Ports",
    "Progress",
    "ProofDiffers",
    "RebuildReport",
    "RebuildSettings",
    "RefreshReport",
    "RefreshSettings",
    "RestorePorts",
    "RestoreReport",
    "RestoreSettings",
    "RunReport",
    "RunSummary",
    "SourceSettings",
    "StoreSettings",
    "TransientError",
    "VerifyReport",
    "VerifySettings",
    "__version__",
    "archive",
    "errors",
    "forget",
    "get_provider_info",
    "open_archive",
    "open_bucket",
    "open_erasable",
    "open_restore_ports",
    "rebuild",
    "refresh",
    "restore",
    "status",
    "verify",
]

_HOMES = {
    "adapters.assembly": ("OpenArchive", "open_archive", "open_bucket", "open_erasable", "open_restore_ports"),
    "adapters.settings": ("SourceSettings", "StoreSettings"),
    "archive.ports": ("BucketPorts", "Ports", "Progress"),
    "archive.forget": ("ForgetSettings", "forget"),
    "archive.forgetting.ports": ("ForgetPorts",),
    "archive.refresh": ("RefreshSettings", "refresh"),
    "archive.reports.forget": ("ForgetReport",),
    "archive.reports.refresh": ("RefreshReport",),
    "archive.restoring.ports": ("RestorePorts",),
    "archive.rebuild": ("RebuildSettings", "rebuild"),
    "archive.reports.rebuild": ("RebuildReport",),
    "archive.reports.restore": ("RestoreReport",),
    "archive.reports.run": ("RunReport", "RunSummary"),
    "archive.reports.verify": ("VerifyReport",),
    "archive.restore": ("RestoreSettings", "restore"),
    "archive.run": ("ArchiveSettings",),
    "archive.status": ("ArchiveStatus", "status"),
    "archive.verify": ("VerifySettings", "verify"),
    "errors": ("ArchiveError", "ConfigurationError", "FatalError", "ItemError", "ProofDiffers", "TransientError"),
    "model.object_keys": ("Layout",),
    "provider_info": ("get_provider_info",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in ("archive", "errors"):
        # Folder and file of these names. The folder `archive` can be called; see there.
        return import_module(f".{name}", __name__)
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{_HOME[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
