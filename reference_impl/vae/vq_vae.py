r"""Vector-quantised VAE (VQ-VAE): van den Oord, Vinyals & Kavukcuoglu, NeurIPS 2017, arXiv:1711.00937.

The problem
    Describe an image by a small grid of whole numbers, and draw new images by drawing new grids. An encoder maps the
    image to a grid of vectors; each is replaced by the nearest of K learnt codes; a decoder maps the codes back. A
    second model, the prior, then learns which grids of codes are likely, one code after another.

The equations, with the paper's numbers
    posterior         (1)     q(z = k | x) = 1 for k = argmin_j |z_e(x) - e_j|, else 0
    bottleneck        (2)     z_q(x) = e_k, k as in (1)
    straight through  (3.2)   forward z_q, backward the gradient at z_q handed to z_e unchanged
    objective         (3)     L = -log p(x | z_q(x)) + |sg[z_e(x)] - e|^2 + beta |z_e(x) - sg[e]|^2
                              with sg the identity forward and zero gradient backward
    why no KL term    (3.1)   q is one-hot and the prior uniform while (3) is trained: KL = log K, a constant
    prior             (3.3)   p(z) = prod_i p(z_i | z_1 .. z_{i-1}, class), z in raster order, fitted after (3)
                              by a gated PixelCNN: pixelcnn.py
    Dead codes are restarted as in Jukebox (Dhariwal et al. 2020, arXiv:2005.00341).

The symbols (b images of c x h x w numbers; a grid of r x s codes, r = h / 2^m, s = w / 2^m)
    x, x^                     x, x_hat                  [b c h w], data in [-1, 1]
    z_e(x)                    z_e                       [b D r s], the encoder's output
    e                         e                         [K D], the codebook, one code a row
    z, k                      k                         [b r s] integers in 0..K-1, the codes
    z_q(x)                    z_q                       [b D r s], the codes' vectors
    sg                        .detach()
    beta, K, D, m             config.beta, .K, .D, .downs
    log p(z | class)          log_prior                 [b], in nats

Deviations from the paper
    - Data: 8x8 digits (4x4 codes), Fashion-MNIST (7x7), not 128x128 ImageNet (32x32 codes).
    - p(x | z_q) is a Gaussian about x^ with variance 1/2 in each pixel, so -log p = |x - x^|^2 and a constant: squared
      error, as in the authors' code (which divides it by the data's variance; it also averages all three terms over
      their elements, where we sum over pixels and over D, as (3) has it). As in the paper, the last two terms are
      averaged over the grid's positions.
    - Codebook: 16 codes of 8 numbers or 128 of 16, not 512 of 64. Codes that less than one vector in a batch chooses,
      by a running mean, are restarted at encoder outputs; the paper has no remedy for them. All codes start that way,
      at outputs of the first batch. The moving averages of Appendix A.1, an alternative to the second term, are not
      here.
    - Encoder and decoder: strided 4x4 convolutions and two residual blocks, as in the paper; one stride for digits; 64
      hidden units, not 256. A 1x1 convolution to D and a 3x3 one from D stand between, as in the authors' code.
    - Prior: a gated PixelCNN of a few layers; conditional on the class, where the paper's image prior is not.
    - Training: hundreds to thousands of steps, not 250,000; a larger learning rate than 2e-4. The averaged weights with
      which the engine samples are the last ones for the autoencoder, which rests in stage two.
    - As in the paper: beta = 0.25, Adam, batches of 128, the two stages, the codes fixed while the prior is fitted.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from reference_impl.data import Data, Spec
from reference_impl.engine import Batch, Player, Preset, TrainConfig, Watch, check
from reference_impl.metrics import compare
from reference_impl.vae.pixelcnn import PixelCNN, bits_per_pixel, log_prior, sample_codes

Images = Float[Tensor, "b c h w"]
Vectors = Float[Tensor, "b D r s"]
Codes = Int64[Tensor, "b r s"]
Codebook = Float[Tensor, "K D"]
PerCode = Float[Tensor, " K"]
Labels = Int64[Tensor, " b"]

USAGE_DECAY = 0.9
"""Of the running mean of a code's use: once unused, it falls from 16 vectors a batch to below one in 27 steps."""


# -------------------------------------------------------------------------------------------- quantisation


