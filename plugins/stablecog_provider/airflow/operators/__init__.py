"""The operators."""

from .archive import StablecogToS3Operator
from .refresh import StablecogRefreshOperator
from .status import StablecogStatusOperator
from .verify import StablecogVerifyOperator

__all__ = ["StablecogRefreshOperator", "StablecogStatusOperator", "StablecogToS3Operator", "StablecogVerifyOperator"]
