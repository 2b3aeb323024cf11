r"""Auto-encoding variational Bayes (VAE): Kingma & Welling, ICLR 2014, arXiv:1312.6114.

With the importance-weighted bound of Burda, Grosse & Salakhutdinov (IWAE), ICLR 2016, arXiv:1509.00519.

The problem
    Given samples x of an unknown law, learn a model in which a hidden z, drawn from a simple prior, makes x. Its
    likelihood p(x) is an integral over all z, which nobody can work out. The way out: a second network q(z|x) guesses
    which z made x; with it there is a lower bound on log p(x) that has a gradient and can be climbed.

The equations, with the paper's numbers (I: numbers of the IWAE paper)
    model             Sec. 3    p(z) = N(0, I), q(z|x) = N(mu, sigma^2 I) with mu, sigma^2 from the encoder
    reparameterised   (4)       z = mu + sigma eps, eps ~ N(0, I)
    bound             (2)       log p(x) >= L(x) = E_q [log p(x|z) + log p(z) - log q(z|x)]
    the same          (3)       L(x) = E_q [log p(x|z)] - D_KL(q(z|x) || p(z))
    its KL            App. B    D_KL = -1/2 sum_j (1 + log sigma_j^2 - mu_j^2 - sigma_j^2)
    estimate          (7)(10)   L~ = 1/L sum_l log p(x|z_l) - D_KL
    tighter bound     (I 8)     L_k(x) = E log 1/k sum_i w_i,  w_i = p(x|z_i) p(z_i) / q(z_i|x); L_1 = L
    Why it works: log p(x) - L(x) = D_KL(q(z|x) || p(z|x)) >= 0 (1); log p(x) >= L_{k+1} >= L_k (I 10).
    The likelihood p(x|z) must be the probability of pixels that have `levels` values, or L bounds nothing. Ours is the
    discretised logistic of Kingma et al. 2016 (arXiv:1606.04934) and PixelCNN++ (Salimans et al. 2017,
    arXiv:1701.05517), with one component: a logistic law with mean m(z) and scale s, summed over each level's bin;
    the first and the last bin reach to infinity.

The symbols (b images of c x h x w numbers; k samples of z for each)
    x                     x                  [b c h w], in [-1, 1]
    eps, z                eps, z             [k b d_z]
    mu, log sigma^2       mu, log_var        [b d_z], the encoder's output
    m(z)                  m                  [k b c h w], the decoder's output; a logit if the pixels are black or white
    log s                 log_s              [] one learned number for all pixels
    log p(x|z), log w     log_px_z, log_w    [k b], in nats
    L, L_k                elbo, iwae         [b], in nats

Deviations from the paper
    - Data: scikit-learn's 8x8 digits (17 grey levels) and Fashion-MNIST (256), not MNIST and Frey Face. Hence another
      likelihood: the paper's is Bernoulli (kept as an option, for black and white only) or Gaussian.
    - Conditional on the class y, as in Sohn et al. 2015 (p(x|z, y), q(z|x, y), p(z) for all y): the bound is on
      log p(x|y). The layer next to z has weights of its own for each y. `conditional=False` is the paper's.
    - Networks: two convolutions and a hidden layer with SiLU in each, not one hidden layer alone.
    - Training: Adam with cosine decay, not Adagrad; no weight decay (the paper's prior on the weights); averaged
      weights (EMA) at the end; batches of 64 and 128, not 100.
    - `beta` weighs the KL, as in the beta-VAE (Higgins et al. 2017). At 1, its default, the loss is the paper's; the
      preset `fashion` sets 4, for better samples at the price of a worse bound. `k` > 1 trains on L_k.
    - Samples are shown as the decoder's m(z), clipped, without the noise of p(x|z); `pixels="drawn"` adds the noise.
    - As in the paper: prior, diagonal Gaussian q, the KL in closed form, one sample z for each image in training.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int64
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from reference_impl.data import Data, Spec
from reference_impl.engine import Batch, Player, Preset, TrainConfig, Watch, check
from reference_impl.metrics import compare

Images = Float[Tensor, "b c h w"]
Codes = Float[Tensor, "b d_z"]
Labels = Int64[Tensor, " b"] | None


# --------------------------------------------------------------------------------------------- the encoder's law q


def reparameterise(mu: Codes, log_var: Codes, eps: Float[Tensor, "k b d_z"]) -> Float[Tensor, "k b d_z"]:
    r"""Section 2.4: $z = \mu + \sigma \odot \epsilon$; the noise carries no parameter, so z has a gradient."""
    return mu + (log_var / 2).exp() * eps


def kl_to_prior(mu: Codes, log_var: Codes) -> Codes:
    r"""Appendix B, for each coordinate: $-\frac12 (1 + \log\sigma_j^2 - \mu_j^2 - \sigma_j^2) \ge 0$."""
    return -(1 + log_var - mu.square() - log_var.exp()) / 2


def log_normal(z: Float[Tensor, "k b d_z"], mu: Codes, log_var: Codes) -> Float[Tensor, "k b"]:
    r"""$\log \mathcal N(z; \mu, \sigma^2 I)$, in nats."""
    return -(math.log(2 * math.pi) + log_var + (z - mu).square() / log_var.exp()).sum(dim=-1) / 2


# ---------------------------------------------------------------------------------------------- the likelihoods


def log_discretised_logistic(
    x: Images, m: Float[Tensor, "k b c h w"], log_s: Float[Tensor, ""], levels: int
) -> Float[Tensor, "k b c h w"]:
    r"""Each pixel's log probability: of `levels` values evenly spaced on [-1, 1], the logistic's share in x's bin.

    $$P(x \mid m, s) = F(x + \delta) - F(x - \delta), \qquad F(t) = \mathrm{sigmoid}\Big(\frac{t - m}{s}\Big), \quad
      \delta = \frac{1}{\mathrm{levels} - 1}$$

    with F(1 + delta) = 1 and F(-1 - delta) = 0. The difference is never formed: with $a, b = (x \pm \delta - m) / s$,

    $$\log(\mathrm{sigmoid}(a) - \mathrm{sigmoid}(b))
      = \log\mathrm{sigmoid}(a) + \log\mathrm{sigmoid}(-b) + \log(1 - e^{-2 \delta / s}),$$

    which neither rounds to log 0 nor needs an epsilon.
    """
    half_bin = 1 / (levels - 1)
    a, b = (x + half_bin - m) / log_s.exp(), (x - half_bin - m) / log_s.exp()
    first, last = x < -1 + half_bin, x > 1 - half_bin
    below = torch.where(last, 0, F.logsigmoid(a))  # the last bin has no upper edge
    above = torch.where(first, 0, F.logsigmoid(-b))  # the first has no lower one
    width = torch.where(first | last, 0, (-torch.expm1(-2 * half_bin / log_s.exp())).log())
    return below + above + width


def draw_discretised_logistic(m: Images, log_s: Float[Tensor, ""], levels: int, generator: Generator) -> Images:
    """Pixels from that law: logistic noise, rounded to the nearest level; what lies beyond the ends goes to the end."""
    u = torch.rand(m.shape, generator=generator, device=m.device, dtype=torch.float64).clamp(1e-12, 1 - 1e-12)
    x = m + log_s.exp() * u.logit().to(m.dtype)
    return ((x.clamp(-1, 1) + 1) / 2 * (levels - 1)).round() / (levels - 1) * 2 - 1


def log_bernoulli(x: Images, m: Float[Tensor, "k b c h w"]) -> Float[Tensor, "k b c h w"]:
    """Each pixel's log probability, black (-1) or white (1), where m is the logit of white (Appendix C.1).

    Raises:
        ValueError: A pixel is grey. Cross-entropy against grey pixels can be computed, but is no probability of them.
    """
    if not (x.abs() == 1).all():
        raise ValueError(f"a pixel is {x[x.abs() != 1][0].item():.4g}; expected -1 or 1, as Bernoulli needs")
    return F.logsigmoid(x * m)


# --------------------------------------------------------------------------------------------------- the bounds


def elbo(log_px_z: Float[Tensor, "k b"], mu: Codes, log_var: Codes, beta: float = 1.0) -> Float[Tensor, " b"]:
    r"""The estimate (7), (10): $\frac1k \sum_l \log p(x \mid z_l) - \beta\, D_{KL}$, with beta = 1 in the paper."""
    return log_px_z.mean(dim=0) - beta * kl_to_prior(mu, log_var).sum(dim=1)


def log_weights(
    log_px_z: Float[Tensor, "k b"], z: Float[Tensor, "k b d_z"], mu: Codes, log_var: Codes
) -> Float[Tensor, "k b"]:
    r"""$\log w = \log p(x \mid z) + \log p(z) - \log q(z \mid x)$; its mean under q is the bound (2)."""
    zero = torch.zeros_like(mu)
    return log_px_z + log_normal(z, zero, zero) - log_normal(z, mu, log_var)


def iwae(log_w: Float[Tensor, "k b"]) -> Float[Tensor, " b"]:
    r"""Eq. (8) of Burda et al.: $\log \frac1k \sum_i w_i$, the logarithm of a mean, not the mean of logarithms."""
    return log_w.logsumexp(dim=0) - math.log(len(log_w))


def bits_per_dim(nats: float, shape: tuple[int, ...]) -> float:
    """Nats for a whole image to bits for each of its numbers."""
    return nats / (math.prod(shape) * math.log(2))


# -------------------------------------------------------------------------------------------------- the networks


def of_class(blocks: Float[Tensor, "b many"], labels: Labels, classes: int) -> Float[Tensor, "b each"]:
    """For each example its own class's block, of `classes` blocks side by side; x itself where there are no classes.

    After a linear layer this gives every class weights of its own.
    """
    if not classes:
        return blocks
    if labels is None or labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"labels are {labels}; expected one class in 0..{classes - 1} for each of {len(blocks)} examples"
        )
    return blocks.unflatten(1, (classes, -1))[torch.arange(len(labels), device=labels.device), labels]


def halves(shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """Height and width of an image, of half of it and of a quarter, rounded up."""
    return [(-(-shape[1] // d), -(-shape[2] // d)) for d in (1, 2, 4)]


class Encoder(nn.Module):
    """Images and classes to mu and log sigma^2 of q(z | x, y); the last layer has weights of its own for each y."""

    def __init__(self, shape: tuple[int, ...], classes: int, d_z: int, width: int, hidden: int) -> None:
        super().__init__()
        self.classes = classes
        h, w = halves(shape)[-1]
        self.body = nn.Sequential(
            nn.Conv2d(shape[0], width, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(2 * width * h * w, hidden),
            nn.SiLU(),
        )
        self.last = nn.Linear(hidden, max(classes, 1) * 2 * d_z)

    def forward(self, x: Images, labels: Labels = None) -> tuple[Codes, Codes]:
        """Mu and log sigma^2."""
        mu, log_var = of_class(self.last(self.body(x)), labels, self.classes).chunk(2, dim=1)
        return mu, log_var


class Decoder(nn.Module):
    """Codes and classes to m(z), each pixel's mean or logit; the first layer has weights of its own for each y."""

    def __init__(self, shape: tuple[int, ...], classes: int, d_z: int, width: int, hidden: int) -> None:
        super().__init__()
        self.classes, self.sizes = classes, halves(shape)
        h, w = self.sizes[-1]
        self.first = nn.Linear(d_z, max(classes, 1) * hidden)
        self.body = nn.Sequential(nn.SiLU(), nn.Linear(hidden, 2 * width * h * w), nn.SiLU())
        self.grow = nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1)
        self.last = nn.ConvTranspose2d(width, shape[0], 4, stride=2, padding=1)

    def forward(self, z: Codes, labels: Labels = None) -> Images:
        """Twice as high and wide, twice; where the size is odd, the last row and column are cut off."""
        (h, w), (h_2, w_2), (h_4, w_4) = self.sizes
        x = self.body(of_class(self.first(z), labels, self.classes)).unflatten(1, (-1, h_4, w_4))
        x = F.silu(self.grow(x)[:, :, :h_2, :w_2])
        return self.last(x)[:, :, :h, :w]


