"""Changes to r3gan.py of the kind that people make, one at a time."""

from functools import partial

from tests.reference_impl.mutation import Mutant

MODULES = ["reference_impl.gan.r3gan"]
PROOFS = ["gan/test_r3gan.py"]

r3gan = partial(Mutant, "reference_impl.gan.r3gan")

PAIRED = "return F.softplus(worse - better).mean()"
GRADIENT = "(gradient,) = torch.autograd.grad(logits.sum(), x, create_graph=True)"
NORM = "return gradient.square().reshape(len(x), -1).sum(dim=1)"
PENALTY = "return gamma / 2 * squared_gradient_norm(logits, x).mean()"
LEAVES = "x, fake = x.detach().requires_grad_(), fake.detach().requires_grad_()"
JUDGED = "real_logits, fake_logits = D(x, labels), D(fake, labels)"
BOTH = "r1, r2 = zero_centred_penalty(real_logits, x, gamma), zero_centred_penalty(fake_logits, fake, gamma)"
D_LOSS = "return relativistic_loss(real_logits, fake_logits) + r1 + r2"
G_LOSS = "return relativistic_loss(D(fake, labels), real_logits)"
FIELD = "return -torch.cat([for_theta, for_psi])"
COSINE = "return last + (first - last) * (1 + math.cos(math.pi * done)) / 2"
DONE = "done = min(1.0, step / burn_in) if burn_in else 1.0"
STD = "nn.init.normal_(layer.weight, std=gain / math.sqrt(layer.weight[0].numel()))"
PAIRS = "pairs = torch.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], dim=axis + 1)"
BEFORE = "before = torch.cat([x.narrow(axis, 0, 1), x.narrow(axis, 0, n - 1)], dim=axis)"
AFTER = "after = torch.cat([x.narrow(axis, 1, n - 1), x.narrow(axis, n - 1, 1)], dim=axis)"
INNER = "inner, gain = 2 * width, GAIN * L**-0.25"
EXPAND = "self.expand = initialise(nn.Conv2d(width, inner, 1), gain)"
GROUPED = "self.grouped = initialise(nn.Conv2d(inner, inner, 3, padding=1, groups=inner // group), gain)"
PROJECT = "self.project = initialise(nn.Conv2d(inner, width, 1, bias=False), 0.0)"
HALVE = "while height % 2 == 0 and width % 2 == 0 and min(height, width) >= 8:"
G_EMBED = "self.embed = initialise(nn.Linear(classes, d_z, bias=False))"
G_CLASS = "z = torch.cat([z, self.embed(one_hot(labels, self.classes).to(z.dtype))], dim=1)"
G_OUT = "return self.to_pixels(self.stages(self.weigh(z)[:, :, None, None] * self.basis))"
D_BASIS = "self.basis = initialise(nn.Conv2d(width, width, (shape[1] >> n, shape[2] >> n), groups=width, bias=False))"
D_HEAD = "self.head = initialise(nn.Linear(width, d, bias=False))"
D_EMBED = "self.embed = initialise(nn.Linear(classes, d, bias=False), 1 / math.sqrt(d))"
D_CLASS = "features = features * self.embed(one_hot(labels, self.classes).to(x.dtype))"
G_STAGES = """stages += [Block(w, group, L) for _ in range(blocks)]
        self.stages = nn.Sequential(*stages)
        self.to_pixels"""
