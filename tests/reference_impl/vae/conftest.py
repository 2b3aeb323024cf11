"""The modules under test come as fixtures, so that the mutation run can put a broken one in their place."""

import importlib
from types import ModuleType

import pytest


@pytest.fixture
def vae() -> ModuleType:
    return importlib.import_module("reference_impl.vae.vae")


@pytest.fixture
def vq_vae() -> ModuleType:
    return importlib.import_module("reference_impl.vae.vq_vae")


@pytest.fixture
def pixelcnn() -> ModuleType:
    return importlib.import_module("reference_impl.vae.pixelcnn")
