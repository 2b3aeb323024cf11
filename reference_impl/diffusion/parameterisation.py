r"""What a network predicts of a noisy image, and how each prediction implies the others.

The problem
    x_t = alpha x_0 + sigma eps mixes two unknowns. Whoever knows one of x_0, eps, v or the score knows all of them, so
    a network may be trained to predict any; what differs is how an error of the one weighs as an error of the other.

The equations
    mixture           x_t = alpha x_0 + sigma eps
    velocity          v = alpha eps - sigma x_0: Salimans & Ho, "Progressive Distillation for Fast Sampling of Diffusion
                      Models", ICLR 2022, arXiv:2202.00512, Section 4 and Appendix D
    from v            x_0 = (alpha x_t - sigma v) / n,  eps = (sigma x_t + alpha v) / n,  n = alpha^2 + sigma^2
    score             grad log q(x_t | x_0) = -eps / sigma: Song et al., ICLR 2021, arXiv:2011.13456
    Where n = 1, as in DDPM, x_t and v are x_0 and eps turned by one angle, and nothing is divided by.

The symbols
    alpha, sigma      alpha, sigma            [b] float64, one for each image; alpha = sqrt(abar_t) in DDPM
    x_0, x_t, eps, v  x_0, x_t, eps, v        [b c h w]
"""

from typing import Literal

from reference_impl.diffusion.process import Images, PerImage, times
from reference_impl.engine import check

Prediction = Literal["eps", "x_0", "v"]
"""What the network predicts."""


def mixture(x_0: Images, eps: Images, alpha: PerImage, sigma: PerImage) -> Images:
    r"""The noisy image $x_t = \alpha\, x_0 + \sigma\, \epsilon$."""
    return times(alpha, x_0) + times(sigma, eps)


def velocity(x_0: Images, eps: Images, alpha: PerImage, sigma: PerImage) -> Images:
    r"""$v = \alpha\, \epsilon - \sigma\, x_0$: where the mixture is heading as its angle grows."""
    return times(alpha, eps) - times(sigma, x_0)


def target(prediction: Prediction, x_0: Images, eps: Images, alpha: PerImage, sigma: PerImage) -> Images:
    """What the network is asked for: the noise, the data, or the velocity."""
    known(prediction)
    if prediction == "v":
        return velocity(x_0, eps, alpha, sigma)
    return eps if prediction == "eps" else x_0


def data_from(prediction: Prediction, guess: Images, x_t: Images, alpha: PerImage, sigma: PerImage) -> Images:
    """The x_0 that a prediction implies.

    Raises:
        ValueError: The noise is predicted where alpha = 0: it says nothing of the data there.
    """
    known(prediction)
    if prediction == "x_0":
        return guess
    if prediction == "v":
        norm = alpha**2 + sigma**2
        return times(alpha / norm, x_t) - times(sigma / norm, guess)
    check(bool((alpha > 0).all()), "alpha", alpha.min().item(), "a share of the signal > 0, to find it by its noise")
    return times(1 / alpha, x_t) - times(sigma / alpha, guess)


def noise_from(prediction: Prediction, guess: Images, x_t: Images, alpha: PerImage, sigma: PerImage) -> Images:
    """The noise that a prediction implies.

    Raises:
        ValueError: The data are predicted where sigma = 0: there is no noise in x_t to find.
    """
    known(prediction)
    if prediction == "eps":
        return guess
    if prediction == "v":
        norm = alpha**2 + sigma**2
        return times(sigma / norm, x_t) + times(alpha / norm, guess)
    check(bool((sigma > 0).all()), "sigma", sigma.min().item(), "a share of the noise > 0, to find it by the data")
    return times(1 / sigma, x_t) - times(alpha / sigma, guess)


def score_from_noise(eps: Images, sigma: PerImage) -> Images:
    r"""The gradient of the log density at $x_t$ that the noise implies, $-\epsilon / \sigma$."""
    return times(-1 / sigma, eps)


def noise_from_score(score: Images, sigma: PerImage) -> Images:
    r"""The noise that a gradient of the log density implies, $-\sigma\, \nabla \log q$."""
    return times(-sigma, score)


def known(prediction: str) -> None:
    """Raise a ValueError for a prediction that is none of the three."""
    check(prediction in ("eps", "x_0", "v"), "prediction", prediction, '"eps", "x_0" or "v"')