D_STAGES = G_STAGES.replace("to_pixels", "basis")
G_NARROW = "stages += [initialise(nn.Conv2d(2 * w, w, 1, bias=False)), Up()]"
D_WIDEN = "stages += [Down(), initialise(nn.Conv2d(w // 2, w, 1, bias=False))]"
HALVED = "return [width >> i for i in range(n + 1)]"
STEP_OF = "step = math.lcm(2, group) // 2 << n"
NO_BIAS = "            D.layers[-1].bias = None  # no loss of pairs sees a constant added to D\n"
PLAYS = 'Player("discriminator", D, self.loss_of_discriminator, self.set_gamma)'
SECOND = 'Player("generator", G, self.loss_of_generator)'
STEP = "self.gamma = gamma_at(step, self.config.gamma, self.config.burn_in)"
D_STEP = 'return discriminator_loss(self.model["discriminator"], batch.x, fake, labels, self.gamma)'
G_STEP = 'return generator_loss(self.model["discriminator"], batch.x, fake, labels)'
NOISE = "z = torch.randn(n, self.config.d_z, generator=generator, device=self.device)"
DRAWN = "labels = torch.randint(self.classes, (n,), generator=generator, device=self.device)"
ANGLE = "angle = torch.linspace(0, math.pi / 2, columns, device=self.device)[:, None]"
WALK = "z = angle.cos() * start + angle.sin() * end"
ROWS = "torch.arange(rows, device=self.device).repeat_interleave(columns)"