@torch.no_grad()
def nearest(z_e: Vectors, e: Codebook) -> Codes:
    r"""The code of each vector, Eq. (1): $k = \mathrm{argmin}_j |z_e(x) - e_j|$.

    $|z_e|^2$ is the same for all codes; what is left to compare is $|e_j|^2 - 2 z_e \cdot e_j$.
    """
    check(z_e.shape[1] == e.shape[1], "D", z_e.shape[1], f"vectors [b D r s] with the codebook's D = {e.shape[1]}")
    z_e = z_e.permute(0, 2, 3, 1)  # the channels last: a code stands for one position, not for one channel
    return (e.square().sum(dim=1) - 2 * z_e @ e.T).argmin(dim=-1)


def embed(k: Codes, e: Codebook) -> Vectors:
    """The codes' vectors, Eq. (2): $z_q(x) = e_k$."""
    return F.embedding(k, e).permute(0, 3, 1, 2)


def straight_through(z_e: Vectors, z_q: Vectors) -> Vectors:
    r"""Forward $z_q$, to the bit; backward the identity to $z_e$, and nothing to the codebook (Section 3.2)."""
    return z_q.detach() + (z_e - z_e.detach())


class Terms(NamedTuple):
    """The three terms of Eq. (3), each one number: the mean over the batch."""

    reconstruction: Float[Tensor, ""]
    codebook: Float[Tensor, ""]
    commitment: Float[Tensor, ""]


def loss_terms(x: Images, x_hat: Images, z_e: Vectors, z_q: Vectors) -> Terms:
    r"""The terms of Eq. (3): $|x - \hat x|^2$, $|\mathrm{sg}[z_e] - e|^2$ and $|z_e - \mathrm{sg}[e]|^2$.

    Summed over pixels and over D; averaged over images, and the last two over the grid's positions.
    """
    check(x_hat.shape == x.shape, "x_hat", tuple(x_hat.shape), f"the images' shape {tuple(x.shape)}")
    return Terms(
        (x - x_hat).square().sum(dim=(1, 2, 3)).mean(),
        (z_e.detach() - z_q).square().sum(dim=1).mean(),
        (z_e - z_q.detach()).square().sum(dim=1).mean(),
    )


def objective(terms: Terms, beta: float) -> Float[Tensor, ""]:
    r"""$L$, Eq. (3), with $-\log p(x \mid z_q) = |x - \hat x|^2$ up to a constant."""
    return terms.reconstruction + terms.codebook + beta * terms.commitment


# ---------------------------------------------------------------------------------------- use of the codes


def counts(k: Codes, K: int) -> PerCode:
    """How many vectors each of the K codes stands for."""
    return F.one_hot(k.flatten(), K).sum(dim=0).to(torch.get_default_dtype())


def perplexity(count: PerCode) -> float:
    r"""$\exp(-\sum_k p_k \log p_k)$ with $p_k = n_k / \sum_j n_j$: how many codes are in use, were they used equally.

    The counts of all images together: the mean over batches of their perplexities is smaller.
    """
    p = count.double() / count.sum()
    return torch.special.entr(p).sum().exp().item()


def running_usage(usage: PerCode, count: PerCode) -> PerCode:
    r"""The running mean of the counts, $u \leftarrow \gamma u + (1 - \gamma) n$."""
    return USAGE_DECAY * usage + (1 - USAGE_DECAY) * count


@torch.no_grad()
def restart(
    e: Codebook, usage: PerCode, z_e: Vectors, threshold: float, generator: Generator
) -> tuple[Codebook, PerCode]:
    """Codes whose running use is below the threshold move to encoder outputs, drawn at random; the others stay.

    A code that was moved counts as used like any other, b r s / K times a batch, and so has time to prove itself.

    Returns:
        The codebook and the running use, both after the move.
    """
    vectors = z_e.permute(0, 2, 3, 1).flatten(0, 2)
    n, K = len(vectors), len(e)
    drawn = torch.randperm(n, generator=generator, device=e.device)[torch.arange(K, device=e.device) % n]
    dead = usage < threshold
    return torch.where(dead[:, None], vectors[drawn], e), torch.where(dead, n / K, usage)


# --------------------------------------------------------------------------------------- the autoencoder


