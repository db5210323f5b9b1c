"""`stablecog-archive`: the archive's use cases without a scheduler."""

from .app import main, script

__all__ = ["main", "script"]
