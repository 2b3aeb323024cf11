"""The modules under test come as fixtures, so that the mutation run can put a broken one in their place."""

import importlib
from types import ModuleType

import pytest


@pytest.fixture
def process() -> ModuleType:
    return importlib.import_module("reference_impl.diffusion.process")


@pytest.fixture
def parameterisation() -> ModuleType:
    return importlib.import_module("reference_impl.diffusion.parameterisation")


@pytest.fixture
def bound() -> ModuleType:
    return importlib.import_module("reference_impl.diffusion.bound")


@pytest.fixture
def ddpm() -> ModuleType:
    return importlib.import_module("reference_impl.diffusion.ddpm")


@pytest.fixture
def improved_ddpm() -> ModuleType:
    return importlib.import_module("reference_impl.diffusion.improved_ddpm")


@pytest.fixture
def unet() -> ModuleType:
    return importlib.import_module("reference_impl.diffusion.unet")
