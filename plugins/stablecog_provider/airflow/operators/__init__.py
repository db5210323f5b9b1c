"""The operators."""

from .archive import StablecogToS3Operator
from .forget import StablecogForgetOperator
from .publish import StablecogToIcebergOperator
from .rebuild import StablecogRebuildOperator
from .refresh import StablecogRefreshOperator
from .restore import StablecogRestoreOperator
from .status import StablecogStatusOperator
from .verify import StablecogVerifyOperator

__all__ = [
    "StablecogForgetOperator",
    "StablecogRebuildOperator",
    "StablecogRefreshOperator",
    "StablecogRestoreOperator",
    "StablecogStatusOperator",
    "StablecogToIcebergOperator",
    "StablecogToS3Operator",
    "StablecogVerifyOperator",
]
