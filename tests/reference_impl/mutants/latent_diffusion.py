"""Changes to latent_diffusion.py and to its first stage, kl_autoencoder.py, of the kind that people make, one at a
time. The second stage's loss and sampler are those of guidance.py and ddim.py, which have mutants of their own.
"""

from functools import partial

from tests.reference_impl.mutation import Mutant

MODULES = ["reference_impl.vae.kl_autoencoder", "reference_impl.diffusion.latent_diffusion"]
PROOFS = ["diffusion/test_latent_diffusion.py"]

ae = partial(Mutant, "reference_impl.vae.kl_autoencoder")
ldm = partial(Mutant, "reference_impl.diffusion.latent_diffusion")

LATENT = "return reparameterise(mu.flatten(1), log_var.flatten(1), eps.flatten(1)[None])[0].view_as(mu)"
KL = "return kl_to_prior(mu.flatten(1), log_var.flatten(1)).sum(dim=1)"
OBJECTIVE = "return ((x - x_hat).square().flatten(1).sum(dim=1) + weight * kl(mu, log_var)).mean()"
BLOCK = "return x + self.conv_2(F.silu(self.norm_2(self.conv_1(F.silu(self.norm_1(x))))))"
SPLIT = "mu, log_var = self.encoder(x).chunk(2, dim=1)"
DEVIATION = "sigma_hat = (z - z.mean()).square().mean().sqrt()"
MEASURE = "if self.model.training and not self.model.measured:"
RESCALED = 'return loss(self.schedule, self.network, "v", z / self.model.sigma_hat, labels, generator)'
DROP = "labels = drop_labels(batch.labels, self.classes, self.config.p_uncond, generator)"
FIXED = "with torch.no_grad():\n            z, _, _ = self.draw(batch.x, generator)"
ENCODE = "return torch.cat([self.draw(part, generator)[0] for part in x.split(PART)]) / self.model.sigma_hat"
UNDO = "z = z * self.model.sigma_hat"
DECODE = "return torch.cat([self.autoencoder.decode(part) for part in z.split(PART)]).clamp(-1, 1)"
DRAW_EPS = "eps = torch.randn(mu.shape, generator=generator, device=mu.device, dtype=mu.dtype)"
DRAW_Z = "z_T = torch.randn((n, *self.latent_shape), generator=generator, device=self.schedule.beta.device)"
GUIDED = "predict = guided(self.network, labels, self.config.w)"
STEPS = 'return ddim.trajectory(self.schedule, predict, z_T, self.tau, prediction="v")'
LOSS_1 = "return objective(batch.x, self.autoencoder.decode(z), mu, log_var, self.config.kl_weight)"
ERROR = 'errors.append(noise_error_at(self.schedule, self.network, "v", z_0, y, t_each, eps).mean())'
GREY = "grey = F.interpolate((z / 2).clamp(-1, 1), self.shape[1:])[:, :3, None].expand(-1, -1, *self.shape)"
SHOWN = "shown = [states[round(share / 9 * (len(states) - 1))] for share in range(10)]"

