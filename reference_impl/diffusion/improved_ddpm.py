r"""Improved DDPM: Nichol & Dhariwal, "Improved Denoising Diffusion Probabilistic Models", ICML 2021, arXiv:2102.09672.

The problem
    DDPM makes good samples, but its bound on the likelihood is loose, and it needs a thousand steps to sample. Its
    variance is not learned: both fixed choices are right only in the limit of many steps. Here the network also says
    how sure it is, so the bound falls and far fewer steps do.

The equations, with the paper's numbers (H: numbers of DDPM, Ho et al. 2020)
    forward process   (H 4)   q(x_t | x_0) = N(sqrt(abar_t) x_0, (1 - abar_t) I)
    reverse step      (H 1)   p_theta(x_{t-1} | x_t) = N(mu_theta(x_t, t), Sigma_theta(x_t, t)), Sigma diagonal
    its mean          (H 7)   mu_theta = mu~_t(x_t, x^_0), the posterior's at the data that the noise implies
    implied data      (H 15)  x^_0 = (x_t - sqrt(1 - abar_t) eps_theta(x_t, t)) / sqrt(abar_t)
    its variance      (15)    Sigma_theta = exp(v log beta_t + (1 - v) log beta~_t), v of each pixel from the network
    schedule          (17)    abar_t = f(t) / f(0), f(t) = cos^2((t / T + s) / (1 + s) pi / 2)
    loss of eps       (H 14)  L_simple = E |eps - eps_theta(x_t, t)|^2: says nothing of Sigma_theta
    loss of v         (H 5)   L_vlb = sum_t L_{t-1}, the variational bound, in which mu_theta is held fixed
    objective         (16)    L_hybrid = L_simple + lambda L_vlb, lambda = 0.001
    fewer steps       Sec. 4  for S_1 < .. < S_K out of 1..T: beta_{S_k} = 1 - abar_{S_k} / abar_{S_{k-1}}, and beta~
                              from it; v interpolates between these two, so the variance suits the longer stride
    Why it works: beta_t and beta~_t are the upper and the lower bound of the reverse step's variance, and only near
    t = 1, where most of the bits are, do they differ by much. A number in between is easy to learn.

The symbols (b images of c x h x w numbers)
    beta_t, abar_t            Schedule.beta, .alpha_bar        [T + 1] float64
    x_0, x_t, eps             x_0, x_t, eps                    [b c h w], data in [-1, 1]
    eps_theta, v              the network's two halves         [b 2c h w], a callable (x_t, t) -> eps_theta, 2 v - 1
    log Sigma_theta           log_sigma                        [b c h w] float64
    p_theta                   reverse_law -> ReverseLaw        (x_t, t) -> mean, log variance, each [b c h w]
    S                         the times of `strided`           [K + 1], S_0 = 0

Deviations from the paper
    - Data: scikit-learn's 8x8 digits and Fashion-MNIST, not CIFAR-10 and ImageNet 64x64. Unconditional, like the
      paper's main comparison.
    - T = 1000 as in DDPM; the paper's models of CIFAR-10 and ImageNet 64x64 have 4000.
    - Network: the small U-Net of unet.py with two outputs for each pixel; no dropout, and the time is added to a block,
      where the authors' code scales and shifts with it.
    - Training: 1,000 and 2,500 steps, learning rates 2e-3 and 1e-3 (the authors' code: 1e-4), batches of 64 (128), EMA
      with decay 0.995 and a warm-up (0.9999).
    - L_simple is the mean over the pixels, and L_vlb is in bits per dimension, as in the authors' code. t is the same
      in both terms, and T L_{t-1} at a uniform t stands for the sum; L_T, which nothing can change, is left out.
    - t is drawn evenly. Importance sampling of t, which the paper needs to train on L_vlb alone, is not here.
    - The network's output is 2 v - 1, and log beta~_1 is that of t = 2, both as in the authors' code.
    - x^_0 is clipped to [-1, 1] while sampling and in the bound that is reported, and not in training, as in the
      authors' code. Here it must be: sqrt(abar_T) is 5e-5, and the least error of the noise would throw x^_0 far off.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64
from torch import Generator, Tensor

from reference_impl.data import Data, Spec
from reference_impl.diffusion.bound import HELD_OUT, ReverseLaw, held_out_bits, log_beta_tilde, term_at
from reference_impl.diffusion.conditioning import Predictor
from reference_impl.diffusion.ddpm import predict_x0
from reference_impl.diffusion.process import Images, PerImage, Schedule, Times, q_posterior, q_sample, times
from reference_impl.diffusion.unet import UNet
from reference_impl.engine import Player, Preset, TrainConfig, Watch, check
from reference_impl.metrics import compare

# ------------------------------------------------------------------------------------- the reverse process p_theta


def halves(output: Float[Tensor, "b two_c h w"], x_t: Images) -> tuple[Images, Images]:
    """The network's output, cut into the predicted noise and v; what is predicted is 2 v - 1, so that 0 is the middle.

    Raises:
        ValueError: The output has not twice the channels of x_t.
    """
    b, c, h, w = x_t.shape
    if output.shape != (b, 2 * c, h, w):
        raise ValueError(f"the network returned {list(output.shape)}; expected {[b, 2 * c, h, w]}: noise, then 2 v - 1")
    return output[:, :c], (output[:, c:] + 1) / 2


def log_sigma(schedule: Schedule, v: Images, t: Times) -> Float64[Tensor, "b c h w"]:
    r"""The log of the reverse step's variance, Eq. (15).

    $$\log\Sigma_\theta(x_t, t) = v \log\beta_t + (1 - v) \log\tilde\beta_t$$

    v is not kept within [0, 1]. At t = 1, where beta~ is 0, that of t = 2 takes its place.
    """
    v, log_beta = v.double(), schedule.at(t).beta.log()
    return times(log_beta, v) + times(log_beta_tilde(schedule, t), 1 - v)


def reverse_law(schedule: Schedule, network: Predictor, clip: bool = True) -> ReverseLaw:
    r"""$p_\theta(x_{t-1} \mid x_t) = \mathcal N(\tilde\mu_t(x_t, \hat x_0), \Sigma_\theta)$.

    Args:
        schedule: The forward process.
        network: What predicts noise and variance.
        clip: Whether the data that the noise implies are clipped to [-1, 1].
    """

    def p(x_t: Images, t: Times) -> tuple[Images, Float64[Tensor, "b c h w"]]:
        eps, v = halves(network(x_t, t), x_t)
        x_0 = predict_x0(schedule, x_t, t, eps)
        mean, _ = q_posterior(schedule, x_0.clamp(-1, 1) if clip else x_0, x_t, t)
        return mean, log_sigma(schedule, v, t)

    return p


# ------------------------------------------------------------------------------------------------ the objective


def losses_at(
    schedule: Schedule, network: Predictor, x_0: Images, t: Times, eps: Images, levels: int
) -> tuple[Float[Tensor, " b"], PerImage]:
    r"""Each image's terms of the two losses at given times and noise, from one pass through the network.

    $$\frac{1}{chw} |\epsilon - \epsilon_\theta(x_t, t)|^2, \qquad L_{t-1} = D_\mathrm{KL}\big(q(x_{t-1} \mid x_t, x_0)
      \,\|\, \mathcal N(\mathrm{sg}(\mu_\theta), \Sigma_\theta)\big)$$

    sg stops the gradient: the second term teaches v and leaves the predicted noise alone. It is in bits per dimension,
    and at t = 1 it is the decoder's $L_0$.
    """
    output = network(q_sample(schedule, x_0, t, eps), t)
    guess, _ = halves(output, x_0)
    frozen = torch.cat([guess.detach(), output[:, x_0.shape[1] :]], dim=1)
    p = reverse_law(schedule, lambda x_t, t: frozen, clip=False)
    vlb = term_at(schedule, p, x_0, t, eps, levels)
    return (eps - guess).square().flatten(1).mean(dim=1), vlb


def loss_hybrid(
    schedule: Schedule, network: Predictor, x_0: Images, levels: int, generator: Generator, weight: float = 0.001
) -> Float64[Tensor, ""]:
    r"""The objective, Eq. (16), at one t for each image, uniform on 1..T, and fresh noise.

    $$L_\mathrm{hybrid} = L_\mathrm{simple} + \lambda L_\mathrm{vlb}, \qquad
      L_\mathrm{vlb} \approx T\, \mathbb E_t\, L_{t-1}$$

    Args:
        schedule: The forward process.
        network: What predicts noise and variance.
        x_0: The images.
        levels: How many values a pixel can have; 0 for real numbers.
        generator: Where times and noise come from.
        weight: The paper's lambda, small so that L_vlb does not drown L_simple.
    """
    t = torch.randint(1, schedule.T + 1, x_0.shape[:1], generator=generator, device=x_0.device)
    eps = torch.randn(x_0.shape, generator=generator, device=x_0.device, dtype=x_0.dtype)
    simple, vlb = losses_at(schedule, network, x_0, t, eps, levels)
    return simple.mean() + weight * schedule.T * vlb.mean()


# ---------------------------------------------------------------------------------------- sampling in fewer steps


def strided(schedule: Schedule, K: int) -> tuple[Schedule, Times]:
    r"""A schedule of K steps out of T, and the times S at which its steps are (Section 4).

    $$\beta_{S_k} = 1 - \frac{\bar\alpha_{S_k}}{\bar\alpha_{S_{k-1}}}$$

    so that the short schedule's $\bar\alpha_k$ is the long one's at S_k. S is K evenly spaced real numbers from 1 to T,
    each rounded to the nearest integer.

    Returns:
        The schedule, and S [K + 1] with S_0 = 0.
    """
    check(2 <= K <= schedule.T, "steps", K, f"a number in 2..{schedule.T}, that of the steps trained on")
    S = torch.linspace(1, schedule.T, K, dtype=torch.float64).round().long()
    S = torch.cat([torch.zeros(1, dtype=torch.long), S]).to(schedule.beta.device)
    kept = schedule.alpha_bar[S]
    return Schedule(torch.cat([torch.zeros_like(kept[:1]), 1 - kept[1:] / kept[:-1]])), S


@torch.no_grad()
def p_sample(p: ReverseLaw, x_t: Images, t: int, generator: Generator) -> Images:
    r"""One step back, $x_{t-1} = \mu_\theta + \Sigma_\theta^{1/2} z$; z = 0 at t = 1."""
    mean, log_var = p(x_t, torch.full(x_t.shape[:1], t, device=x_t.device))
    if t == 1:
        return mean
    z = torch.randn(x_t.shape, generator=generator, device=x_t.device, dtype=x_t.dtype)
    return mean + (log_var / 2).exp().to(x_t.dtype) * z


def trajectory(
    schedule: Schedule, network: Predictor, K: int, shape: tuple[int, ...], generator: Generator, clip: bool = True
) -> Iterator[tuple[int, Images]]:
    """Sampling in K steps: yields the times S_k of the long schedule and the states there, from S_K = T to 0.

    The network is asked at S_k, a time that it was trained on; all else is the short schedule's.
    """
    short, S = strided(schedule, K)
    p = reverse_law(short, lambda x, k: network(x, S[k]), clip)
    x = torch.randn(shape, generator=generator, device=S.device)
    yield schedule.T, x
    for k in range(K, 0, -1):
        x = p_sample(p, x, k, generator)
        yield int(S[k - 1]), x


# ------------------------------------------------------------------------------------ the method, to be run


@dataclass(frozen=True)
class ImprovedDDPMConfig:
    """What defines the method.

    Attributes:
        T: Steps of the forward process, which the network is trained on.
        sample_steps: Steps to sample in, K.
        vlb_weight: The weight lambda of L_vlb.
        width: The U-Net's width.
        patch: Side of the patches whose pixels become channels.
    """

    T: int = 1000
    sample_steps: int = 100
    vlb_weight: float = 0.001
    width: int = 32
    patch: int = 1

    def __post_init__(self) -> None:
        check(self.T >= 2, "T", self.T, "a number of steps >= 2")
        check(2 <= self.sample_steps <= self.T, "sample_steps", self.sample_steps, f"a number in 2..{self.T}")
        check(self.vlb_weight > 0, "vlb_weight", self.vlb_weight, "a weight > 0: at 0 nothing teaches the variance")
        check(self.width >= 16 and self.width % 8 == 0, "width", self.width, "a multiple of 8, at least 16")
        check(self.patch >= 1, "patch", self.patch, "a side of patches >= 1")


PRESETS = {
    "digits": Preset(
        TrainConfig(steps=1000, decay="cosine"),
        ImprovedDDPMConfig(),
        {"seconds": 90.0, "held_out_loss": 0.18, "bits_per_dim": 3.35, "frechet": 1.5},
    ),
    "fashion": Preset(
        TrainConfig(data="fashion", steps=2500, lr=1e-3, warmup=100, decay="cosine", ema_decay=0.995, evaluate_on=1000),
        ImprovedDDPMConfig(width=64, patch=2),
        {"bits_per_dim": 8.0, "frechet": 100.0},
    ),
}

STEPS_SHOWN = (5, 10, 25, 50, 100)
"""Numbers of steps whose samples are shown side by side."""


class ImprovedDDPM:
    """The method as the engine runs it: a schedule, a network with two outputs, and how to sample and to judge."""

    classes = 0

    def __init__(self, config: ImprovedDDPMConfig, spec: Spec, device: torch.device | str = "cpu") -> None:
        self.config, self.shape, self.levels = config, spec.shape, spec.levels
        self.schedule = Schedule.cosine(config.T).to(device)
        self.model = UNet(channels=spec.shape[0], width=config.width, outputs=2, patch=config.patch).to(device)

    def players(self) -> list[Player]:
        """One network, with the hybrid loss; classes are not looked at."""
        return [Player("loss", self.model, lambda batch, g: self.loss(batch.x, g))]

    def loss(self, x_0: Images, generator: Generator) -> Float64[Tensor, ""]:
        """Eq. (16) on a batch."""
        return loss_hybrid(self.schedule, self.model, x_0, self.levels, generator, self.config.vlb_weight)

    def sample(
        self, n: int, labels: Tensor | None, generator: Generator, watch: Watch = lambda steps, _: steps
    ) -> Images:
        """N new images in `sample_steps` steps; the model is unconditional and ignores labels."""
        K = self.config.sample_steps
        for _, x in watch(trajectory(self.schedule, self.model, K, (n, *self.shape), generator), K + 1):
            x_0 = x
        return x_0

    def pictures(self, data: Data, generator: Generator) -> dict[str, Float[Tensor, "rows columns c h w"]]:
        """`steps`: in each row ten samples in so many steps, 5 in the first and more below, from the same start."""
        rows, state = [], generator.get_state()
        for K in sorted({min(K, self.config.T) for K in STEPS_SHOWN}):
            generator.set_state(state)
            *_, (_, x_0) = trajectory(self.schedule, self.model, K, (10, *self.shape), generator)
            rows.append(x_0)
        return {"steps": torch.stack(rows)}

    @torch.no_grad()
    def evaluate(self, data: Data, samples: Images, labels: Tensor | None, generator: Generator) -> dict[str, float]:
        """L_simple and the bits of held-out images, and what all methods' samples are measured by.

        Both numbers are those of the first `HELD_OUT` images.
        """
        x_0, losses = data.held_out[:HELD_OUT], []
        for t in torch.linspace(1, self.config.T, 20).long().tolist():  # the same times and noise for every run
            eps = torch.randn(x_0.shape, generator=generator, device=x_0.device)
            t_each = torch.full((len(eps),), t, device=eps.device)
            simple, _ = losses_at(self.schedule, self.model, x_0, t_each, eps, self.levels)
            losses.append(simple.mean())
        p = reverse_law(self.schedule, self.model)
        return {
            "held_out_loss": torch.stack(losses).mean().item(),
            "bits_per_dim": held_out_bits(self.schedule, p, x_0, self.levels, generator),
            **compare(data, samples, None),
        }


def build(config: ImprovedDDPMConfig, spec: Spec, device: torch.device | str) -> ImprovedDDPM:
    """The method for images of this kind; torch's global generator draws its first weights."""
    return ImprovedDDPM(config, spec, device)
