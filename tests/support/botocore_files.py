"""Read each of botocore's files once per process. tests/conftest.py loads this module as a pytest plugin.

Each session of boto3 parses its description of S3 and of all endpoints again: 0.14 s per session, a tenth of the whole suite.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader


@pytest.fixture(scope="session", autouse=True)
def botocore_files_are_read_once() -> None:
    read = JSONFileLoader.load_file

    @cache
    def kept(path: str) -> Any:
        return read(JSONFileLoader(), path)

    JSONFileLoader.load_file = lambda self, file_path: kept(file_path)  # type: ignore[method-assign]
