"""Changes to wgan_gp.py of the kind that people make, one at a time."""

from functools import partial

from tests.reference_impl.mutation import Mutant

MODULES = ["reference_impl.gan.wgan_gp"]
PROOFS = ["gan/test_wgan_gp.py"]

wgan_gp = partial(Mutant, "reference_impl.gan.wgan_gp")

SORTED = "return (x.sort().values - y.sort().values).abs().mean()"
DUAL = "return real.mean() - fake.mean()"
MIX = "return eps * real + (1 - eps) * fake"
SHAPE_EPS = "eps = eps.reshape(-1, *[1] * (real.ndim - 1))"
GRADIENT = "(gradient,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)"
NORM = "return torch.linalg.vector_norm(gradient.flatten(1), dim=1)"
PENALTY = "return (gradient_norm(D, x_hat) - 1).square().mean()"
CRITIC = "return -wasserstein(D(real), D(fake)) + lam * gradient_penalty(D, interpolate(real, fake, eps))"
GENERATOR = "return -fake.mean()\n"
UP = 'x = conv(x if size is None else F.interpolate(x, size, mode="nearest"))'
DOWN = "nn.Conv2d(a, b, 3, stride=2, padding=1)"
BLOCK = "x = F.leaky_relu(norm(conv(x)), 0.2)"
LEAVE = "return (self.leave(x.flatten(1)) * rows).sum(dim=1)"
DRAW_Z = "z = torch.randn(n, self.config.d_z, generator=generator, device=generator.device)"
DRAW_EPS = "eps = torch.rand(b, generator=generator, device=batch.x.device)"
NO_GRAD = "        with torch.no_grad():\n            fake = self.generate(b, labels, generator)"
STEP = "return critic_loss(lambda x: self.D(x, labels), batch.x, fake, eps, self.config.lam)"
G_STEP = "return generator_loss(self.D(self.generate(len(batch.x), labels, generator), labels))"
PLAYS = "plays=lambda step: step % self.config.n_critic == 0"
WALK = "z = ends[0].lerp(ends[1], share).flatten(0, 1)"
SLOPE = "slope = gradient_norm(lambda x: self.D(x, y), interpolate(real, fake, eps))"

