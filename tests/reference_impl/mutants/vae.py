"""Changes to vae.py of the kind that people make, one at a time."""

from functools import partial

from tests.reference_impl.mutation import Mutant

MODULES = ["reference_impl.vae.vae"]
PROOFS = ["vae/test_vae.py"]

vae = partial(Mutant, "reference_impl.vae.vae")

REPARAMETERISE = "return mu + (log_var / 2).exp() * eps"
KL = "return -(1 + log_var - mu.square() - log_var.exp()) / 2"
LOG_NORMAL = "return -(math.log(2 * math.pi) + log_var + (z - mu).square() / log_var.exp()).sum(dim=-1) / 2"
BELOW = "below = torch.where(last, 0, F.logsigmoid(a))"
ABOVE = "above = torch.where(first, 0, F.logsigmoid(-b))"
WIDTH = "width = torch.where(first | last, 0, (-torch.expm1(-2 * half_bin / log_s.exp())).log())"
BIN = "half_bin = 1 / (levels - 1)"
DRAW = "x = m + log_s.exp() * u.logit().to(m.dtype)"
ROUND = "return ((x.clamp(-1, 1) + 1) / 2 * (levels - 1)).round() / (levels - 1) * 2 - 1"
BERNOULLI = "return F.logsigmoid(x * m)"
ELBO = "return log_px_z.mean(dim=0) - beta * kl_to_prior(mu, log_var).sum(dim=1)"
WEIGHTS = "return log_px_z + log_normal(z, zero, zero) - log_normal(z, mu, log_var)"
IWAE = "return log_w.logsumexp(dim=0) - math.log(len(log_w))"
BITS = "return nats / (math.prod(shape) * math.log(2))"
BLOCK = "return blocks.unflatten(1, (classes, -1))[torch.arange(len(labels), device=labels.device), labels]"
IWAE_LOSS = "return -iwae(log_weights(log_px_z, z, mu, log_var)).mean()"
ELBO_LOSS = "return -elbo(log_px_z, mu, log_var, self.config.beta).mean()"
LOGISTIC_SUM = "return log_discretised_logistic(x, m, self.model.log_s, self.levels).flatten(2).sum(dim=2)"
NOISE = "eps = torch.randn((k, *mu.shape), generator=generator, device=x.device, dtype=x.dtype)"
WALK = "z = t.cos() * ends[0] + t.sin() * ends[1]"