MUTANTS = [
    # the pairing
    r3gan("loss: sign", PAIRED, PAIRED.replace("worse - better", "better - worse")),
    r3gan("loss: sum for mean", PAIRED, PAIRED.replace(".mean()", ".sum()")),
    r3gan("loss: logits averaged before the softplus", PAIRED, "return F.softplus(worse.mean() - better.mean())"),
    r3gan("loss: all pairs", PAIRED, "return F.softplus(worse[:, None] - better).mean()"),
    r3gan("loss: each against the other's mean", PAIRED, "return F.softplus(worse.mean() - better).mean()"),
    r3gan("loss: the ordinary GAN's", PAIRED, "return (F.softplus(worse) + F.softplus(-better)).mean()"),
    r3gan("loss: without the softplus", PAIRED, "return (worse - better).mean()"),
    r3gan("loss: a hinge", PAIRED, "return F.relu(1 + worse - better).mean()"),
    r3gan("loss: logarithm of the exponential", PAIRED, "return (1 + (worse - better).exp()).log().mean()"),
    r3gan("loss: any shapes pass", "if better.ndim != 1 or better.shape != worse.shape:", "if False:"),
    r3gan("loss: columns pass", "if better.ndim != 1 or better.shape", "if better.shape"),
    # the penalties
    r3gan("penalty: the graph is dropped", GRADIENT, GRADIENT.replace("create_graph=True", "retain_graph=True")),
    r3gan("penalty: mean of the logits", GRADIENT, GRADIENT.replace("logits.sum()", "logits.mean()")),
    r3gan("penalty: only the first example", GRADIENT, GRADIENT.replace("logits.sum()", "logits[0]")),
    r3gan("penalty: the norm, not its square", NORM, NORM.replace(".sum(dim=1)", ".sum(dim=1).sqrt()")),
    r3gan("penalty: centred at one", NORM, "return (gradient.reshape(len(x), -1).norm(dim=1) - 1).square()"),
    r3gan("penalty: mean over the pixels", NORM, NORM.replace(".sum(dim=1)", ".mean(dim=1)")),
    r3gan("penalty: absolute values", NORM, NORM.replace(".square()", ".abs()")),
    r3gan("penalty: the first pixel only", NORM, NORM.replace(".sum(dim=1)", "[:, 0]")),
    r3gan("penalty: without the half", PENALTY, PENALTY.replace("gamma / 2", "gamma")),
    r3gan("penalty: gamma squared", PENALTY, PENALTY.replace("gamma / 2", "gamma**2 / 2")),
    r3gan("penalty: sum over the batch", PENALTY, PENALTY.replace(".mean()", ".sum()")),
    r3gan("penalty: the largest in the batch", PENALTY, PENALTY.replace(".mean()", ".max()")),
    r3gan("D: R1 forgotten", D_LOSS, D_LOSS.replace(" + r1", "")),
    r3gan("D: R2 forgotten", D_LOSS, D_LOSS.replace(" + r2", "")),
    r3gan("D: R1 twice", D_LOSS, D_LOSS.replace("r2", "r1")),
    r3gan("D: penalties rewarded", D_LOSS, D_LOSS.replace("+ r1 + r2", "- r1 - r2")),
    r3gan("D: R1 at the fakes", BOTH, BOTH.replace("real_logits, x", "fake_logits, fake")),
    r3gan("D: penalties on the loss's logits of both", JUDGED, JUDGED.replace("D(fake, labels)", "D(x, labels)")),
    r3gan(
        "D: real and fake change places", D_LOSS, D_LOSS.replace("real_logits, fake_logits", "fake_logits, real_logits")
    ),
    r3gan("D: the class is not told of fakes", JUDGED, JUDGED.replace("D(fake, labels)", "D(fake, None)")),
    r3gan(
        "D: the loss reaches back into G",
        LEAVES,
        "x, fake = x.detach().requires_grad_(), fake if fake.requires_grad else fake.requires_grad_()",
    ),
    r3gan(
        "D: the caller's examples are marked",
        LEAVES,
        LEAVES.replace("x.detach().requires_grad_()", "x.requires_grad_()"),
    ),
    # the generator's loss
    r3gan("G: real and fake change places", G_LOSS, "return relativistic_loss(real_logits, D(fake, labels))"),
    r3gan("G: the saturating loss", G_LOSS, "return -relativistic_loss(real_logits, D(fake, labels))"),
    r3gan("G: fakes detached", G_LOSS, G_LOSS.replace("D(fake, labels)", "D(fake.detach(), labels)")),
    r3gan("G: the real logits dropped", G_LOSS, "return relativistic_loss(D(fake, labels), 0 * real_logits)"),
    r3gan("G: D is not told the class", G_LOSS, G_LOSS.replace("D(fake, labels)", "D(fake, None)")),
    # the smallest game
    r3gan("field: uphill", FIELD, FIELD.replace("-torch", "torch")),
    r3gan("field: the players change places", FIELD, FIELD.replace("for_theta, for_psi", "for_psi, for_theta")),
    r3gan(
        "field: D without penalties",
        "discriminator_loss(D, data, fake, None, gamma), slope",
        "discriminator_loss(D, data, fake, None, 0.0), slope",
    ),
    # the burn-in
    r3gan("gamma: a quarter of the wave", COSINE, COSINE.replace("math.pi * done", "math.pi / 2 * done")),
    r3gan("gamma: backwards", COSINE, COSINE.replace("(1 + math.cos", "(1 - math.cos")),
    r3gan("gamma: a straight line", COSINE, "return last + (first - last) * (1 - done)"),
    r3gan("gamma: twice the fall", COSINE, COSINE.replace(" / 2", "")),
    r3gan("gamma: rises again", DONE, DONE.replace("min(1.0, step / burn_in)", "step / burn_in")),
    r3gan("gamma: without a burn-in the first", DONE, DONE.replace("else 1.0", "else 0.0")),
    # the networks
    r3gan("first weights: fan-out", STD, STD.replace("layer.weight[0].numel()", "layer.weight[:, 0].numel()")),
    r3gan(
        "first weights: variance for deviation",
        STD,
        STD.replace("math.sqrt(layer.weight[0].numel())", "layer.weight[0].numel()"),
    ),
    r3gan("first weights: uniform biases stay", "        nn.init.zeros_(layer.bias)\n", "        pass\n"),
    r3gan("slope of 0.02", "SLOPE = 0.2\n", "SLOPE = 0.02\n"),
    r3gan("gain of the plain ReLU", "GAIN = math.sqrt(2 / (1 + SLOPE**2))", "GAIN = math.sqrt(2)"),
    r3gan("up: weights of 1/2", PAIRS, PAIRS.replace("0.75", "0.5").replace("0.25", "0.5")),
    r3gan("up: nearest neighbour", PAIRS, PAIRS.replace("0.75", "1.0").replace("0.25", "0.0")),
    r3gan(
        "up: neighbours change sides",
        PAIRS,
        PAIRS.replace("before", "tmp").replace("after", "before").replace("tmp", "after"),
    ),
    r3gan(
        "up: zeros beyond the first edge", BEFORE, BEFORE.replace("[x.narrow(axis, 0, 1)", "[0 * x.narrow(axis, 0, 1)")
    ),
    r3gan("up: wraps round the last edge", AFTER, AFTER.replace("x.narrow(axis, n - 1, 1)", "x.narrow(axis, 0, 1)")),
    r3gan("up: brighter", PAIRS, PAIRS.replace("0.25 * after", "0.5 * after")),
    r3gan("up: one axis only", "for axis in (2, 3):", "for axis in (2, 2):"),
    r3gan("down: the largest of 2x2", "return F.avg_pool2d(x, 2)", "return F.max_pool2d(x, 2)"),
    r3gan("down: every second pixel", "return F.avg_pool2d(x, 2)", "return x[:, :, ::2, ::2]"),
    r3gan("block: a bottleneck that is not inverted", INNER, INNER.replace("2 * width", "width")),
    r3gan("block: L to the half", INNER, INNER.replace("-0.25", "-0.5")),
    r3gan("block: not scaled with depth", INNER, INNER.replace(" * L**-0.25", "")),
    r3gan("block: expand at gain 1", EXPAND, EXPAND.replace(", gain)", ")")),
    r3gan("block: grouped at gain 1", GROUPED, GROUPED.replace(", gain)", ")")),
    r3gan("block: not grouped", GROUPED, GROUPED.replace(", groups=inner // group", "")),
    r3gan("block: as many groups as a group has channels", GROUPED, GROUPED.replace("inner // group", "group")),
    r3gan("block: 1x1 in the middle", GROUPED, GROUPED.replace("3, padding=1", "1")),
    r3gan("block: last convolution not zero", PROJECT, PROJECT.replace(", 0.0)", ")")),
    r3gan("block: last convolution with a bias", PROJECT, PROJECT.replace(", bias=False", "")),
    r3gan("block: no skip", "return x + self.project(h)", "return self.project(h)"),
    r3gan("block: halved sum", "return x + self.project(h)", "return (x + self.project(h)) / 2**0.5"),
    r3gan("block: first activation left out", "h = F.leaky_relu(self.expand(x), SLOPE)", "h = self.expand(x)"),
    r3gan("block: second activation left out", "h = F.leaky_relu(self.grouped(h), SLOPE)", "h = self.grouped(h)"),
    r3gan("block: plain ReLU", "h = F.leaky_relu(self.grouped(h), SLOPE)", "h = F.relu(self.grouped(h))"),
    r3gan("halvings: down to 2 pixels", HALVE, HALVE.replace(">= 8", ">= 4")),
    r3gan("halvings: odd widths", HALVE, HALVE.replace("width % 2 == 0 and ", "")),
    r3gan("halvings: by the longer side", HALVE, HALVE.replace("min(", "max(")),
    r3gan("G: no class", G_CLASS, G_CLASS.replace("self.embed(", "0 * self.embed(")),
    r3gan(
        "G: the class added to z",
        G_CLASS,
        "z = torch.cat([z + self.embed(one_hot(labels, self.classes).to(z.dtype)), z], dim=1)",
    ),
    r3gan(
        "G: the class before z",
        G_CLASS,
        "z = torch.cat([self.embed(one_hot(labels, self.classes).to(z.dtype)), z], dim=1)",
    ),
    r3gan("G: embedding at a tenth", G_EMBED, G_EMBED.replace("bias=False)", "bias=False), 0.1")),
    r3gan(
        "G: tanh at the output",
        G_OUT,
        "return self.to_pixels(self.stages(self.weigh(z)[:, :, None, None] * self.basis)).tanh()",
    ),
    r3gan("G: basis added to z", G_OUT, G_OUT.replace("* self.basis", "+ self.basis")),
    r3gan("G: blocks beyond the first left out", G_STAGES, G_STAGES.replace("range(blocks)", "range(0)")),
    r3gan("D: blocks beyond the first left out", D_STAGES, D_STAGES.replace("range(blocks)", "range(0)")),
    r3gan("G: narrowed at another gain", G_NARROW, G_NARROW.replace("bias=False)", "bias=False), GAIN")),
    r3gan("D: widened at another gain", D_WIDEN, D_WIDEN.replace("bias=False)", "bias=False), GAIN")),
    r3gan("D: widened with a bias", D_WIDEN, D_WIDEN.replace(", bias=False", "")),
    r3gan("widths: halved once too often", HALVED, "return [width] + [width >> n for i in range(n)]"),
    r3gan("widths: groups of the coarsest only", STEP_OF, STEP_OF.replace(" << n", "")),
    r3gan("G: a uniform basis", "torch.randn(width, shape[1] >> n", "torch.rand(width, shape[1] >> n"),
    r3gan("D: a bias in the head", D_HEAD, D_HEAD.replace(", bias=False", "")),
    r3gan("D: basis over all channels", D_BASIS, D_BASIS.replace(", groups=width", "")),
    r3gan("D: embedding not scaled", D_EMBED, D_EMBED.replace(", 1 / math.sqrt(d))", ")")),
    r3gan(
        "D: the class is not looked at",
        D_CLASS,
        "features = features * self.embed(one_hot(0 * labels, self.classes).to(x.dtype))",
    ),
    r3gan("D: the class added", D_CLASS, D_CLASS.replace("features * ", "features + ")),
    r3gan("D: mean for inner product", "return features.sum(dim=1)", "return features.mean(dim=1)"),
    r3gan("labels: below zero pass", "labels.min() < 0 or ", ""),
    r3gan("labels: too large pass", " or labels.max() >= classes", ""),
    # the method
    r3gan("method: a last bias in the plane's D", NO_BIAS, ""),
    r3gan(
        "method: always conditional",
        "self.classes = spec.classes if config.conditional else 0",
        "self.classes = spec.classes",
    ),
    r3gan("method: gamma stays the first", PLAYS, PLAYS.replace(", self.set_gamma", "")),
    r3gan("method: D sits out", "        return True\n", "        return step % 2 == 0\n"),
    r3gan("method: G lowers D's loss", SECOND, SECOND.replace("generator)", "discriminator)")),
    r3gan("method: D without penalties", D_STEP, D_STEP.replace("self.gamma", "0.0")),
    r3gan("method: real and fake change places for G", G_STEP, G_STEP.replace("batch.x, fake", "fake, batch.x")),
    r3gan("method: noise of twice the size", NOISE, NOISE.replace("torch.randn(", "2 * torch.randn(")),
    r3gan("method: uniform noise", NOISE, NOISE.replace("torch.randn(", "torch.rand(")),
    r3gan("method: noise from the global generator", NOISE, NOISE.replace("generator=generator, ", "")),
    r3gan("samples: class 0 unless asked", DRAWN, DRAWN.replace("torch.randint(self.classes,", "torch.randint(1,")),
    r3gan("samples: the classes asked for are ignored", "if self.classes and labels is None:", "if self.classes:"),
    r3gan("walk: a straight line", WALK, "z = (1 - angle / (math.pi / 2)) * start + angle / (math.pi / 2) * end"),
    r3gan("walk: twice as far", ANGLE, ANGLE.replace("math.pi / 2", "math.pi")),
    r3gan("walk: one start for all rows", WALK, WALK.replace("* start", "* start[:1]")),
    r3gan("walk: the class changes along the row", ROWS, "torch.arange(rows, device=self.device).repeat(columns)"),
    r3gan("config: any gamma passes", "all(0 <= gamma < math.inf for gamma in self.gamma)", "True"),
    r3gan("config: any width passes", "good = self.width >= 1 and 2 * self.width % self.group == 0", "good = True"),
]

