"""What the proofs of reference_impl share."""

import pytest


def pytest_itemcollected(item: pytest.Item) -> None:
    """Keeps the tests that share a trained model or a prepared data set in one worker, so that each is made once."""
    if item.path.stem.endswith("_runs") or item.path.stem in ("test_cli", "test_translation_data"):
        item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.fixture(scope="session")
def fashion():
    """Fashion-MNIST, where this machine has it."""
    # imported here, once the hook is in place
    from reference_impl import datasets
    from tests.reference_impl.real_data import needs

    needs("fashion-mnist")
    return datasets.fashion()
