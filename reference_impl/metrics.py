"""Numbers that compare sets of examples, in float64."""

import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor

from reference_impl import classifier
from reference_impl.data import Data

GRID_STD = 0.0125
"""Standard deviation of each of the 25 Gaussians; their means are 0.5 apart, 40 times as much."""


def grid_means() -> Float32[Tensor, "25 2"]:
    """The means of the 25 Gaussians: a grid of 5x5 points, 0.5 apart, about the origin."""
    line = torch.linspace(-1, 1, 5)
    return torch.cartesian_prod(line, line)


NEAREST_OF = 1000
"""Examples whose nearest training images are looked for; all of them would take minutes on large sets."""

NEAREST_OF = 1000
"""Examples whose nearest training images are looked for; all of them would take minutes on large sets."""


def frechet_distance(a: Float[Tensor, "n ..."], b: Float[Tensor, "m ..."]) -> float:
    r"""The squared Frechet (2-Wasserstein) distance between Gaussians fitted to two sets of examples.

    $$d^2 = |\mu_a - \mu_b|^2
      + \mathrm{tr}\big(\Sigma_a + \Sigma_b - 2 (\Sigma_a^{1/2} \Sigma_b \Sigma_a^{1/2})^{1/2}\big)$$

    It is the formula of the FID (Heusel et al. 2017), but on the pixels themselves, without the Inception network: it
    sees means and covariances of pixels and nothing else. It is not comparable with any FID. Few examples bias it
    upwards, so it means something only beside the distance of as many real examples.

    Args:
        a: At least two examples, of any shape.
        b: At least two examples of the same shape.
    """
    if a.shape[1:] != b.shape[1:] or len(a) < 2 or len(b) < 2:
        raise ValueError(
            f"sets are {list(a.shape)} and {list(b.shape)}; expected two or more examples of one shape in each"
        )
    x, y = a.flatten(1).double(), b.flatten(1).double()
    cov_x, cov_y = torch.atleast_2d(x.T.cov()), torch.atleast_2d(y.T.cov())
    values, vectors = torch.linalg.eigh(cov_x)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T  # the symmetric square root of cov_x
    cross = torch.linalg.eigvalsh(root @ cov_y @ root).clamp(min=0).sqrt().sum()  # its trace needs eigenvalues only
    gap = (x.mean(dim=0) - y.mean(dim=0)).square().sum()
    return max(0.0, (gap + cov_x.trace() + cov_y.trace() - 2 * cross).item())


def nearest_distance(a: Float[Tensor, "n ..."], b: Float[Tensor, "m ..."]) -> float:
    """The median, over the examples of a, of the Euclidean distance to the nearest example of b.

    Of samples to the training set, against that of held-out images to the training set: a much smaller number means
    that the samples are copies. The nearest is searched for in float32, a hundred examples at a time, since all the
    distances at once would not fit into memory; the distance to it is then computed in float64.
    """
    x, y = a.flatten(1).float(), b.flatten(1).float()
    nearest = torch.cat([torch.cdist(part, y).argmin(dim=1) for part in x.split(100)])
    return (a.flatten(1).double() - b.flatten(1)[nearest].double()).norm(dim=1).median().item()


def modes(points: Float[Tensor, "n 2"]) -> dict[str, float]:
    """How many of the 25 Gaussians of `gaussians` have no point, and the share of points that are at none of them.

    A point is at a Gaussian if it lies within three standard deviations of its mean, as PacGAN counts. Of 2,500 true
    points, 1.1 % do not, and no mode is missed.
    """
    distance, mode = torch.cdist(points.double(), grid_means().to(points.device).double()).min(dim=1)
    near = distance <= 3 * GRID_STD
    return {"modes_missed": 25.0 - len(mode[near].unique()), "low_quality": 1 - near.double().mean().item()}


def compare(data: Data, samples: Float[Tensor, "n ..."], labels: Int64[Tensor, " n"] | None) -> dict[str, float]:
    """The numbers that every method's samples get; those ending in `_real` are what real examples get.

    Points get the numbers of `modes`. Images get:

    - `frechet`: the Frechet distance of their pixels to those of the held-out images;
    - `feature_frechet`: the same of the features of this project's own small classifier, where the data have one;
    - `class_error`: the share of samples that this classifier puts into another class than was asked for;
    - `nearest`: how far the samples are from the training images.

    They compare samples within this project, on the same data and as many samples, and with nothing outside it. The
    classifier has seen the training images, so its features of them lie a little apart from those of the held-out ones.

    Args:
        data: The data; samples are held against both of its parts.
        samples: New examples.
        labels: The classes that the samples were asked to be of; None of an unconditional method.
    """
    if data.name == "gaussians":
        return modes(samples)
    n = min(len(samples), len(data.train))
    numbers = {
        "frechet": frechet_distance(samples, data.held_out),
        "frechet_real": frechet_distance(data.train[:n], data.held_out),
    }
    if data.name in classifier.WEIGHTS:
        model = classifier.load(data.name, samples.device)
        held_out = model.features(data.held_out)
        numbers["feature_frechet"] = frechet_distance(model.features(samples), held_out)
        numbers["feature_frechet_real"] = frechet_distance(model.features(data.train[:n]), held_out)
        if labels is not None:
            numbers["class_error"] = classifier.class_error(model, samples, labels)
            numbers["class_error_real"] = classifier.class_error(model, data.held_out, data.held_out_labels)
    numbers["nearest"] = nearest_distance(samples[:NEAREST_OF], data.train)
    numbers["nearest_real"] = nearest_distance(data.held_out[:NEAREST_OF], data.train)
    return numbers
