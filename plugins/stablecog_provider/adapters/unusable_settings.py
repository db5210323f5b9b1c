"""Names the AWS_* variable that a client cannot read. Both clients read the environment themselves: boto3 and obstore."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..errors import ConfigurationError
from .redaction import one_line
from .store_errors import without_credentials

_BY_TOPIC = {"Invalid Zone suffix": "AWS_S3_EXPRESS", "encryption header": "AWS_SERVER_SIDE_ENCRYPTION"}
"""What obstore 0.12 says if it rejects a variable without quoting its value."""


def unusable_settings(error: Exception, environ: Mapping[str, str]) -> ConfigurationError:
    """Return our error for the failed construction of a client. It names the variables that the error's text is about."""
    text = re.sub(r"^Generic \w+ error: ", "", str(error).partition("Debug source:")[0])
    named = sorted({name for name, value in environ.items() if name.startswith("AWS_") and _contains(text, value)})
    named = named or [name for topic, name in _BY_TOPIC.items() if topic in text]
    subject = ", ".join(named) or "the AWS settings"
    return ConfigurationError(
        f"{subject} cannot be used: {one_line(without_credentials(text))}",
        hint="correct or unset the variable, or the setting of the profile or connection",
    )


def _contains(text: str, value: str) -> bool:
    return bool(value.strip()) and bool(re.search(rf"(?<![\w-]){re.escape(value)}(?![\w-])", text))
