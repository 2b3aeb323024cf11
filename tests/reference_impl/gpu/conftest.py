"""Every test in this folder needs a CUDA device, and deterministic algorithms on it."""

import os
from pathlib import Path

import pytest
import torch


def pytest_collection_modifyitems(items):
    # A GPU runner sets the variable, so that a device which is not found fails there and is not passed over in silence.
    absent = not torch.cuda.is_available() and not os.environ.get("AIGC_REQUIRE_GPU")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.gpu)
            if absent:
                item.add_marker(pytest.mark.skip(reason="torch finds no CUDA device on this machine"))


@pytest.fixture(autouse=True)
def deterministic(monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)
