"""The real data sets in the tests: read where this machine has them, never downloaded."""

import os

import pytest

from reference_impl import download


def needs(name: str) -> None:
    """Skip the test if a set is on this machine neither in the folder that AIGC_DATA names nor in the cache.

    AIGC_REQUIRE_DATA makes its absence a failure, so that on a machine that has the data no test is passed over in
    silence.
    """
    if not all(download.local(name, file) for file in download.SOURCES[name].files):
        missing = f"{name} is neither in the folder that AIGC_DATA names nor in the cache"
        if os.environ.get("AIGC_REQUIRE_DATA"):
            pytest.fail(missing)
        pytest.skip(missing)
