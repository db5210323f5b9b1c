"""`stablecog-archive`: the archive's use cases without a scheduler."""

from .app import main

__all__ = ["main"]
