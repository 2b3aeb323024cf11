"""Every shape that a signature of reference_impl states is checked at run time, here in the tests only."""

import importlib.util
import os

import pytest
from jaxtyping import install_import_hook

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # as the command line does: busy machines stay usable

if "PYTEST_XDIST_WORKER" in os.environ:  # one worker for each core: threads of one would take turns with another's
    os.environ.setdefault("OMP_NUM_THREADS", "1")

if importlib.util.find_spec("beartype"):  # the GPU machine has none
    install_import_hook("reference_impl", "beartype.beartype")


@pytest.fixture(scope="session")
def fashion():
    """Fashion-MNIST, where this machine has it."""
    # imported here, once the hook is in place
    from reference_impl import datasets
    from tests.reference_impl.real_data import needs

    needs("fashion-mnist")
    return datasets.fashion()
