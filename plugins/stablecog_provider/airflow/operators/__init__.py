"""The operators."""

from .archive import StablecogToS3Operator
from .restore import StablecogRestoreOperator

__all__ = ["StablecogRestoreOperator", "StablecogToS3Operator"]