# ------------------------------------------------------------------------------------ the method, to be run


@dataclass(frozen=True)
class VAEConfig:
    """What defines the method.

    Attributes:
        d_z: Coordinates of z.
        likelihood: "logistic", the discretised logistic, or "bernoulli" for black and white images.
        conditional: Whether both networks are told the class.
        k: Samples of z for each image in training; from 2 on, the loss is that of the IWAE.
        beta: Weight of the KL in training; 1 for the bound.
        pixels: Samples show the decoder's "mean", or pixels "drawn" from p(x|z).
        width: Channels of the first convolution; the second has twice as many.
        hidden: Units of the hidden layers.
    """

    d_z: int = 8
    likelihood: Literal["logistic", "bernoulli"] = "logistic"
    conditional: bool = True
    k: int = 1
    beta: float = 1.0
    pixels: Literal["mean", "drawn"] = "mean"
    width: int = 32
    hidden: int = 256

    def __post_init__(self) -> None:
        check(self.d_z >= 1, "d_z", self.d_z, "a number of coordinates >= 1")
        good = self.likelihood in ("logistic", "bernoulli")
        check(good, "likelihood", self.likelihood, '"logistic" or "bernoulli"')
        check(self.k >= 1, "k", self.k, "a number of samples >= 1")
        check(0 <= self.beta < math.inf, "beta", self.beta, "a weight >= 0")
        check(self.k == 1 or self.beta == 1, "beta", self.beta, "1 where k > 1: the IWAE's bound has no KL to weigh")
        check(self.pixels in ("mean", "drawn"), "pixels", self.pixels, '"mean" or "drawn"')
        check(self.width >= 1, "width", self.width, "a number of channels >= 1")
        check(self.hidden >= 1, "hidden", self.hidden, "a number of units >= 1")