class Residual(nn.Module):
    """x + (ReLU, 3x3 convolution, ReLU, 1x1 convolution)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.wide, self.narrow = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, width, 1)

    def forward(self, x: Images) -> Images:
        """The block's output, of the input's shape."""
        return x + self.narrow(F.relu(self.wide(F.relu(x))))


class Autoencoder(nn.Module):
    """Encoder, codebook and decoder.

    Args:
        c: Channels of an image.
        K: Codes.
        D: Numbers in a code.
        width: Hidden units.
        downs: Strided convolutions; each halves height and width.
    """

    def __init__(self, c: int, K: int, D: int, width: int, downs: int) -> None:
        super().__init__()
        encoder: list[nn.Module] = []
        for i in range(downs):
            encoder += [nn.Conv2d(width if i else c, width, 4, stride=2, padding=1), nn.ReLU()]
        encoder[-1] = Residual(width)  # the first block begins with that ReLU itself
        self.encoder = nn.Sequential(*encoder, Residual(width), nn.ReLU(), nn.Conv2d(width, D, 1))
        decoder: list[nn.Module] = [nn.Conv2d(D, width, 3, padding=1), Residual(width), Residual(width)]
        for i in reversed(range(downs)):
            decoder += [nn.ReLU(), nn.ConvTranspose2d(width, width if i else c, 4, stride=2, padding=1)]
        self.decoder = nn.Sequential(*decoder)
        self.e = nn.Parameter(torch.randn(K, D))
        self.register_buffer("usage", torch.full((K,), -math.inf))  # so that the first batch restarts them all

    def codes(self, x: Images) -> Codes:
        """The grid of codes of each image."""
        return nearest(self.encoder(x), self.e)

    def decode(self, k: Codes) -> Images:
        """The images that grids of codes stand for, clipped to the pixels' range."""
        return self.decoder(embed(k, self.e)).clamp(-1, 1)

    def terms(self, x: Images) -> Terms:
        """The terms of Eq. (3) for a batch."""
        z_e = self.encoder(x)
        z_q = embed(nearest(z_e, self.e), self.e)
        return loss_terms(x, self.decoder(straight_through(z_e, z_q)), z_e, z_q)

    @torch.no_grad()
    def keep_alive(self, x: Images, threshold: float, generator: Generator) -> None:
        """Count the codes' use in a batch, and restart those that are dead."""
        z_e = self.encoder(x)
        usage = running_usage(self.usage, counts(nearest(z_e, self.e), len(self.e)))
        e, usage = restart(self.e, usage, z_e, threshold, generator)
        self.e.copy_(e)
        self.usage.copy_(usage)


# ------------------------------------------------------------------------------------ the method, to be run


@dataclass(frozen=True)
class VQVAEConfig:
    """What defines the method.

    Attributes:
        K: Codes in the codebook.
        D: Numbers in a code.
        beta: Weight of the commitment term.
        downs: Strided convolutions; a grid of codes is 2^downs times smaller than the image.
        width: Hidden units of encoder and decoder.
        threshold: A code that stands for fewer vectors a batch, by a running mean, is restarted; 0 for never.
        autoencoder_steps: Steps of stage one; the prior is trained in all later ones.
        prior_width: Channels of each of the prior's two stacks.
        prior_layers: The prior's gated layers.
        conditional: Whether the prior is conditional on the class, where the data have classes.
    """

    K: int = 64
    D: int = 16
    beta: float = 0.25
    downs: int = 1
    width: int = 64
    threshold: float = 1.0
    autoencoder_steps: int = 600
    prior_width: int = 64
    prior_layers: int = 3
    conditional: bool = True

    def __post_init__(self) -> None:
        check(self.K >= 2, "K", self.K, "a number of codes >= 2")
        check(self.D >= 1, "D", self.D, "a number of dimensions >= 1")
        check(0 <= self.beta < math.inf, "beta", self.beta, "a weight >= 0")
        check(self.downs >= 1, "downs", self.downs, "a number of strided convolutions >= 1")
        check(self.width >= 1, "width", self.width, "a number of hidden units >= 1")
        check(0 <= self.threshold < math.inf, "threshold", self.threshold, "a number of vectors >= 0")
        check(self.autoencoder_steps >= 1, "autoencoder_steps", self.autoencoder_steps, "a number of steps >= 1")
        check(self.prior_width >= 1, "prior_width", self.prior_width, "a number of channels >= 1")
        check(self.prior_layers >= 1, "prior_layers", self.prior_layers, "a number of layers >= 1")


PRESETS = {
    "digits": Preset(
        TrainConfig(data="digits", steps=1000, batch_size=128, lr=2e-3, ema_decay=0.99),
        VQVAEConfig(K=16, D=8, autoencoder_steps=600, prior_width=32, prior_layers=2),
        {"seconds": 90.0, "frechet": 1.5, "class_error": 0.1, "reconstruction_error": 0.04, "prior_nats": 2.2},
    ),
    "fashion": Preset(
        TrainConfig(data="fashion", steps=4000, batch_size=64, lr=1e-3, ema_decay=0.998, evaluate_on=2000),
        VQVAEConfig(K=128, D=16, downs=2, autoencoder_steps=1500, prior_width=64, prior_layers=4),
        {"frechet": 16.0, "class_error": 0.22},
    ),
}