MUTANTS = [
    # stage one: the law of the latents
    ae("a latent is its mean", LATENT, "return mu + 0 * log_var * eps"),
    ae("variance for deviation", LATENT, LATENT.replace("log_var.flatten(1)", "2 * log_var.flatten(1)")),
    ae("noise out of place", LATENT, LATENT.replace("eps.flatten(1)", "eps.transpose(2, 3).flatten(1)")),
    ae("noise subtracted from nothing", LATENT, LATENT.replace("mu.flatten(1)", "0 * mu.flatten(1)", 1)),
    ae("KL a mean over the numbers", KL, KL.replace(".sum(dim=1)", ".mean(dim=1)")),
    ae("KL of the batch for each image", KL, KL.replace(".sum(dim=1)", ".sum().expand(len(mu))")),
    ae("KL of mean and variance swapped", KL, "return kl_to_prior(log_var.flatten(1), mu.flatten(1)).sum(dim=1)"),
    ae("KL doubled", KL, KL + " * 2"),
    ae("KL subtracted", OBJECTIVE, OBJECTIVE.replace("+ weight", "- weight")),
    ae("weight on the error instead", OBJECTIVE,
       "return (weight * (x - x_hat).square().flatten(1).sum(dim=1) + kl(mu, log_var)).mean()"),
    ae("weight on both", OBJECTIVE,
       "return weight * ((x - x_hat).square().flatten(1).sum(dim=1) + kl(mu, log_var)).mean()"),
    ae("no KL", OBJECTIVE, "return (x - x_hat).square().flatten(1).sum(dim=1).mean()"),
    ae("error a mean over pixels", OBJECTIVE, OBJECTIVE.replace(".sum(dim=1) +", ".mean(dim=1) +")),
    ae("absolute error", OBJECTIVE, OBJECTIVE.replace("square()", "abs()")),
    ae("half the squared error", OBJECTIVE, OBJECTIVE.replace("((x - x_hat)", "(0.5 * (x - x_hat)")),
    ae("summed over images", OBJECTIVE, OBJECTIVE.replace("log_var)).mean()", "log_var)).sum()")),
    ae("no gradient to the decoder", OBJECTIVE, OBJECTIVE.replace("x_hat)", "x_hat.detach())")),
    ae("images of another shape are broadcast", "check(x_hat.shape == x.shape,", "check(True,"),
    # stage one: the networks
    ae("block without its input", BLOCK, BLOCK.replace("x + ", "")),
    ae("block without the first norm", BLOCK, BLOCK.replace("self.norm_1(x)", "x")),
    ae("block without the second norm", BLOCK, BLOCK.replace("self.norm_2(self.conv_1(F.silu(self.norm_1(x))))",
                                                             "self.conv_1(F.silu(self.norm_1(x)))")),
    ae("block without the activation between", BLOCK, BLOCK.replace("F.silu(self.norm_2(", "(self.norm_2(")),
    ae("block that uses one convolution twice", BLOCK, BLOCK.replace("self.conv_2(", "self.conv_1(")),
    ae("halves of the encoder's output swapped", SPLIT, SPLIT.replace("mu, log_var =", "log_var, mu =")),
    ae("halves cut along the height", SPLIT, SPLIT.replace("dim=1", "dim=2")),
    ae("encoder without its last norm", "*encoder, ResBlock(width), nn.GroupNorm(GROUPS, width), nn.SiLU(),",
       "*encoder, ResBlock(width), nn.Identity(), nn.SiLU(),"),
    ae("encoder without its last activation", "*encoder, ResBlock(width), nn.GroupNorm(GROUPS, width), nn.SiLU(),",
       "*encoder, ResBlock(width), nn.GroupNorm(GROUPS, width), nn.Identity(),"),
    ae("encoder with a block less", "*encoder, ResBlock(width), nn", "*encoder, nn.Identity(), nn"),
    ae("decoder with a block less", "nn.Conv2d(c_z, width, 3, padding=1), ResBlock(width)]",
       "nn.Conv2d(c_z, width, 3, padding=1)]"),
    ae("decoder without norms", "decoder += [ResBlock(width), nn.GroupNorm(GROUPS, width), nn.SiLU()]",
       "decoder += [ResBlock(width), nn.SiLU()]"),
    ae("four groups", "GROUPS = 8", "GROUPS = 4"),
    ae("widths that do not suit the groups accepted", 'check(width % GROUPS == 0, "width"', 'check(True, "width"'),
    # the scale
    ldm("scale of the mean square, uncentred", DEVIATION, "sigma_hat = z.square().mean().sqrt()"),
    ldm("scale is the variance", DEVIATION, DEVIATION.replace(".sqrt()", "")),
    ldm("scale of the sample, n - 1", DEVIATION, "sigma_hat = z.std()"),
    ldm("scale centred by channels", DEVIATION,
        "sigma_hat = (z - z.mean(dim=(0, 2, 3), keepdim=True)).square().mean().sqrt()"),
    ldm("scale of each channel", DEVIATION, "sigma_hat = z.std(dim=(0, 2, 3)).mean()"),
    ldm("scale by the mean absolute deviation", DEVIATION, "sigma_hat = (z - z.mean()).abs().mean()"),
    ldm("no spread accepted", "check(bool(0 < sigma_hat < torch.inf),", "check(True,"),
    ldm("scale measured for each batch", MEASURE, "if self.model.training:"),
    ldm("scale never measured", MEASURE, "if False:"),
    ldm("scale measured while evaluating", MEASURE, "if not self.model.measured:"),
    ldm("scale not remembered as measured", "self.model.measured.fill_(True)", "pass"),
    ldm("scale set to its inverse", "self.model.sigma_hat.copy_(standard_deviation(z))",
        "self.model.sigma_hat.copy_(1 / standard_deviation(z))"),
    ldm("scale not kept with the weights", 'self.model.register_buffer("sigma_hat", torch.ones(()))',
        'self.model.register_buffer("sigma_hat", torch.ones(()), persistent=False)'),
    ldm("that it was measured not kept with the weights",
        'self.model.register_buffer("measured", torch.tensor(False))',
        'self.model.register_buffer("measured", torch.tensor(False), persistent=False)'),
    ldm("stage two learns latents that were not rescaled", RESCALED, RESCALED.replace(" / self.model.sigma_hat", "")),
    ldm("stage two learns latents scaled twice", RESCALED,
        RESCALED.replace("/ self.model.sigma_hat", "/ self.model.sigma_hat**2")),
    ldm("stage two learns latents multiplied by the deviation", RESCALED, RESCALED.replace("z / self", "z * self")),
    ldm("encoded, not rescaled", ENCODE, ENCODE.replace(" / self.model.sigma_hat", "")),
    ldm("decoded, scale not undone", UNDO, "z = z * 1"),
    ldm("decoded, scale applied again", UNDO, "z = z / self.model.sigma_hat"),
    ldm("the first part alone is decoded", DECODE, "return self.autoencoder.decode(z[:PART]).clamp(-1, 1)"),
    ldm("the first part alone is encoded", ENCODE, "return self.draw(x[:PART], generator)[0] / self.model.sigma_hat"),
    ldm("latents clipped like pixels", UNDO, "z = z.clamp(-1, 1) * self.model.sigma_hat"),
    ldm("images not clipped", DECODE, DECODE.replace(".clamp(-1, 1)", "")),
    # the two stages
    ldm("stage two one step late", "plays=lambda step: step > n", "plays=lambda step: step > n + 1"),
    ldm("stage one never ends", "plays=lambda step: step <= n", "plays=lambda step: True"),
    ldm("stage one a step short", "plays=lambda step: step <= n", "plays=lambda step: step < n"),
    ldm("stage two trains the autoencoder too", 'Player("diffusion", self.network,', 'Player("diffusion", self.model,'),
    ldm("the gradient reaches the encoder", FIXED, FIXED.replace("with torch.no_grad()", "if True")),
    ldm("stage one decodes the mean", LOSS_1, LOSS_1.replace("decode(z)", "decode(mu)")),
    ldm("KL weight not handed on", LOSS_1, LOSS_1.replace("self.config.kl_weight", "1e-6")),
    ldm("stage two learns the means", "return latent(mu, log_var, eps), mu, log_var", "return mu, mu, log_var"),
    ldm("one noise for the batch", DRAW_EPS, DRAW_EPS + "[:1].expand_as(mu)"),
    ldm("one noise for the channels", DRAW_EPS, DRAW_EPS + "[:, :1].expand_as(mu)"),
    ldm("uniform noise", DRAW_EPS, DRAW_EPS.replace("randn", "rand")),
    ldm("latents' noise from the global generator", DRAW_EPS, DRAW_EPS.replace("generator=generator, ", "")),
    ldm("classes never dropped", DROP, "labels = batch.labels"),
    ldm("classes always dropped", DROP, "labels = None"),
    ldm("labels needed though there are no classes",
        "self.network = build_network(config.network, config.c_z, config.width, spec.classes)",
        "self.network = build_network(config.network, config.c_z, config.width, max(spec.classes, 1))"),
    ldm("dropped classes become the first", DROP, DROP.replace("self.classes,", "0,")),
    ldm("another probability of dropping", DROP, DROP.replace("self.config.p_uncond", "0.1")),
    ldm("stage two predicts the noise, sampling takes it for v", RESCALED, RESCALED.replace('"v"', '"eps"')),
    # sampling
    ldm("guidance without a class", GUIDED, GUIDED.replace("labels", "None")),
    ldm("guidance left out", GUIDED, GUIDED.replace("self.config.w", "0")),
    ldm("the scale 1 + w taken for w", GUIDED, GUIDED.replace("self.config.w", "1 + self.config.w")),
    ldm("sampling starts from uniform noise", DRAW_Z, DRAW_Z.replace("randn", "rand")),
    ldm("sampling starts from the global generator", DRAW_Z, DRAW_Z.replace("generator=generator, ", "")),
    ldm("v taken for the noise in sampling", STEPS, STEPS.replace('"v"', '"eps"')),
    ldm("v taken for the data in sampling", STEPS, STEPS.replace('"v"', '"x_0"')),
    ldm("sampling does not begin at T", STEPS, STEPS.replace("self.tau,", "self.tau[:-1],")),
    ldm("all T steps", "ddim.spread(config.T, config.S)", "ddim.spread(config.T, config.T)"),
    ldm("linear schedule", "Schedule.cosine(config.T)", "Schedule.linear(config.T)"),
    ldm("samples not decoded", "            z_0 = z\n        return self.decode(z_0)",
        "            z_0 = z\n        return z_0"),
    ldm("the first state for the last", "            z_0 = z\n        return self.decode(z_0)",
        "            z_0 = z\n            break\n        return self.decode(z_0)"),
    ldm("the network not told that there are classes", "config.c_z, config.width, spec.classes)",
        "config.c_z, config.width, 0)"),
    ldm("the other backbone", "build_network(config.network,", 'build_network("unet",'),
    ldm("height for width", "self.latent_shape = (config.c_z, h // f, w // f)",
        "self.latent_shape = (config.c_z, w // f, h // f)"),
    ldm("images that cannot be halved accepted", "all(side % f == 0 for side in spec.shape[1:])", "True"),
    # numbers and pictures
    ldm("pictures of training images", "x = data.held_out[:10]", "x = data.train[:10]"),
    ldm("grey too bright", GREY, GREY.replace("z / 2", "z")),
    ldm("four channels shown", GREY, GREY.replace("[:, :3, None]", "[:, :4, None]")),
    ldm("process of the first states alone", SHOWN, "shown = states[:10]"),
    ldm("process backwards", SHOWN, SHOWN.replace("range(10)", "reversed(range(10))")),
    ldm("process of one class", "torch.arange(0, 12, 3, device=x.device)", "torch.zeros(4, dtype=torch.long)"),
    ldm("numbers of training images", "z = self.encode(data.held_out, generator)",
        "z = self.encode(data.train, generator)"),
    ldm("loss of all held-out images", "z_0, y = z[:HELD_OUT]", "z_0, y = z[:]"),
    ldm("held-out loss without the class", ERROR, ERROR.replace("z_0, y,", "z_0, None,")),
    ldm("held-out loss of v taken for the noise", ERROR, ERROR.replace('"v"', '"eps"')),
    ldm("held-out loss of the last time alone", "return {\n            \"held_out_loss\": torch.stack(errors).mean()",
        "return {\n            \"held_out_loss\": errors[-1]"),
    ldm("error of an image for a pixel", ".double().square().mean().item()",
        ".double().square().flatten(1).sum(1).mean().item()"),
    ldm("the floor is that of the samples", "frechet_distance(x_hat, data.held_out)",
        "frechet_distance(samples, data.held_out)"),
    ldm("the floor against training images", "frechet_distance(x_hat, data.held_out)",
        "frechet_distance(x_hat, data.train)"),
    ldm("deviation of the encoder's own latents", "standard_deviation(z.double())",
        "standard_deviation(z.double() * self.model.sigma_hat)"),
    # messages
    ldm("no guard on the channels", "check(self.c_z >= 1,", "check(True,"),
    ldm("no guard on the probability", "check(0 <= self.p_uncond < 1,", "check(self.p_uncond < 1,"),
    ldm("guidance without dropped classes accepted", "check(self.w == 0 or self.p_uncond > 0,", "check(True,"),
    ldm("more steps than T accepted", "check(1 <= self.S <= self.T,", "check(1 <= self.S,"),
    ldm("no guard on the KL's weight", "check(0 <= self.kl_weight < torch.inf,", "check(0 <= self.kl_weight,"),
    ldm("no guard on the autoencoder's width", "good = self.autoencoder_width >= 16 and", "good ="),
]  # fmt: skip