PRESETS = {
    "digits": Preset(
        TrainConfig(steps=1500, batch_size=64, lr=2e-3, warmup=50, decay="cosine", grad_clip=0.0, ema_decay=0.995),
        VAEConfig(),
        {
            "seconds": 45.0,
            "neg_elbo": 84.0,
            "neg_iwae_50": 82.0,
            "bits_per_dim": 1.9,
            "frechet": 1.25,
            "class_error": 0.03,
        },
    ),
    "fashion": Preset(
        TrainConfig(
            data="fashion",
            steps=9000,
            batch_size=128,
            lr=1e-3,
            warmup=100,
            decay="cosine",
            grad_clip=0.0,
            ema_decay=0.999,
            evaluate_on=10000,
        ),
        VAEConfig(d_z=16, beta=4.0),
        {"neg_elbo": 2030.0, "neg_iwae_50": 2005.0, "bits_per_dim": 3.74, "frechet": 25.0, "class_error": 0.2},
    ),
}

IWAE_K = 50
"""Samples behind the held-out IWAE bound."""
HELD_OUT = 1000
"""Held-out images, at most, behind the held-out bounds."""


class VAE:
    """The method as the engine runs it: two networks, a likelihood, the bounds, and how to sample and to judge."""

    def __init__(self, config: VAEConfig, spec: Spec, device: torch.device | str = "cpu") -> None:
        check(len(spec.shape) == 3, "shape", spec.shape, "channels, height and width of images")
        check(spec.levels >= 2, "levels", spec.levels, "images of at least two levels")
        if config.likelihood == "bernoulli":
            check(spec.levels == 2, "levels", spec.levels, '2, black and white, for likelihood="bernoulli"')
        self.config, self.shape, self.levels = config, spec.shape, spec.levels
        self.classes = spec.classes if config.conditional else 0
        sizes = (spec.shape, self.classes, config.d_z, config.width, config.hidden)
        self.model = nn.Module()
        self.model.encoder, self.model.decoder = Encoder(*sizes), Decoder(*sizes)
        if config.likelihood == "logistic":
            self.model.log_s = nn.Parameter(torch.tensor(-1.0))
        self.model.to(device)

    def labels_of(self, labels: Labels) -> Labels:
        """The labels, if the model is told them."""
        return labels if self.classes else None

    def log_px_z(self, x: Images, z: Float[Tensor, "k b d_z"], labels: Labels) -> Float[Tensor, "k b"]:
        """The log probability of whole images: the sum over their pixels."""
        many = None if labels is None else labels.repeat(len(z))
        m = self.model.decoder(z.flatten(0, 1), many).unflatten(0, z.shape[:2])
        if self.config.likelihood == "bernoulli":
            return log_bernoulli(x, m).flatten(2).sum(dim=2)
        return log_discretised_logistic(x, m, self.model.log_s, self.levels).flatten(2).sum(dim=2)

    def infer(self, x: Images, labels: Labels, k: int, generator: Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """For k samples z of q(z|x): log p(x|z) [k b], z [k b d_z], and mu and log sigma^2 [b d_z]."""
        mu, log_var = self.model.encoder(x, labels)
        eps = torch.randn((k, *mu.shape), generator=generator, device=x.device, dtype=x.dtype)
        z = reparameterise(mu, log_var, eps)
        return self.log_px_z(x, z, labels), z, mu, log_var

    def loss(self, batch: Batch, generator: Generator) -> Float[Tensor, ""]:
        """The negative bound in nats for an image: the ELBO's, or the IWAE's for k > 1."""
        log_px_z, z, mu, log_var = self.infer(batch.x, self.labels_of(batch.labels), self.config.k, generator)
        if self.config.k > 1:
            return -iwae(log_weights(log_px_z, z, mu, log_var)).mean()
        return -elbo(log_px_z, mu, log_var, self.config.beta).mean()

    def players(self) -> list[Player]:
        """Encoder and decoder climb the same bound together."""
        return [Player("loss", self.model, self.loss)]

    @torch.no_grad()
    def decode(self, z: Codes, labels: Labels, generator: Generator) -> Images:
        """Images to be looked at: each pixel's most likely value, or one drawn, as `pixels` has it."""
        m = self.model.decoder(z, labels)
        if self.config.likelihood == "bernoulli":
            white = m.sigmoid()
            drawn = torch.rand(m.shape, generator=generator, device=m.device) < white
            return drawn * 2.0 - 1 if self.config.pixels == "drawn" else white * 2 - 1
        if self.config.pixels == "drawn":
            return draw_discretised_logistic(m, self.model.log_s, self.levels, generator)
        return m.clamp(-1, 1)

    @torch.no_grad()
    def sample(self, n: int, labels: Labels, generator: Generator, watch: Watch = lambda steps, _: steps) -> Images:
        """N new images: z from the prior, then the decoder, once."""
        device = next(self.model.parameters()).device
        z = torch.randn((n, self.config.d_z), generator=generator, device=device)
        return self.decode(z, self.labels_of(labels), generator)

    @torch.no_grad()
    def pictures(self, data: Data, generator: Generator) -> dict[str, Float[Tensor, "rows columns c h w"]]:
        """`reconstructions`: held-out images over their reconstructions from mu. `walk`: see there."""
        x, labels = data.held_out[:10], self.labels_of(data.held_out_labels[:10])
        again = self.decode(self.model.encoder(x, labels)[0], labels, generator)
        return {"reconstructions": torch.stack([x, again]), "walk": self.walk(10, generator)}

    def walk(self, columns: int, generator: Generator) -> Float[Tensor, "rows columns c h w"]:
        """Ten walks from one sample of the prior to another, over which only the class, or else z, differs by rows.

        They follow z(t) = cos(t) z_0 + sin(t) z_1, which at every t is itself a sample of N(0, I); a straight line
        would cut through the middle, where no sample is.
        """
        rows, device = self.classes or 10, next(self.model.parameters()).device
        ends = torch.randn((2, rows, 1, self.config.d_z), generator=generator, device=device)
        if self.classes:
            ends = ends[:, :1].expand(2, rows, 1, -1)
        t = torch.linspace(0, math.pi / 2, columns, device=device)[:, None]
        z = t.cos() * ends[0] + t.sin() * ends[1]
        labels = torch.arange(rows, device=device).repeat_interleave(columns)
        return self.decode(z.flatten(0, 1), self.labels_of(labels), generator).unflatten(0, (rows, columns))

    @torch.no_grad()
    def evaluate(self, data: Data, samples: Images, labels: Labels, generator: Generator) -> dict[str, float]:
        """The bounds on held-out images, how z is used, and what all methods' samples are measured by.

        Both bounds have the same `IWAE_K` samples of z for each image. A coordinate of z is active if its mean KL is
        more than 0.01 nats.
        """
        bounds, tighter, kl = [], [], []
        parts = (data.held_out[:HELD_OUT].split(50), data.held_out_labels[:HELD_OUT].split(50))
        for x, y in zip(*parts, strict=True):
            log_px_z, z, mu, log_var = self.infer(x, self.labels_of(y), IWAE_K, generator)
            bounds.append(elbo(log_px_z, mu, log_var))
            tighter.append(iwae(log_weights(log_px_z, z, mu, log_var)))
            kl.append(kl_to_prior(mu, log_var))
        neg_elbo, used = -torch.cat(bounds).mean().item(), torch.cat(kl).mean(dim=0)
        return {
            "neg_elbo": neg_elbo,
            f"neg_iwae_{IWAE_K}": -torch.cat(tighter).mean().item(),
            "bits_per_dim": bits_per_dim(neg_elbo, self.shape),
            "kl": used.sum().item(),
            "active_units": float((used > 0.01).sum()),
            **compare(data, samples, self.labels_of(labels)),
        }


def build(config: VAEConfig, spec: Spec, device: torch.device | str) -> VAE:
    """The method for images of this kind; torch's global generator draws its first weights."""
    return VAE(config, spec, device)
