"""The operator."""

from .archive import StablecogToS3Operator

__all__ = ["StablecogToS3Operator"]