ONE_EACH = {
    "noise out of place": "test_a_latent_is_its_mean_and_its_deviation_times_the_noise_place_by_place",
    "KL of the batch for each image": "test_the_kl_is_torchs_own_summed_over_each_images_numbers",
    "a latent is its mean": "test_the_objective_of_a_linear_autoencoder_is_its_closed_form",
    "half the squared error": "test_the_best_width_of_the_law_balances_both_terms",
    "KL subtracted": "test_the_kl_alone_sets_the_latents_scale_and_pulls_as_weakly_as_it_weighs",
    "error a mean over pixels": "test_the_objective_sums_over_numbers_and_averages_over_images",
    "KL weight not handed on": "test_the_objective_weighs_the_kl_as_the_method_was_told",
    "the network not told that there are classes": "test_the_network_knows_the_classes_and_that_of_any",
    "no gradient to the decoder": "test_gradient_of_the_objective_equals_finite_differences",
    "block without the second norm": "test_encoder_and_decoder_are_their_layers_one_after_another",
    "height for width": "test_latents_are_smaller_by_two_to_the_halvings_for_any_batch",
    "scale centred by channels": "test_one_standard_deviation_is_taken_of_all_numbers_together",
    "scale is the variance": "test_the_scale_makes_the_deviation_one_and_leaves_the_law_what_it_is",
    "scale measured for each batch":
        "test_the_first_batch_of_stage_two_gets_unit_deviation_and_later_ones_do_not_change_the_scale",
    "scale measured while evaluating": "test_the_scale_is_not_measured_while_evaluating",
    "decoded, scale not undone": "test_decoding_undoes_the_scale",
    "images not clipped": "test_what_is_decoded_is_clipped_to_the_pixels_range",
    "one noise for the channels": "test_latents_are_drawn_from_their_law_with_its_mean_and_width",
    "the first part alone is decoded": "test_images_go_through_the_autoencoder_in_parts_and_none_is_lost",
    "stage two learns latents that were not rescaled":
        "test_the_exact_velocity_has_loss_zero_and_an_offset_c_has_loss_c_squared",
    "stage two learns latents scaled twice":
        "test_the_network_sees_rescaled_latents_mixed_with_noise_its_own_time_and_its_class",
    "dropped classes become the first": "test_classes_are_dropped_with_their_probability_and_otherwise_left_alone",
    "labels needed though there are no classes": "test_without_classes_no_label_matters",
    "stage one a step short": "test_the_autoencoder_plays_first_and_the_diffusion_model_afterwards",
    "the gradient reaches the encoder": "test_neither_stages_gradient_reaches_the_other",
    "stage one never ends": "test_the_autoencoder_and_the_scale_rest_in_stage_two",
    "that it was measured not kept with the weights":
        "test_a_run_goes_on_to_the_same_bits_across_the_boundary_of_the_stages",
    "the other backbone": "test_both_backbones_serve",
    "latents clipped like pixels": "test_the_exact_velocity_leads_to_the_decoded_data",
    "the scale 1 + w taken for w":
        "test_guidance_leads_from_the_point_of_no_class_through_that_of_the_class_and_beyond",
    "all T steps": "test_sampling_starts_from_the_standard_normal_at_T_and_takes_S_steps",
    "linear schedule": "test_the_schedule_is_the_cosine_one",
    "sampling starts from the global generator": "test_same_seed_same_bits_and_no_other_source_of_chance",
    "grey too bright": "test_pictures_are_held_out_images_over_their_latents_over_their_reconstructions",
    "process of one class": "test_the_process_shown_begins_with_decoded_noise_and_ends_with_samples",
    "held-out loss without the class": "test_numbers_are_those_of_the_held_out_images",
    "the floor is that of the samples": "test_a_perfect_autoencoder_has_no_floor",
    "guidance without dropped classes accepted": "test_bad_values_name_field_value_and_what_is_expected",
    "images that cannot be halved accepted": "test_images_that_cannot_be_halved_are_named",
    "no spread accepted": "test_latents_without_spread_and_images_of_another_shape_are_refused",
}  # fmt: skip