MUTANTS = [
    # the encoder's law
    vae("log variance taken as log deviation", REPARAMETERISE, "return mu + log_var.exp() * eps"),
    vae("log variance taken as deviation", REPARAMETERISE, "return mu + log_var * eps"),
    vae("noise without sigma", REPARAMETERISE, "return mu + eps"),
    vae("no noise", REPARAMETERISE, "return mu + 0 * eps * log_var"),
    vae("sign of eps", REPARAMETERISE, "return mu - (log_var / 2).exp() * eps"),
    vae("sigma cut from the gradient", REPARAMETERISE, "return mu + (log_var / 2).exp().detach() * eps"),
    vae("mu cut from the gradient", REPARAMETERISE, "return mu.detach() + (log_var / 2).exp() * eps"),
    vae("KL with the wrong sign", KL, "return (1 + log_var - mu.square() - log_var.exp()) / 2"),
    vae("KL without the half", KL, "return -(1 + log_var - mu.square() - log_var.exp())"),
    vae("KL without the one", KL, "return -(log_var - mu.square() - log_var.exp()) / 2"),
    vae("KL without the logarithm", KL, "return -(1 - mu.square() - log_var.exp()) / 2"),
    vae("KL with mu not squared", KL, "return -(1 + log_var - mu.abs() - log_var.exp()) / 2"),
    vae("KL without the mean", KL, "return -(1 + log_var - log_var.exp()) / 2"),
    vae("KL with log sigma for log sigma^2", KL, "return -(1 + log_var / 2 - mu.square() - log_var.exp()) / 2"),
    vae("KL the other way round", KL,
        "return (log_var + (1 + mu.square()) / log_var.exp() - 1) / 2"),
    vae("normal without 2 pi", LOG_NORMAL,
        "return -(log_var + (z - mu).square() / log_var.exp()).sum(dim=-1) / 2"),
    vae("normal without log sigma^2", LOG_NORMAL,
        "return -(math.log(2 * math.pi) + (z - mu).square() / log_var.exp()).sum(dim=-1) / 2"),
    vae("normal divides by sigma", LOG_NORMAL,
        "return -(math.log(2 * math.pi) + log_var + (z - mu).square() / (log_var / 2).exp()).sum(dim=-1) / 2"),
    vae("normal without the half", LOG_NORMAL,
        "return -(math.log(2 * math.pi) + log_var + (z - mu).square() / log_var.exp()).sum(dim=-1)"),
    vae("normal is a mean over coordinates", LOG_NORMAL,
        "return -(math.log(2 * math.pi) + log_var + (z - mu).square() / log_var.exp()).mean(dim=-1) / 2"),
    # the likelihoods
    vae("bins of 1/levels", BIN, "half_bin = 1 / levels"),
    vae("bins twice as wide", BIN, "half_bin = 2 / (levels - 1)"),
    vae("bins of 256 levels whatever the data", BIN, "half_bin = 1 / 255"),
    vae("last bin closed above", BELOW, "below = F.logsigmoid(a)"),
    vae("first bin closed below", ABOVE, "above = F.logsigmoid(-b)"),
    vae("edges swapped", "first, last = x < -1 + half_bin, x > 1 - half_bin",
        "last, first = x < -1 + half_bin, x > 1 - half_bin"),
    vae("width at the edges too", WIDTH,
        "width = (-torch.expm1(-2 * half_bin / log_s.exp())).log().expand_as(below)"),
    vae("no width", "return below + above + width", "return below + above"),
    vae("width of half a bin", WIDTH,
        "width = torch.where(first | last, 0, (-torch.expm1(-half_bin / log_s.exp())).log())"),
    vae("scale not exponentiated", "a, b = (x + half_bin - m) / log_s.exp(), (x - half_bin - m) / log_s.exp()",
        "a, b = (x + half_bin - m) / log_s.abs(), (x - half_bin - m) / log_s.abs()"),
    vae("density at the middle in place of the bin", "return below + above + width",
        "return F.logsigmoid((x - m) / log_s.exp()) + F.logsigmoid((m - x) / log_s.exp()) - log_s"),
    vae("difference of sigmoids with an epsilon", "return below + above + width",
        "return (torch.where(last, 1, a.sigmoid()) - torch.where(first, 0, b.sigmoid()) + 1e-7).log()"),
    vae("difference of sigmoids, clamped", "return below + above + width",
        "return (torch.where(last, 1, a.sigmoid()) - torch.where(first, 0, b.sigmoid())).clamp(min=1e-12).log()"),
    vae("drawn without noise", DRAW, "x = m + 0 * u.to(m.dtype)"),
    vae("drawn with half the scale", DRAW, "x = m + (log_s / 2).exp() * u.logit().to(m.dtype)"),
    vae("drawn from a normal", DRAW, "x = m + log_s.exp() * (2 * u - 1).erfinv().to(m.dtype) * 2**0.5"),
    vae("drawn pixels rounded down", ROUND,
        "return ((x.clamp(-1, 1) + 1) / 2 * (levels - 1)).floor() / (levels - 1) * 2 - 1"),
    vae("drawn pixels on levels + 1 values", ROUND,
        "return ((x.clamp(-1, 1) + 1) / 2 * levels).round() / levels * 2 - 1"),
    vae("drawn pixels not rounded", ROUND, "return x.clamp(-1, 1)"),
    vae("white for black", BERNOULLI, "return F.logsigmoid(-x * m)"),
    vae("probability for log probability", BERNOULLI, "return (x * m).sigmoid()"),
    vae("grey pixels let through", "if not (x.abs() == 1).all():", "if not (x.abs() <= 1).all():"),
    vae("bernoulli for data of any levels",
        'check(spec.levels == 2, "levels"', 'check(spec.levels >= 2, "levels"'),
    # the bounds
    vae("KL added", ELBO, "return log_px_z.mean(dim=0) + beta * kl_to_prior(mu, log_var).sum(dim=1)"),
    vae("KL a mean over coordinates", ELBO,
        "return log_px_z.mean(dim=0) - beta * kl_to_prior(mu, log_var).mean(dim=1)"),
    vae("likelihood summed over the samples of z", ELBO,
        "return log_px_z.sum(dim=0) - beta * kl_to_prior(mu, log_var).sum(dim=1)"),
    vae("beta left out", ELBO, "return log_px_z.mean(dim=0) - kl_to_prior(mu, log_var).sum(dim=1)"),
    vae("beta on the likelihood", ELBO, "return beta * log_px_z.mean(dim=0) - kl_to_prior(mu, log_var).sum(dim=1)"),
    vae("bound without KL", ELBO, "return log_px_z.mean(dim=0) - 0 * kl_to_prior(mu, log_var).sum(dim=1)"),
    vae("prior and posterior swapped in the weight", WEIGHTS,
        "return log_px_z - log_normal(z, zero, zero) + log_normal(z, mu, log_var)"),
    vae("weight without the prior", WEIGHTS, "return log_px_z - log_normal(z, mu, log_var)"),
    vae("weight without the posterior", WEIGHTS, "return log_px_z + log_normal(z, zero, zero)"),
    vae("IWAE as a mean of logarithms", IWAE, "return log_w.mean(dim=0)"),
    vae("IWAE without 1/k", IWAE, "return log_w.logsumexp(dim=0)"),
    vae("IWAE over the images", IWAE,
        "return log_w.logsumexp(dim=1).sum().expand(log_w.shape[1]) - math.log(log_w.shape[1])"),
    vae("IWAE by exponentials that underflow", IWAE, "return log_w.exp().mean(dim=0).log()"),
    vae("IWAE as the largest weight", IWAE, "return log_w.max(dim=0).values - math.log(len(log_w))"),
    vae("nats for bits", BITS, "return nats / math.prod(shape)"),
    vae("bits for each of all colours' pixels", BITS, "return nats / (math.prod(shape[1:]) * math.log(2))"),
    # the networks
    vae("class not looked at", BLOCK, "return blocks.unflatten(1, (classes, -1))[:, 0]"),
    vae("mean over the classes' blocks", BLOCK, "return blocks.unflatten(1, (classes, -1)).mean(dim=1)"),
    vae("blocks interleaved", BLOCK,
        "return blocks.unflatten(1, (-1, classes))[torch.arange(len(labels), device=labels.device), :, labels]"),
    vae("class of the first example for all", BLOCK, "return blocks.unflatten(1, (classes, -1))[:, labels[0]]"),
    vae("labels below zero count from the end", "labels.min() < 0 or ", ""),
    vae("log variance before mu", "        return mu, log_var\n", "        return log_var, mu\n"),
    vae("half of an odd size rounded down", "(-(-shape[1] // d), -(-shape[2] // d)) for d in (1, 2, 4)",
        "(max(1, shape[1] // d), max(1, shape[2] // d)) for d in (1, 2, 4)"),
    vae("height for width", "(-(-shape[1] // d), -(-shape[2] // d)) for d in (1, 2, 4)",
        "(-(-shape[1] // d), -(-shape[1] // d)) for d in (1, 2, 4)"),
    # loss and samples
    vae("loss climbs down (ELBO)", ELBO_LOSS, "return elbo(log_px_z, mu, log_var, self.config.beta).mean()"),
    vae("loss climbs down (IWAE)", IWAE_LOSS, "return iwae(log_weights(log_px_z, z, mu, log_var)).mean()"),
    vae("loss summed over the batch", ELBO_LOSS, "return -elbo(log_px_z, mu, log_var, self.config.beta).sum()"),
    vae("beta forgotten in the loss", ELBO_LOSS, "return -elbo(log_px_z, mu, log_var).mean()"),
    vae("ELBO in the place of the IWAE", IWAE_LOSS, "return -elbo(log_px_z, mu, log_var).mean()"),
    vae("weights cut from the gradient of q", IWAE_LOSS,
        "return -iwae(log_weights(log_px_z, z, mu.detach(), log_var.detach())).mean()"),
    vae("likelihood a mean over the pixels", LOGISTIC_SUM, LOGISTIC_SUM.replace(".sum(dim=2)", ".mean(dim=2)")),
    vae("scale not learned", LOGISTIC_SUM, LOGISTIC_SUM.replace("self.model.log_s", "self.model.log_s.detach()")),
    vae("bernoulli a mean over the pixels", "return log_bernoulli(x, m).flatten(2).sum(dim=2)",
        "return log_bernoulli(x, m).flatten(2).mean(dim=2)"),
    vae("labels in the order of images, codes in that of samples", "labels.repeat(len(z))",
        "labels.repeat_interleave(len(z))"),
    vae("one noise for all samples of z", NOISE,
        "eps = torch.randn((1, *mu.shape), generator=generator, device=x.device, dtype=x.dtype).expand(k, -1, -1)"),
    vae("one noise for all images", NOISE,
        "eps = torch.randn((k, 1, mu.shape[1]), generator=generator, dtype=x.dtype).expand(k, *mu.shape)"),
    vae("uniform noise", NOISE,
        "eps = torch.rand((k, *mu.shape), generator=generator, device=x.device, dtype=x.dtype)"),
    vae("the global generator's noise", NOISE, "eps = torch.randn((k, *mu.shape), device=x.device, dtype=x.dtype)"),
    vae("mean not clipped", "return m.clamp(-1, 1)", "return m"),
    vae("white's probability taken as grey", "else white * 2 - 1", "else white"),
    vae("drawn white where black is likelier", "device=m.device) < white", "device=m.device) > white"),
    vae("samples of half the spread", "z = torch.randn((n, self.config.d_z), generator=generator, device=device)",
        "z = torch.randn((n, self.config.d_z), generator=generator, device=device) / 2"),
    vae("samples of the first class only", "return self.decode(z, self.labels_of(labels), generator)\n",
        "return self.decode(z, self.labels_of(labels * 0), generator)\n"),
    vae("reconstructions of training images", "x, labels = data.held_out[:10]", "x, labels = data.train[:10]"),
    vae("reconstructions from log variance", "self.model.encoder(x, labels)[0]", "self.model.encoder(x, labels)[1]"),
    vae("a straight walk", WALK, "z = (1 - t * 2 / math.pi) * ends[0] + t * 2 / math.pi * ends[1]"),
    vae("a walk that is too long", WALK, "z = ends[0] + t.sin() * ends[1]"),
    vae("rows of a walk differ in z", "ends = ends[:, :1].expand(2, rows, 1, -1)", "ends = ends"),
    vae("classes of a walk run by columns", "torch.arange(rows, device=device).repeat_interleave(columns)",
        "torch.arange(rows, device=device).repeat(columns)"),
    # the numbers
    vae("bounds on the training images", "parts = (data.held_out[:HELD_OUT].split(50)",
        "parts = (data.train[:HELD_OUT].split(50)"),
    vae("bound with the training's beta", "bounds.append(elbo(log_px_z, mu, log_var))",
        "bounds.append(elbo(log_px_z, mu, log_var, 2.0))"),
    vae("KL summed over images", "torch.cat(kl).mean(dim=0)", "torch.cat(kl).sum(dim=0)"),
    vae("active above a tenth of a nat", "(used > 0.01)", "(used > 0.1)"),
    vae("active above a thousandth of a nat", "(used > 0.01)", "(used > 0.001)"),
    vae("KL a mean over coordinates in the numbers", '"kl": used.sum().item()', '"kl": used.mean().item()'),
    vae("one sample of z behind the IWAE number", "self.labels_of(y), IWAE_K, generator)",
        "self.labels_of(y), 1, generator)"),
    vae("more images measured than are said", "HELD_OUT = 1000", "HELD_OUT = 10000"),
]  # fmt: skip