class VQVAE:
    """The method as the engine runs it: an autoencoder with a codebook, then a prior over its codes."""

    def __init__(self, config: VQVAEConfig, spec: Spec, device: torch.device | str = "cpu") -> None:
        good = len(spec.shape) == 3 and all(side % 2**config.downs == 0 for side in spec.shape[1:])
        check(good, "shape", spec.shape, f"images whose height and width are multiples of {2**config.downs}")
        c, h, w = spec.shape
        self.config, self.shape = config, spec.shape
        self.classes = spec.classes if config.conditional else 0
        grid = (h >> config.downs, w >> config.downs)
        self.autoencoder = Autoencoder(c, config.K, config.D, config.width, config.downs)
        self.prior = PixelCNN(config.K, grid, config.prior_width, config.prior_layers, self.classes)
        self.model = nn.ModuleDict({"autoencoder": self.autoencoder, "prior": self.prior}).to(device)

    def players(self) -> list[Player]:
        """Two stages: first the autoencoder alone, then, with its codes fixed, the prior alone."""
        n = self.config.autoencoder_steps
        return [
            Player("autoencoder", self.autoencoder, self.autoencoder_loss, plays=lambda step: step <= n),
            Player("prior", self.prior, self.prior_loss, plays=lambda step: step > n),
        ]

    def autoencoder_loss(self, batch: Batch, generator: Generator) -> Float[Tensor, ""]:
        """Eq. (3); while training, dead codes are restarted first."""
        if self.autoencoder.training and self.config.threshold:
            self.autoencoder.keep_alive(batch.x, self.config.threshold, generator)
        return objective(self.autoencoder.terms(batch.x), self.config.beta)

    def prior_loss(self, batch: Batch, generator: Generator) -> Float[Tensor, ""]:
        """Nats per code of the batch's codes under the prior."""
        k = self.autoencoder.codes(batch.x)
        return -log_prior(self.prior, k, self.asked(batch.labels)).mean() / k[0].numel()

    def asked(self, labels: Labels | None) -> Labels | None:
        """The labels, if the prior is conditional on them."""
        return labels if self.classes else None

    def sample(
        self, n: int, labels: Labels | None, generator: Generator, watch: Watch = lambda steps, _: steps
    ) -> Images:
        """N new images: codes from the prior, decoded."""
        k = sample_codes(self.prior, n, self.asked(labels), generator, watch)
        with torch.no_grad():
            return self.autoencoder.decode(k)

    @torch.no_grad()
    def pictures(self, data: Data, generator: Generator) -> dict[str, Float[Tensor, "rows columns c h w"]]:
        """`reconstructions`: ten held-out images; their codes, each number a shade of grey; what is decoded of them."""
        x = data.held_out[:10]
        k = self.autoencoder.codes(x)
        grey = (2 * k / (self.config.K - 1) - 1)[:, None].expand(-1, self.shape[0], -1, -1)
        grey = F.interpolate(grey, self.shape[1:])
        return {"reconstructions": torch.stack([x, grey, self.autoencoder.decode(k)])}

    @torch.no_grad()
    def evaluate(self, data: Data, samples: Images, labels: Labels | None, generator: Generator) -> dict[str, float]:
        """Of the held-out images: squared error per pixel, the codes' perplexity, nats per code, bits per pixel."""
        error, nats, used = 0.0, 0.0, torch.zeros(self.config.K, device=data.held_out.device)
        for x, y in zip(data.held_out.split(500), data.held_out_labels.split(500), strict=True):
            k = self.autoencoder.codes(x)
            error += (x - self.autoencoder.decode(k)).square().sum().item()
            nats -= log_prior(self.prior, k, self.asked(y)).sum().item()
            used += counts(k, self.config.K)
        n = len(data.held_out)
        return {
            "reconstruction_error": error / data.held_out.numel(),
            "perplexity": perplexity(used),
            "prior_nats": nats / used.sum().item(),
            "bits_per_pixel": bits_per_pixel(nats / n, self.shape),
            **compare(data, samples, self.asked(labels)),
        }


def build(config: VQVAEConfig, spec: Spec, device: torch.device | str) -> VQVAE:
    """The method for images of this kind; torch's global generator draws its first weights."""
    return VQVAE(config, spec, device)
