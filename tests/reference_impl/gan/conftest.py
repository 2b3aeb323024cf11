"""The modules under test come as fixtures, so that the mutation run can put a broken one in their place."""

import importlib
from types import ModuleType

import pytest


@pytest.fixture
def mlp() -> ModuleType:
    return importlib.import_module("reference_impl.gan.mlp")


@pytest.fixture
def gan() -> ModuleType:
    return importlib.import_module("reference_impl.gan.gan")


@pytest.fixture
def dcgan() -> ModuleType:
    return importlib.import_module("reference_impl.gan.dcgan")


@pytest.fixture
def wgan_gp() -> ModuleType:
    return importlib.import_module("reference_impl.gan.wgan_gp")


@pytest.fixture
def r3gan() -> ModuleType:
    return importlib.import_module("reference_impl.gan.r3gan")
