"""Every shape that a signature of reference_impl states is checked at run time, here in the tests only."""

import importlib.util
import os

import pytest
from jaxtyping import install_import_hook

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # as the command line does: busy machines stay usable

if importlib.util.find_spec("beartype"):  # the GPU machine has none
    install_import_hook("reference_impl", "beartype.beartype")


@pytest.fixture(scope="session")
def fashion():
    """Fashion-MNIST, where this machine has it; a test never downloads it.

    AIGC_REQUIRE_DATA makes its absence a failure, so that on a machine that has the data no test is passed over in
    silence.
    """
    from reference_impl import datasets, download

    if not all(download.local("fashion-mnist", file) for file in download.SOURCES["fashion-mnist"].files):
        missing = "Fashion-MNIST is neither in the folder that AIGC_DATA names nor in the cache"
        if os.environ.get("AIGC_REQUIRE_DATA"):
            pytest.fail(missing)
        pytest.skip(missing)
    return datasets.fashion()
