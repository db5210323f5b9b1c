"""The operators."""

from .archive import StablecogToS3Operator
from .forget import StablecogForgetOperator
from .verify import StablecogVerifyOperator

__all__ = ["StablecogForgetOperator", "StablecogToS3Operator", "StablecogVerifyOperator"]
