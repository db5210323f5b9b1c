"""The operators."""

from .archive import StablecogToS3Operator
from .verify import StablecogVerifyOperator

__all__ = ["StablecogToS3Operator", "StablecogVerifyOperator"]
