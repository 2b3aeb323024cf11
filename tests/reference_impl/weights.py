"""Weights moved: away from the zeros that some begin with, and a little along random directions."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn


def shaken(module: nn.Module, scale: float = 0.1) -> nn.Module:
    """The module, its weights moved away from the zeros that some begin with."""
    g = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for p in module.parameters():
            p.add_(scale * torch.randn(p.shape, generator=g).to(p))
    return module


def slopes(
    loss: Callable[[], Tensor],
    weights: Sequence[Tensor],
    h: float = 1e-5,
    tries: int = 3,
    moved: Callable[[], Tensor] | None = None,
) -> Iterator[tuple[float, float]]:
    """Along random directions through all weights: the slope by autograd, and by central differences.

    Args:
        loss: What autograd differentiates.
        weights: In float64.
        h: How far they are moved, each way.
        tries: How many directions.
        moved: What is differenced, where it is not the loss: where a part of the loss counts as constant.
    """
    gradient, g = torch.autograd.grad(loss(), weights), torch.Generator().manual_seed(4)
    for _ in range(tries):
        direction = [torch.randn(p.shape, generator=g, dtype=torch.float64) for p in weights]
        ends = []
        for step in (h, -2 * h):
            with torch.no_grad():
                for p, d in zip(weights, direction, strict=True):
                    p.add_(step * d)
            ends.append((moved or loss)().item())
        with torch.no_grad():
            for p, d in zip(weights, direction, strict=True):
                p.add_(h * d)
        yield sum((a * b).sum() for a, b in zip(gradient, direction, strict=True)).item(), (ends[0] - ends[1]) / (2 * h)