ONE_EACH = {
    "loss: sign": "test_relativistic_loss_is_the_closed_form_for_given_logits",
    "loss: logits averaged before the softplus": "test_logits_are_paired_one_with_one",
    "loss: sum for mean": "test_loss_is_the_mean_over_the_batch",
    "loss: the ordinary GAN's": "test_a_constant_added_to_D_changes_nothing",
    "loss: a hinge": "test_at_a_constant_D_both_losses_are_log_2",
    "G: real and fake change places": "test_generators_loss_is_the_discriminators_with_the_roles_swapped",
    "loss: logarithm of the exponential": "test_losses_of_far_apart_logits_are_finite",
    "loss: any shapes pass": "test_logits_that_would_broadcast_to_all_pairs_are_refused",
    "penalty: the norm, not its square": "test_penalty_of_a_linear_D_is_half_gamma_times_the_squared_norm",
    "penalty: mean over the pixels": "test_penalty_of_a_quadratic_D_is_exact_for_each_example",
    "penalty: absolute values": "test_penalty_agrees_with_finite_differences_of_D",
    "penalty: centred at one": "test_a_flat_D_pays_nothing_and_a_slope_of_one_does",
    "D: R1 twice": "test_R1_looks_at_real_examples_and_R2_at_fakes",
    "penalty: the graph is dropped": "test_penalty_keeps_its_graph_so_that_it_trains_D",
    "G: fakes detached": "test_gradients_of_both_losses_equal_finite_differences",
    "D: the loss reaches back into G": "test_inputs_of_the_discriminators_loss_are_left_as_they_were",
    "penalty: without the half": "test_eigenvalues_of_the_smallest_game_are_the_closed_form",
    "field: D without penalties": "test_the_smallest_game_converges_with_penalties_and_circles_without",
    "field: uphill": "test_simultaneous_steps_spiral_outwards_without_penalties",
    "G: the saturating loss": "test_the_field_away_from_the_equilibrium",
    "gamma: a straight line": "test_gamma_falls_along_half_a_cosine_and_stays",
    "method: gamma stays the first": "test_each_step_is_played_under_its_own_gamma",
    "block: last convolution not zero": "test_a_block_begins_as_the_identity",
    "block: first activation left out": "test_a_block_equals_its_formula",
    "block: not grouped": "test_grouped_convolution_equals_a_block_diagonal_dense_one",
    "up: zeros beyond the first edge": "test_resampling_is_torchs_bilinear_and_keeps_a_constant",
    "up: nearest neighbour": "test_resampling_of_a_slope_keeps_it_straight",
    "halvings: down to 2 pixels": "test_halving_stops_at_four_pixels_and_at_odd_sides",
    "G: basis added to z": "test_generator_is_its_basis_weighed_by_z_at_first",
    "gain of the plain ReLU": "test_gain_makes_up_for_what_the_leaky_relu_takes",
    "first weights: variance for deviation": "test_signal_keeps_its_size_through_both_untrained_networks",
    "G: the class before z": "test_class_of_the_generator_is_embedded_beside_z",
    "D: the class added": "test_class_of_the_discriminator_is_an_inner_product_with_its_features",
    "D: embedding not scaled": "test_conditional_first_weights_are_scaled_by_their_fan_in",
    "widths: halved once too often": "test_channels_halve_with_each_doubling_of_the_resolution",
    "widths: groups of the coarsest only": "test_channels_that_do_not_halve_into_groups_are_refused_by_name",
    "D: blocks beyond the first left out": "test_networks_have_the_stated_number_of_blocks",
    "G: no class": "test_every_parameter_receives_a_gradient",
    "method: a last bias in the plane's D": "test_a_last_bias_of_D_is_left_out",
    "method: G lowers D's loss": "test_players_lower_the_losses_of_the_formulas",
    "samples: class 0 unless asked": "test_samples_are_of_the_classes_asked_for",
    "walk: a straight line": "test_noise_is_standard_normal_at_each_stop_of_the_walk",
    "method: noise from the global generator": "test_same_seed_same_bits",
    "config: any gamma passes": "test_bad_values_name_field_value",
    "labels: too large pass": "test_labels_that_are_missing_or_no_class_are_refused",
}
