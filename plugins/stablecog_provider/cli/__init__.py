"""`stablecog-archive`: the archive's use cases without a scheduler."""

from .entry import main, script

__all__ = ["main", "script"]
