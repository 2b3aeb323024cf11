"""What the proofs of reference_impl share."""

import pytest


@pytest.fixture(scope="session")
def fashion():
    """Fashion-MNIST, where this machine has it."""
    # imported here, once the hook is in place
    from reference_impl import datasets
    from tests.reference_impl.real_data import needs

    needs("fashion-mnist")
    return datasets.fashion()
