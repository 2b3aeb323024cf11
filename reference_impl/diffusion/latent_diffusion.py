r"""Latent diffusion models (LDM): Rombach, Blattmann, Lorenz, Esser & Ommer, CVPR 2022, arXiv:2112.10752.

The problem
    A diffusion model of pixels spends most of its work on details that nobody sees, and does so again in each of its
    many steps. So split the work: an autoencoder, trained once, learns which images a small grid of numbers can stand
    for; the diffusion model learns which grids there are. Each of its steps is then cheap, and the decoder runs once.

The equations, with the paper's numbers
    first stage       (25)    the autoencoder's objective: vae/kl_autoencoder.py
    latents           App. G  z = E(x) = E_mu(x) + E_sigma(x) eps
    rescaled          App. G  z <- E(x) / sigma^,  sigma^^2 = 1/(b c h w) sum (z - mu^)^2, mu^ = 1/(b c h w) sum z,
                              from the first batch; all numbers together, one sigma^ for all channels
    second stage      (2)     L_LDM = E |eps - eps_theta(z_t, t)|^2, t uniform on 1..T, z_t by DDPM's Eq. (4)
    of a class        (3)     the same with eps_theta(z_t, t, y); y is dropped now and then: conditioning.py
    sampling                  z by DDIM with guidance, then one pass of the decoder: x~ = D(sigma^ z)
    Why it is rescaled (App. D.1): the schedule is made for data of unit variance. So slight a KL does not see to that:
    the latents' scale, and with it the ratio of signal to noise at each t, would be an accident of stage one.

The symbols (b images of c x h x w numbers; latents of c_z x r x s)
    x, x~                     x                       [b c h w], data in [-1, 1]
    sigma^                    sigma_hat               [] one number, kept with the weights
    z = z_0, z_t              z_0, z_t                [b c_z r s], rescaled
    eps, v                    eps                     [b c_z r s]; v = sqrt(abar_t) eps - sqrt(1 - abar_t) z_0
    y, t                      labels, t               [b] integers; t in 1..T
    w                         config.w                the guidance; the paper's scale is s = 1 + w

Deviations from the paper
    - Data: 8x8 digits (latents 4x4) and 28x28 garments (7x7), not photographs of 256x256 (64x64x3, 32x32x4).
    - First stage: no perceptual and no adversarial loss; kl_autoencoder.py has the rest. It is trained on the same data
      in the same run; the paper's is trained once, on other data, and serves many second stages.
    - The network predicts v, not the noise (parameterisation.py); the schedule is the cosine one, not the linear one.
    - The class shifts each block of the network together with the time; the paper's classes come in by
      cross-attention to one vector (Appendix E.2.1), which over one key is a shift as well.
    - Network: a U-Net of two resolutions, or a DiT, of a million parameters or less, not 400 million.
    - Training: hundreds to thousands of steps, not 178,000; a larger learning rate; averaged weights (EMA).
    - Not here: text and cross-attention, layouts, super-resolution, inpainting; VQ-regularised latents.
    - As in the paper: two stages, the first at rest in the second; one scale from the first batch; T = 1000, t uniform;
      DDIM with eta = 0; guidance without a classifier.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from reference_impl.data import Data, Spec
from reference_impl.diffusion import ddim
from reference_impl.diffusion.conditioning import Labels, drop_labels, guided
from reference_impl.diffusion.guidance import loss, noise_error_at
from reference_impl.diffusion.networks import Network, build_network
from reference_impl.diffusion.process import Schedule
from reference_impl.engine import Batch, Player, Preset, TrainConfig, Watch, check
from reference_impl.metrics import compare, frechet_distance
from reference_impl.vae.kl_autoencoder import Images, KLAutoencoder, Latents, latent, objective

PART = 500
"""Images at a time through the autoencoder: all of them at once would not fit into memory."""
HELD_OUT = 1000
"""Held-out images, at most, behind the held-out loss of stage two."""


# ----------------------------------------------------------------------------------------- the latents' scale


def standard_deviation(z: Latents) -> Float[Tensor, ""]:
    r"""Of all numbers of a batch together (Appendix G).

    $$\hat\sigma^2 = \frac{1}{bchw} \sum_{b,c,h,w} (z^{b,c,h,w} - \hat\mu)^2, \qquad
      \hat\mu = \frac{1}{bchw} \sum_{b,c,h,w} z^{b,c,h,w}$$
    """
    sigma_hat = (z - z.mean()).square().mean().sqrt()
    check(bool(0 < sigma_hat < torch.inf), "sigma_hat", sigma_hat.item(), "a finite number > 0: latents that differ")
    return sigma_hat


# ------------------------------------------------------------------------------------ the method, to be run


@dataclass(frozen=True)
class LatentDiffusionConfig:
    """What defines the method.

    Attributes:
        c_z: Channels of the latents.
        downs: How often the autoencoder halves height and width.
        autoencoder_width: Channels within the autoencoder.
        kl_weight: Weight of the KL in the autoencoder's objective.
        autoencoder_steps: Steps of stage one; the diffusion model is trained in all later ones.
        network: The diffusion model's network.
        width: The network's width.
        T: Steps of the forward process.
        p_uncond: Probability with which a class is dropped in training.
        w: Strength of the guidance in sampling.
        S: Steps of DDIM.
    """

    c_z: int = 4
    downs: int = 1
    autoencoder_width: int = 32
    kl_weight: float = 0.001
    autoencoder_steps: int = 400
    network: Network = "unet"
    width: int = 32
    T: int = 1000
    p_uncond: float = 0.1
    w: float = 0.5
    S: int = 25

    def __post_init__(self) -> None:
        check(self.c_z >= 1, "c_z", self.c_z, "a number of channels >= 1")
        check(self.downs >= 1, "downs", self.downs, "a number of halvings >= 1")
        good = self.autoencoder_width >= 16 and self.autoencoder_width % 8 == 0
        check(good, "autoencoder_width", self.autoencoder_width, "a multiple of 8, at least 16")
        check(0 <= self.kl_weight < torch.inf, "kl_weight", self.kl_weight, "a weight >= 0")
        check(self.autoencoder_steps >= 1, "autoencoder_steps", self.autoencoder_steps, "a number of steps >= 1")
        check(self.network in ("unet", "dit"), "network", self.network, '"unet" or "dit"')
        check(self.width >= 16 and self.width % 16 == 0, "width", self.width, "a multiple of 16, at least 16")
        check(self.T >= 1, "T", self.T, "a number of steps >= 1")
        check(0 <= self.p_uncond < 1, "p_uncond", self.p_uncond, "a probability in [0, 1)")
        check(-1 <= self.w < torch.inf, "w", self.w, "a strength >= -1; 0 for no guidance")
        check(self.w == 0 or self.p_uncond > 0, "w", self.w, "0 where p_uncond = 0: guidance needs dropped classes")
        check(1 <= self.S <= self.T, "S", self.S, f"a number of steps in 1..T = {self.T}")


PRESETS = {
    "digits": Preset(
        TrainConfig(steps=1800, decay="cosine"),
        LatentDiffusionConfig(),
        {
            "seconds": 90.0,
            "held_out_loss": 0.33,
            "reconstruction_error": 0.01,
            "reconstruction_frechet": 0.3,
            "frechet": 1.6,
            "class_error": 0.03,
        },
    ),
    "fashion": Preset(
        TrainConfig(data="fashion", steps=10_500, lr=1e-3, decay="cosine", ema_decay=0.998, evaluate_on=2000),
        LatentDiffusionConfig(c_z=8, downs=2, autoencoder_steps=4000, width=64, S=50),
        {"class_error": 0.2},
    ),
}


class LatentDiffusion:
    """The method as the engine runs it: an autoencoder, then a diffusion model of its latents."""

    def __init__(self, config: LatentDiffusionConfig, spec: Spec, device: torch.device | str = "cpu") -> None:
        f = 2**config.downs
        good = len(spec.shape) == 3 and all(side % f == 0 for side in spec.shape[1:])
        check(good, "shape", spec.shape, f"images whose height and width are multiples of {f}")
        c, h, w = spec.shape
        self.config, self.shape, self.classes = config, spec.shape, spec.classes
        self.latent_shape = (config.c_z, h // f, w // f)
        self.schedule = Schedule.cosine(config.T).to(device)
        self.tau = ddim.spread(config.T, config.S)
        self.autoencoder = KLAutoencoder(c, config.c_z, config.autoencoder_width, config.downs)
        self.network = build_network(config.network, config.c_z, config.width, spec.classes)
        self.model = nn.ModuleDict({"autoencoder": self.autoencoder, "network": self.network})
        self.model.register_buffer("sigma_hat", torch.ones(()))
        self.model.register_buffer("measured", torch.tensor(False))  # whether sigma_hat is of a batch yet
        self.model.to(device)

    def players(self) -> list[Player]:
        """Two stages: first the autoencoder alone, then, with its weights fixed, the diffusion model alone."""
        n = self.config.autoencoder_steps
        return [
            Player("autoencoder", self.autoencoder, self.autoencoder_loss, plays=lambda step: step <= n),
            Player("diffusion", self.network, self.diffusion_loss, plays=lambda step: step > n),
        ]

    def draw(self, x: Images, generator: Generator) -> tuple[Latents, Latents, Latents]:
        r"""A latent of each image as the encoder has it, and the $\mu$ and $\log \sigma^2$ of its law."""
        mu, log_var = self.autoencoder.encode(x)
        eps = torch.randn(mu.shape, generator=generator, device=mu.device, dtype=mu.dtype)
        return latent(mu, log_var, eps), mu, log_var

    def autoencoder_loss(self, batch: Batch, generator: Generator) -> Float[Tensor, ""]:
        """Eq. (25) without the discriminator's terms, for one draw of each image's latents."""
        z, mu, log_var = self.draw(batch.x, generator)
        return objective(batch.x, self.autoencoder.decode(z), mu, log_var, self.config.kl_weight)

    def diffusion_loss(self, batch: Batch, generator: Generator) -> Float[Tensor, ""]:
        """Eq. (3) for the rescaled latents; the first batch of all gives the scale, and it is never measured again."""
        with torch.no_grad():
            z, _, _ = self.draw(batch.x, generator)
        if self.model.training and not self.model.measured:
            self.model.sigma_hat.copy_(standard_deviation(z))
            self.model.measured.fill_(True)
        labels = drop_labels(batch.labels, self.classes, self.config.p_uncond, generator)
        return loss(self.schedule, self.network, "v", z / self.model.sigma_hat, labels, generator)

    @torch.no_grad()
    def encode(self, x: Images, generator: Generator) -> Latents:
        r"""Rescaled latents, $z = \mathcal E(x) / \hat\sigma$ (Appendix G)."""
        return torch.cat([self.draw(part, generator)[0] for part in x.split(PART)]) / self.model.sigma_hat

    @torch.no_grad()
    def decode(self, z: Latents) -> Images:
        r"""The images of rescaled latents, $\mathcal D(\hat\sigma z)$, clipped to the pixels' range."""
        z = z * self.model.sigma_hat
        return torch.cat([self.autoencoder.decode(part) for part in z.split(PART)]).clamp(-1, 1)

    def trajectory(self, n: int, labels: Labels | None, generator: Generator) -> Iterator[tuple[int, Latents]]:
        """DDIM with guidance from noise: yields (T, z_T), ..., (0, z_0), rescaled latents of n new images."""
        z_T = torch.randn((n, *self.latent_shape), generator=generator, device=self.schedule.beta.device)
        predict = guided(self.network, labels, self.config.w)
        return ddim.trajectory(self.schedule, predict, z_T, self.tau, prediction="v")

    def sample(
        self, n: int, labels: Labels | None, generator: Generator, watch: Watch = lambda steps, _: steps
    ) -> Images:
        """N new images: latents by DDIM, then one pass of the decoder."""
        for _, z in watch(self.trajectory(n, labels, generator), len(self.tau) + 1):
            z_0 = z
        return self.decode(z_0)

    def pictures(self, data: Data, generator: Generator) -> dict[str, Float[Tensor, "rows columns c h w"]]:
        """What the first stage does, and what the second.

        `reconstructions`: ten held-out images; each channel of their latents, at most three, from black at -2 to white
        at 2; what is decoded of them. `process`: four rows of latents on the way from noise, each decoded.
        """
        x = data.held_out[:10]
        z = self.encode(x, generator)
        grey = F.interpolate((z / 2).clamp(-1, 1), self.shape[1:])[:, :3, None].expand(-1, -1, *self.shape)
        labels = torch.arange(0, 12, 3, device=x.device) % self.classes if self.classes else None
        states = [z for _, z in self.trajectory(4, labels, generator)]
        shown = [states[round(share / 9 * (len(states) - 1))] for share in range(10)]
        return {
            "reconstructions": torch.stack([x, *grey.unbind(1), self.decode(z)]),
            "process": torch.stack([self.decode(z) for z in shown], dim=1),
        }

    @torch.no_grad()
    def evaluate(self, data: Data, samples: Images, labels: Labels | None, generator: Generator) -> dict[str, float]:
        """The losses of both stages on held-out images, and what all methods' samples are measured by.

        `held_out_loss`: Eq. (3) at 20 times, of the noise that v implies. `reconstruction_error`: squared error for a
        pixel; `reconstruction_frechet`: the Frechet distance of reconstructions to their originals, which samples
        cannot be expected to beat. `sigma_hat`: the scale; `latent_std`: the rescaled latents' standard deviation.
        """
        z = self.encode(data.held_out, generator)
        x_hat = self.decode(z)
        z_0, y = z[:HELD_OUT], data.held_out_labels[:HELD_OUT]
        errors = []
        for t in torch.linspace(1, self.config.T, 20).long().tolist():  # the same times and noise for every run
            eps = torch.randn(z_0.shape, generator=generator, device=z_0.device)
            t_each = torch.full((len(eps),), t, device=eps.device)
            errors.append(noise_error_at(self.schedule, self.network, "v", z_0, y, t_each, eps).mean())
        return {
            "held_out_loss": torch.stack(errors).mean().item(),
            "reconstruction_error": (data.held_out - x_hat).double().square().mean().item(),
            "reconstruction_frechet": frechet_distance(x_hat, data.held_out),
            "sigma_hat": self.model.sigma_hat.item(),
            "latent_std": standard_deviation(z.double()).item(),
            **compare(data, samples, labels),
        }


def build(config: LatentDiffusionConfig, spec: Spec, device: torch.device | str) -> LatentDiffusion:
    """The method for images of this kind; torch's global generator draws its first weights."""
    return LatentDiffusion(config, spec, device)
