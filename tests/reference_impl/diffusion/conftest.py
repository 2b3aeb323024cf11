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
def conditioning() -> ModuleType:
    return importlib.import_module("reference_impl.diffusion.conditioning")


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
def ddim() -> ModuleType:
    return importlib.import_module("reference_impl.diffusion.ddim")


@pytest.fixture
def guidance() -> ModuleType:
    return importlib.import_module("reference_impl.diffusion.guidance")


@pytest.fixture
def edm() -> ModuleType:
    return importlib.import_module("reference_impl.diffusion.edm")


@pytest.fixture
def ode() -> ModuleType:
    return importlib.import_module("reference_impl.diffusion.ode")


@pytest.fixture
def flow_matching() -> ModuleType:
    return importlib.import_module("reference_impl.diffusion.flow_matching")


@pytest.fixture
def reflow() -> ModuleType:
    return importlib.import_module("reference_impl.diffusion.reflow")


@pytest.fixture
def mean_flow() -> ModuleType:
    return importlib.import_module("reference_impl.diffusion.mean_flow")


@pytest.fixture
def latent_diffusion() -> ModuleType:
    return importlib.import_module("reference_impl.diffusion.latent_diffusion")


@pytest.fixture
def kl_autoencoder() -> ModuleType:
    return importlib.import_module("reference_impl.vae.kl_autoencoder")


@pytest.fixture
def unet() -> ModuleType:
    return importlib.import_module("reference_impl.diffusion.unet")


@pytest.fixture
def dit() -> ModuleType:
    return importlib.import_module("reference_impl.diffusion.dit")


@pytest.fixture
def networks() -> ModuleType:
    return importlib.import_module("reference_impl.diffusion.networks")