MUTANTS = [
    # the distance and its dual
    wgan_gp("Eq. 1: examples coupled as they come", SORTED, "return (x - y).abs().mean()"),
    wgan_gp("Eq. 1: squared way", SORTED, SORTED.replace("abs()", "square()")),
    wgan_gp("Eq. 1: no absolute value", SORTED, SORTED.replace(".abs()", "")),
    wgan_gp("Eq. 1: sum for mean", SORTED, SORTED.replace("mean()", "sum()")),
    wgan_gp("Eq. 1: one side sorted backwards", SORTED, SORTED.replace("y.sort()", "y.sort(descending=True)")),
    wgan_gp("Eq. 2: sign", DUAL, "return fake.mean() - real.mean()"),
    wgan_gp("Eq. 2: sum of the two", DUAL, DUAL.replace("-", "+")),
    wgan_gp("Eq. 2: half", DUAL, "return (real.mean() - fake.mean()) / 2"),
    wgan_gp("Eq. 2: absolute value", DUAL, "return (real.mean() - fake.mean()).abs()"),
    wgan_gp("Eq. 2: sums for means", DUAL, "return real.sum() - fake.sum()"),
    # the interpolates
    wgan_gp("interpolates: both weights eps", MIX, MIX.replace("(1 - eps)", "eps")),
    wgan_gp("interpolates: eps before the generated example", MIX, "return eps * fake + (1 - eps) * real"),
    wgan_gp("interpolates: minus", MIX, MIX.replace("+", "-")),
    wgan_gp("interpolates: the middle", MIX, "return (real + fake) / 2"),
    wgan_gp("interpolates: real examples only", MIX, "return real + 0 * eps * fake"),
    wgan_gp("interpolates: beyond the real example", MIX, "return (1 + eps) * real - eps * fake"),
    wgan_gp("eps: one for the batch", SHAPE_EPS, SHAPE_EPS + "[:1]"),
    wgan_gp("generated examples blurred by noise", DRAW_EPS,
            DRAW_EPS + "\n        fake = fake + torch.rand(fake.shape, generator=generator) * 1e-2"),
    wgan_gp("eps: one for each pixel", MIX, "eps = torch.rand_like(real)\n    " + MIX),
    wgan_gp("eps: normal", DRAW_EPS, DRAW_EPS.replace("torch.rand(", "torch.randn(")),
    wgan_gp("eps: one number", DRAW_EPS, DRAW_EPS.replace("rand(b,", "rand(1,") + ".expand(b)"),
    wgan_gp("eps: from the global generator", DRAW_EPS, DRAW_EPS.replace("generator=generator, ", "")),
    wgan_gp("eps: below a half", DRAW_EPS, DRAW_EPS + " / 2"),
    wgan_gp("shapes of interpolates not compared", "if real.shape != fake.shape or eps.shape != real.shape[:1]:",
            "if real.shape != fake.shape:"),
    # the penalty
    wgan_gp("norm: over channels only", NORM,
            "return torch.linalg.vector_norm(gradient, dim=1).flatten(1).mean(dim=1) if gradient.ndim == 4 else "
            + NORM.removeprefix("return ")),
    wgan_gp("norm: of the batch", NORM, "return torch.linalg.vector_norm(gradient).expand(len(gradient))"),
    wgan_gp("norm: square root of a sum", NORM, "return gradient.flatten(1).square().sum(dim=1).sqrt()"),
    wgan_gp("norm: squared", NORM, NORM + ".square()"),
    wgan_gp("norm: of absolute values", NORM, NORM.replace("dim=1)", "ord=1, dim=1)")),
    wgan_gp("norm: largest number", NORM, NORM.replace("dim=1)", "ord=float('inf'), dim=1)")),
    wgan_gp("norm: root mean square", NORM, NORM + " / gradient[0].numel() ** 0.5"),
    wgan_gp("norm: a floor of 1e-3", NORM, NORM + " + 1e-3"),
    wgan_gp("penalty: no graph of the gradient", GRADIENT,
            GRADIENT.replace("create_graph=True", "retain_graph=True")),
    wgan_gp("penalty: gradient of the mean", GRADIENT, GRADIENT.replace("sum()", "mean()")),
    wgan_gp("penalty: no gradients where they are switched off", "with torch.enable_grad():", "if True:"),
    wgan_gp("penalty: towards 0", PENALTY, PENALTY.replace(" - 1", "")),
    wgan_gp("penalty: norm squared minus 1", PENALTY, PENALTY.replace("x_hat) - 1)", "x_hat).square() - 1)")),
    wgan_gp("penalty: one side", PENALTY, PENALTY.replace(" - 1)", " - 1).relu()")),
    wgan_gp("penalty: absolute value", PENALTY, PENALTY.replace("square()", "abs()")),
    wgan_gp("penalty: of the mean norm", PENALTY, "return (gradient_norm(D, x_hat).mean() - 1).square()"),
    wgan_gp("penalty: sum for mean", PENALTY, PENALTY.replace("mean()", "sum()")),
    wgan_gp("Eq. 3: sign of the distance", CRITIC, CRITIC.replace("-wasserstein", "wasserstein")),
    wgan_gp("Eq. 3: sign of the penalty", CRITIC, CRITIC.replace("+ lam", "- lam")),
    wgan_gp("Eq. 3: no lambda", CRITIC, CRITIC.replace("lam * ", "")),
    wgan_gp("Eq. 3: lambda before both", CRITIC,
            "return lam * (" + CRITIC.removeprefix("return ").replace("lam * ", "") + ")"),
    wgan_gp("Eq. 3: penalty on real examples", CRITIC, CRITIC.replace("interpolate(real, fake, eps)", "real")),
    wgan_gp("Eq. 3: penalty on generated examples", CRITIC, CRITIC.replace("interpolate(real, fake, eps)", "fake")),
    wgan_gp("Eq. 3: lambda = 1 unless said", "lam: float = 10.0) -> Scalar", "lam: float = 1.0) -> Scalar"),
    wgan_gp("G's loss: sign", GENERATOR, "return fake.mean()\n"),
    wgan_gp("G's loss: a logarithm, as in a GAN", GENERATOR, "return -F.logsigmoid(fake).mean()\n"),
    wgan_gp("G's loss: sum", GENERATOR, "return -fake.sum()\n"),
    # the networks
    wgan_gp("layer norm: by channel", "return nn.GroupNorm(1, channels)", "return nn.GroupNorm(channels, channels)"),
    wgan_gp("layer norm: batch norm instead", "return nn.GroupNorm(1, channels)", "return nn.BatchNorm2d(channels)"),
    wgan_gp("layer norm: no affine map", "nn.GroupNorm(1, channels)", "nn.GroupNorm(1, channels, affine=False)"),
    wgan_gp("scales: rounded down", "((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2)",
            "(sizes[-1][0] // 2, sizes[-1][1] // 2)"),
    wgan_gp("scales: only the height counts", "while max(sizes[-1]) > 7:", "while sizes[-1][0] > 7:"),
    wgan_gp("scales: down to 6", "while max(sizes[-1]) > 7:", "while max(sizes[-1]) > 6:"),
    wgan_gp("G: no tanh", "        return x.tanh()\n", "        return x\n"),
    wgan_gp("G: bilinear enlargement", UP, UP.replace("nearest", "bilinear")),
    wgan_gp("G: norm made, not called", "x = F.relu(norm(x))", "x = F.relu(x)"),
    wgan_gp("G: ReLU before the norm", "x = F.relu(norm(x))", "x = norm(F.relu(x))"),
    wgan_gp("G: class left out", "mlp.beside(z, labels, self.classes)).unflatten",
            "mlp.beside(z, None if labels is None else labels * 0, self.classes)).unflatten"),
    wgan_gp("D: kernel of 5", DOWN, DOWN.replace("3, stride=2, padding=1", "5, stride=2, padding=2")),
    wgan_gp("D: norm made, not called", BLOCK, BLOCK.replace("norm(conv(x))", "conv(x)")),
    wgan_gp("D: slope 0.02", BLOCK, BLOCK.replace("0.2", "0.02")),
    wgan_gp("D: ReLU at the entrance", "x = F.leaky_relu(self.enter(x), 0.2)", "x = F.relu(self.enter(x))"),
    wgan_gp("D: class left out", LEAVE, LEAVE.replace("* rows).sum(dim=1)", "* rows)[:, 0]")),
    wgan_gp("D: all rows for all classes", LEAVE, LEAVE.replace(" * rows", "")),
    wgan_gp("D: a probability", LEAVE, LEAVE + ".sigmoid()"),
    wgan_gp("D: a bias in the last layer", "1 + classes, bias=False)", "1 + classes)"),
    wgan_gp("D of points: the last layer keeps its bias", "D.layers[-1] = nn.Linear(config.d_width, 1, bias=False)",
            "D.layers[-1] = nn.Linear(config.d_width, 1)"),
    wgan_gp("D of points: no class", "D = mlp.Discriminator(spec.shape, config.d_width, classes=classes)",
            "D = mlp.Discriminator(spec.shape, config.d_width)"),
    wgan_gp("D's width is G's", "ImageCritic(spec.shape, config.d_width, classes)",
            "ImageCritic(spec.shape, config.g_width, classes)"),
    # the game
    wgan_gp("critic's move goes back into G", NO_GRAD, "        fake = self.generate(b, labels, generator)"),
    wgan_gp("critic's move: lambda of the config ignored", STEP, STEP.replace(", self.config.lam", "")),
    wgan_gp("critic's move: real and generated swapped", STEP, STEP.replace("batch.x, fake", "fake, batch.x")),
    wgan_gp("G's move: on classes of its own", G_STEP,
            G_STEP.replace("labels, generator)", "None if labels is None else labels.flip(0), generator)")),
    wgan_gp("G's move goes not back into G", G_STEP,
            "with torch.no_grad():\n            fake = self.generate(len(batch.x), labels, generator)\n"
            "        return generator_loss(self.D(fake, labels))"),
    wgan_gp("G moves in each step", PLAYS, "plays=lambda step: True"),
    wgan_gp("G moves in the first of n_critic steps", PLAYS, PLAYS.replace("== 0", "== 1")),
    wgan_gp("n_critic fixed", PLAYS, PLAYS.replace("self.config.n_critic", "5")),
    wgan_gp("n_critic = 1", "n_critic: int = 5", "n_critic: int = 1"),
    wgan_gp("lambda = 1", "lam: float = 10.0\n", "lam: float = 1.0\n"),
    wgan_gp("the players' networks swapped", 'Player("critic", self.D, self.critic_loss)',
            'Player("critic", self.G, self.critic_loss)'),
    wgan_gp("weights are clipped as well", STEP,
            "for p in self.D.parameters():\n            p.data.clamp_(-0.01, 0.01)\n        " + STEP),
    wgan_gp("z uniform", DRAW_Z, DRAW_Z.replace("torch.randn", "torch.rand")),
    wgan_gp("z: one for all", DRAW_Z, DRAW_Z.replace("torch.randn(n,", "torch.randn(1,") + ".expand(n, -1)"),
    wgan_gp("z from the global generator", DRAW_Z, DRAW_Z.replace("generator=generator, ", "")),
    wgan_gp("conditional although told not to be", "spec.classes if config.conditional else 0", "spec.classes"),
    # sampling and measuring
    wgan_gp("sampling keeps the graph", "    @torch.no_grad()\n    def sample(", "    def sample("),
    wgan_gp("samples ignore the classes asked for", "if self.classes and labels is None:", "if self.classes:"),
    wgan_gp("classes drawn leave out the last", "torch.randint(self.classes, (n,)",
            "torch.randint(self.classes - 1, (n,)"),
    wgan_gp("walk stops half way", "torch.linspace(0, 1, columns", "torch.linspace(0, 0.5, columns"),
    wgan_gp("walk backwards", WALK, WALK.replace("ends[0].lerp(ends[1]", "ends[1].lerp(ends[0]")),
    wgan_gp("walk: class in a column", "repeat_interleave(columns)", "repeat(columns)"),
    wgan_gp("measured with generated and real swapped", "wasserstein(self.D(real, y), self.D(fake, y)).item()",
            "wasserstein(self.D(fake, y), self.D(real, y)).item()"),
    wgan_gp("measured on training data", "real, y = data.held_out[:EVALUATE]", "real, y = data.train[:EVALUATE]"),
    wgan_gp("slope measured on real examples", SLOPE, SLOPE.replace("interpolate(real, fake, eps)", "real")),
    wgan_gp("slope error without absolute value", "(slope - 1).abs().mean()", "(slope - 1).mean()"),
    wgan_gp("critic measured on a hundred", "EVALUATE = 1000", "EVALUATE = 100"),
    # messages
    wgan_gp("negative lambda accepted", "check(self.lam >= 0,", "check(True,"),
    wgan_gp("widths of 0 accepted", 'check(getattr(self, name) >= 1, name,', 'check(getattr(self, name) >= 0, name,'),
    wgan_gp("sets of two sizes coupled", "if x.shape != y.shape:", "if False:"),
]  # fmt: skip

