"""The modules under test come as fixtures, so that the mutation run can put a broken one in their place."""

import importlib
from types import ModuleType

import pytest


@pytest.fixture
def attention() -> ModuleType:
    return importlib.import_module("reference_impl.transformer.attention")


@pytest.fixture
def sampling() -> ModuleType:
    return importlib.import_module("reference_impl.transformer.sampling")


@pytest.fixture
def gpt() -> ModuleType:
    return importlib.import_module("reference_impl.transformer.gpt")


@pytest.fixture
def encoder_decoder() -> ModuleType:
    return importlib.import_module("reference_impl.transformer.encoder_decoder")


@pytest.fixture
def beam() -> ModuleType:
    return importlib.import_module("reference_impl.transformer.beam")
