"""The operators, one per use case."""

from .archive import StablecogToS3Operator

__all__ = ["StablecogToS3Operator"]