ONE_EACH = {
    "log variance taken as log deviation": "test_z_is_mu_plus_sigma_times_eps",
    "KL without the half": "test_kl_equals_torchs",
    "KL the other way round": "test_kl_equals_its_monte_carlo_estimate",
    "KL without the one": "test_kl_is_zero_at_the_prior_and_positive_elsewhere",
    "normal divides by sigma": "test_log_normal_equals_torchs",
    "sigma cut from the gradient": "test_reparameterised_gradient_is_right_in_closed_form_and_by_the_score_function",
    "last bin closed above": "test_likelihood_of_all_levels_sums_to_one",
    "bins of 1/levels": "test_likelihood_is_the_logistics_share_of_each_bin",
    "difference of sigmoids with an epsilon":
        "test_likelihood_is_right_in_float32_where_the_difference_of_sigmoids_is_zero",
    "difference of sigmoids, clamped": "test_an_epsilon_in_the_logarithm_makes_it_no_probability",
    "drawn from a normal": "test_drawn_pixels_follow_the_likelihood",
    "edges swapped": "test_the_clipped_mean_is_the_pixels_median",
    "white for black": "test_bernoulli_equals_torchs_on_black_and_white",
    "grey pixels let through": "test_bernoulli_refuses_grey_pixels",
    "bound without KL": "test_bound_at_the_true_posterior_is_the_likelihood",
    "KL added": "test_bound_is_below_the_likelihood_by_the_kl_to_the_true_posterior",
    "weight without the prior": "test_every_weight_at_the_true_posterior_is_the_likelihood",
    "prior and posterior swapped in the weight": "test_mean_log_weight_is_the_bound",
    "IWAE without 1/k": "test_iwae_grows_with_k_towards_the_likelihood",
    "IWAE as the largest weight": "test_iwae_gradient_is_that_of_the_log_weights_weighted_by_the_normalised_weights",
    "IWAE as a mean of logarithms": "test_iwae_is_the_logarithm_of_the_mean_not_the_mean_of_logarithms",
    "IWAE over the images": "test_iwae_of_one_sample_is_the_log_weight_itself",
    "beta left out": "test_elbo_is_reconstruction_minus_beta_times_kl",
    "beta on the likelihood": "test_a_mean_over_pixels_with_a_small_weight_on_the_kl_is_a_beta_of_three",
    "nats for bits": "test_bits_per_dimension_of_uniform_pixels_is_the_logarithm_of_their_levels",
    "class not looked at": "test_both_networks_are_told_the_class",
    "blocks interleaved": "test_each_example_gets_the_block_of_its_own_class",
    "log variance before mu": "test_encoder_gives_mu_and_log_variance_in_that_order",
    "mu cut from the gradient": "test_gradient_of_the_loss_equals_finite_differences",
    "labels in the order of images, codes in that of samples":
        "test_log_likelihood_of_an_image_is_the_sum_over_its_pixels_with_its_own_class_and_code",
    "beta forgotten in the loss": "test_loss_is_the_mean_over_images_of_the_negative_bound_in_nats",
    "samples of half the spread": "test_samples_are_the_decoders_mean_at_codes_from_the_prior",
    "drawn with half the scale": "test_drawn_samples_are_pixels_of_the_data_and_scatter_by_the_learned_scale",
    "white's probability taken as grey": "test_black_and_white_samples_are_probabilities_or_pixels",
    "a straight walk": "test_each_point_of_a_walk_is_a_sample_of_the_prior",
    "rows of a walk differ in z": "test_rows_of_a_walk_differ_in_the_class_alone",
    "reconstructions of training images":
        "test_reconstructions_are_of_held_out_images_from_the_posteriors_mean",
    "one sample of z behind the IWAE number": "test_numbers_are_the_bounds_on_held_out_images",
    "active above a tenth of a nat": "test_units_are_active_whose_mean_kl_exceeds_a_hundredth_of_a_nat",
    "more images measured than are said": "test_only_the_first_thousand_held_out_images_are_measured",
    "height for width": "test_batch_of_one_and_odd_sizes",
    "the global generator's noise": "test_same_seed_same_bits_other_seed_other_bits",
    "one noise for all images": "test_noise_is_fresh_for_each_sample_image_and_coordinate",
    "scale not learned": "test_every_parameter_receives_a_gradient",
    "labels below zero count from the end": "test_bad_data_and_labels_name_what_is_expected",
}  # fmt: skip
