"""Schedules and numbers small enough to be worked out another way."""

import inspect

import numpy as np
import torch

F64 = torch.float64


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def rough(process, T: int = 9, seed: int = 3):
    """A schedule without any pattern, so that no two of its numbers can be confused."""
    beta = np.random.default_rng(seed).uniform(0.02, 0.4, T)
    return process.Schedule(torch.tensor([0.0, *beta], dtype=F64)), beta


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=seeded(seed), dtype=F64)


def pixels(values) -> torch.Tensor:
    """One image of one pixel for each value: [b 1 1 1]."""
    return torch.as_tensor(values, dtype=F64).reshape(-1, 1, 1, 1)


def every_t(T: int) -> torch.Tensor:
    return torch.arange(1, T + 1)


def unchecked(function):
    """The function without the tests' own checks of shapes: what a user meets."""
    return inspect.unwrap(function)
