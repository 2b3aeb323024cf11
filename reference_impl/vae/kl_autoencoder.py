r"""The autoencoder of latent diffusion, with a slight KL penalty: Rombach et al., CVPR 2022, arXiv:2112.10752.

Section 3.1 and Appendix G, "KL-reg". A VAE whose latents keep the image's two dimensions, and whose KL weighs so little
that it bounds their scale and no more: they are far from N(0, I), and a second model must learn their law.

The equations, with the paper's numbers
    posterior         App. G  q(z|x) = N(z; E_mu(x), E_sigma(x)^2), each number of the grid on its own
    a latent          App. G  z = E(x) := E_mu(x) + E_sigma(x) eps, eps ~ N(0, I)
    objective         (25)    L_rec(x, D(E(x))) + L_reg,  L_reg = weight * KL(q(z|x) || N(0, I))
                              without the terms of the discriminator, L_adv and log D_psi
    The mathematics of q and of its KL is that of the VAE: vae.py.

The symbols (b images of c x h x w numbers; latents of c_z x r x s, r = h / f, s = w / f, f = 2^m)
    x, x~                     x, x_hat                [b c h w], data in [-1, 1]
    E_mu, log E_sigma^2       mu, log_var             [b c_z r s], the encoder's output
    z                         z                       [b c_z r s]
    eps                       eps                     [b c_z r s]

Deviations from the paper
    - L_rec is the squared error alone. The paper adds a perceptual loss (a network trained on photographs) and a
      discriminator that judges patches; both are there to keep reconstructions sharp, and both are left out. The
      authors' code takes the absolute error, and learns one number for its scale.
    - The KL weighs 10^-3 or 10^-2, not 10^-6. As in the authors' code, both terms are sums over their numbers and means
      over images; our images have hundreds of numbers, not 196,608, and our decoder has no discriminator to help it.
    - Networks: a few residual blocks of one width, no attention; 4x4 convolutions change the resolution, in the
      authors' code 3x3 ones with stride two, and nearest-neighbour enlargement.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from reference_impl.engine import check
from reference_impl.vae.vae import kl_to_prior, reparameterise

Images = Float[Tensor, "b c h w"]
Latents = Float[Tensor, "b c_z r s"]

GROUPS = 8
"""Groups of each group normalisation."""


def latent(mu: Latents, log_var: Latents, eps: Latents) -> Latents:
    r"""A draw from q(z|x), $z = \mathcal E_\mu(x) + \mathcal E_\sigma(x)\, \epsilon$ (Appendix G)."""
    return reparameterise(mu.flatten(1), log_var.flatten(1), eps.flatten(1)[None])[0].view_as(mu)


def kl(mu: Latents, log_var: Latents) -> Float[Tensor, " b"]:
    r"""$\mathrm{KL}(q(z \mid x)\, \|\, \mathcal N(0, I))$ of each image, in nats: the sum over all its numbers."""
    return kl_to_prior(mu.flatten(1), log_var.flatten(1)).sum(dim=1)


def objective(x: Images, x_hat: Images, mu: Latents, log_var: Latents, weight: float) -> Float[Tensor, ""]:
    r"""Eq. (25) without the discriminator's terms: $|x - \tilde x|^2 + \mathrm{weight} \cdot \mathrm{KL}$.

    Both are sums over an image's numbers, and means over images.
    """
    check(x_hat.shape == x.shape, "x_hat", tuple(x_hat.shape), f"the images' shape {tuple(x.shape)}")
    return ((x - x_hat).square().flatten(1).sum(dim=1) + weight * kl(mu, log_var)).mean()


class ResBlock(nn.Module):
    """x + conv(act(norm(conv(act(norm(x)))))), with 3x3 convolutions: the authors' block, without dropout."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm_1, self.conv_1 = nn.GroupNorm(GROUPS, width), nn.Conv2d(width, width, 3, padding=1)
        self.norm_2, self.conv_2 = nn.GroupNorm(GROUPS, width), nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Images) -> Images:
        """The block's output, of the input's shape."""
        return x + self.conv_2(F.silu(self.norm_2(self.conv_1(F.silu(self.norm_1(x))))))


class KLAutoencoder(nn.Module):
    """Encoder and decoder.

    Args:
        c: Channels of an image.
        c_z: Channels of the latents.
        width: Channels in between; a multiple of 8.
        downs: How often height and width are halved, m.
    """

    def __init__(self, c: int, c_z: int, width: int, downs: int) -> None:
        super().__init__()
        check(width % GROUPS == 0, "width", width, f"a multiple of {GROUPS}")
        encoder: list[nn.Module] = []
        for i in range(downs):
            encoder += [nn.Conv2d(width if i else c, width, 4, stride=2, padding=1), ResBlock(width)]
        self.encoder = nn.Sequential(
            *encoder, ResBlock(width), nn.GroupNorm(GROUPS, width), nn.SiLU(), nn.Conv2d(width, 2 * c_z, 3, padding=1)
        )
        decoder: list[nn.Module] = [nn.Conv2d(c_z, width, 3, padding=1), ResBlock(width)]
        for i in reversed(range(downs)):
            decoder += [ResBlock(width), nn.GroupNorm(GROUPS, width), nn.SiLU()]
            decoder += [nn.ConvTranspose2d(width, width if i else c, 4, stride=2, padding=1)]
        self.decoder = nn.Sequential(*decoder)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def encode(self, x: Images) -> tuple[Latents, Latents]:
        r"""$\mathcal E_\mu(x)$ and $\log \mathcal E_\sigma(x)^2$."""
        mu, log_var = self.encoder(x).chunk(2, dim=1)
        return mu, log_var

    def decode(self, z: Latents) -> Images:
        r"""$\mathcal D(z)$, not clipped."""
        return self.decoder(z)
