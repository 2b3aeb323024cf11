r"""Classes that a network can be asked for, and guidance towards them, for every method of the family.

The equations, with the numbers of Ho & Salimans, "Classifier-Free Diffusion Guidance", 2022, arXiv:2207.12598
    training          Alg. 1  with probability p_uncond the class is dropped: one network learns both laws
    guidance          (6)     eps~ = (1 + w) eps_theta(z, c) - w eps_theta(z)
    w = 0 is the conditional prediction, w = -1 the unconditional one. Much software gives the scale s = 1 + w instead.
    For a given z, data, noise, velocity and score are affine in one another, and the weights of (6) add up to one, so
    (6) may be applied to whichever of them the network predicts.
"""

from collections.abc import Callable

import torch
from jaxtyping import Int64
from torch import Generator, Tensor

Predictor = Callable[[Tensor, Tensor], Tensor]
"""(x [b c h w], t [b]) -> what is predicted [b c h w]."""
Conditional = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""(x [b c h w], t [b], labels [b] or None) -> what is predicted [b c h w]; None asks for any class."""
Labels = Int64[Tensor, " b"]


def drop_labels(labels: Labels, classes: int, p_uncond: float, generator: Generator) -> Labels:
    """The labels, each replaced with probability p_uncond by `classes`, which stands for "any class" (Algorithm 1)."""
    dropped = torch.rand(labels.shape, generator=generator, device=labels.device) < p_uncond
    return labels.masked_fill(dropped, classes)


def guided(network: Conditional, labels: Labels | None, w: float) -> Predictor:
    r"""Eq. (6): $\tilde\epsilon = (1 + w)\, \epsilon_\theta(z, c) - w\, \epsilon_\theta(z)$.

    Args:
        network: What predicts; it is asked twice, or once where w = 0 or no class is asked for.
        labels: The classes c; None for any.
        w: The strength of the guidance.
    """

    def predict(x: Tensor, t: Tensor) -> Tensor:
        if labels is None or w == 0:
            return network(x, t, labels)
        return (1 + w) * network(x, t, labels) - w * network(x, t, None)

    return predict