ONE_EACH = {
    "Eq. 1: examples coupled as they come": "test_earth_mover_is_the_least_work_over_all_couplings",
    "Eq. 2: sign": "test_a_shift_costs_its_length_and_plus_or_minus_x_attains_it",
    "Eq. 2: sums for means": "test_no_1_lipschitz_critic_exceeds_the_distance",
    "Eq. 2: half": "test_the_best_critic_attains_the_distance",
    "Eq. 2: sum of the two": "test_real_and_generated_batches_may_differ_in_size",
    "interpolates: eps before the generated example": "test_interpolates_run_from_the_generated_to_the_real_example",
    "eps: one number": "test_eps_is_uniform_one_for_each_example_and_the_same_for_its_pixels",
    "norm: over channels only": "test_penalty_of_a_linear_critic_is_exact_for_every_batch",
    "norm: root mean square": "test_a_norm_over_one_axis_punishes_a_critic_that_is_right",
    "norm: of absolute values": "test_penalty_of_a_quadratic_critic_is_the_closed_form_at_the_interpolates",
    "penalty: one side": "test_both_sides_of_1_are_punished",
    "penalty: no graph of the gradient": "test_penalty_reaches_the_critics_weights",
    "penalty: norm squared minus 1": "test_penalty_reaches_the_critics_weights",
    "norm: square root of a sum": "test_a_critic_that_is_flat_gets_finite_gradients",
    "penalty: no gradients where they are switched off": "test_penalty_can_be_measured_where",
    "Eq. 3: penalty on generated examples": "test_critic_loss_is_eq_3_worked_out_by_hand",
    "G's loss: a logarithm, as in a GAN": "test_gradient_of_the_generators_loss_equals_finite_differences",
    "Eq. 3: no lambda": "test_the_penalty_is_soft_and_the_best_linear_critic_is_too_steep_by_w_over_2_lambda",
    "penalty: towards 0": "test_on_the_line_a_critic_of_the_wrong_sign_sits_in_a_valley_of_its_own",
    "D of points: the last layer keeps its bias": "test_an_offset_of_the_critic_changes_nothing",
    "layer norm: batch norm instead": "test_the_critic_looks_at_one_example_at_a_time",
    "norm: a floor of 1e-3": "test_with_batch_norm_the_gradient_of_the_sum_is_nobodys_slope",
    "layer norm: by channel": "test_layer_norm_is_torchs_over_channels_and_places",
    "scales: down to 6": "test_scales_halve_down_to_7",
    "D: all rows for all classes": "test_image_critic_is_what_torchs_functions_make_of_its_weights",
    "G: ReLU before the norm": "test_image_generator_is_what_torchs_functions_make_of_its_weights",
    "D of points: no class": "test_both_players_see_the_class",
    "D: a bias in the last layer": "test_every_parameter_receives_a_gradient",
    "G moves in the first of n_critic steps": "test_generator_moves_after_every_n_critic_th_move",
    "the players' networks swapped": "test_each_player_owns_its_network_and_the_model_holds_both",
    "critic's move goes back into G": "test_the_critics_move_does_not_go_back_into_the_generator",
    "critic's move: real and generated swapped": "test_the_critic_is_given_real_generated_and_interpolates",
    "G's move: on classes of its own": "test_the_generators_move_is_on_fresh_noise",
    "z uniform": "test_noise_is_standard_normal_and_fresh_for_each_example",
    "weights are clipped as well": "test_every_setting_changes_something_and_none_clips_weights",
    "lambda = 1": "test_presets_are_the_papers_where_they_say_so",
    "samples ignore the classes asked for": "test_samples_are_g_of_fresh_noise_of_the_classes_asked_for",
    "classes drawn leave out the last": "test_without_labels_classes_are_drawn_evenly",
    "walk backwards": "test_walk_goes_straight_from_one_z_to_another",
    "slope measured on real examples": "test_evaluation_is_the_critics_on_held_out_data",
    "critic measured on a hundred": "test_the_critic_is_measured_on_at_most_a_thousand_examples",
    "scales: rounded down": "test_batch_of_one_and_odd_sizes",
    "eps: from the global generator": "test_same_seed_same_bits_other_seed_other_bits",
    "negative lambda accepted": "test_bad_values_name_field_value_and_what_is_expected",
    "shapes of interpolates not compared": "test_bad_shapes_and_labels_name_what_is_expected",
}
