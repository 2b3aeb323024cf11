"""Changes to gan.py and mlp.py of the kind that people make, one at a time."""

from tests.reference_impl.mutation import Mutant

MODULES = ["reference_impl.gan.mlp", "reference_impl.gan.gan"]
PROOFS = ["gan/test_gan.py", "gan/test_mlp.py"]


def gan(what: str, old: str, new: str) -> Mutant:
    return Mutant("reference_impl.gan.gan", what, old, new)


def mlp(what: str, old: str, new: str) -> Mutant:
    return Mutant("reference_impl.gan.mlp", what, old, new)


VALUE = "return F.logsigmoid(real).mean() + F.logsigmoid(-fake).mean()"
MINIMAX = "    return F.logsigmoid(-fake).mean()\n\n\ndef g_loss_non_saturating"
OTHER = "return -F.logsigmoid(fake).mean()"
BEST_D = "return p / (p + q)"
CRITERION = "return (torch.xlogy(p, D) + torch.xlogy(q, 1 - D)).sum()"
KL = "return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum()"
JSD = "return (kl(p, m) + kl(q, m)) / 2"
BOUND = "return (value(real, fake) + math.log(4)) / 2"
DRAW_Z = "z = torch.randn(n, self.config.d_z, generator=generator, device=weight.device, dtype=weight.dtype)"
D_FAKE = "fake = self.generate(len(batch.x), labels, generator).detach()"
D_LOSS = "return d_loss(self.D(batch.x, labels, generator), self.D(fake, labels, generator))"
G_LOSS = "return G_LOSSES[self.config.loss](self.D(fake, labels, generator))"
ENDS = "ends = torch.randn(2, rows, 1, self.config.d_z, generator=generator, device=generator.device)"

MUTANTS = [
    # the game
    gan("Eq. 1: sigmoid without the logarithm", VALUE, VALUE.replace("F.logsigmoid(real)", "real.sigmoid()")),
    gan("Eq. 1: the logit of a generated example not negated", VALUE, VALUE.replace("(-fake)", "(fake)")),
    gan("Eq. 1: minus for plus", VALUE, VALUE.replace("mean() + F", "mean() - F")),
    gan("Eq. 1: real and generated swapped", VALUE,
        "return F.logsigmoid(fake).mean() + F.logsigmoid(-real).mean()"),
    gan("Eq. 1: sum for mean", VALUE, VALUE.replace("(-fake).mean()", "(-fake).sum()")),
    gan("Eq. 1: the logarithm of a rounded sigmoid", VALUE,
        "return real.sigmoid().log().mean() + (1 - fake.sigmoid()).log().mean()"),
    gan("Eq. 1: one mean over both", VALUE,
        "return torch.cat([F.logsigmoid(real), F.logsigmoid(-fake)]).mean()"),
    gan("Eq. 1: no gradient from the data", VALUE, VALUE.replace("(real)", "(real.detach())")),
    gan("D's loss: V itself", "return -value(real, fake)", "return value(real, fake)"),
    gan("D's loss: halved", "return -value(real, fake)", "return -value(real, fake) / 2"),
    gan("minimax: G raises it", MINIMAX, MINIMAX.replace("return F", "return -F")),
    gan("minimax: log D", MINIMAX, MINIMAX.replace("(-fake)", "(fake)")),
    gan("minimax: sum for mean", MINIMAX, MINIMAX.replace("mean()", "sum()")),
    gan("non-saturating: G raises it", OTHER, "return F.logsigmoid(fake).mean()"),
    gan("non-saturating: -log(1 - D)", OTHER, "return -F.logsigmoid(-fake).mean()"),
    gan("non-saturating: the other loss by another name", OTHER, "return F.logsigmoid(-fake).mean()"),
    gan("non-saturating: the logarithm of a rounded sigmoid", OTHER, "return -fake.sigmoid().log().mean()"),
    gan("non-saturating: sum for mean", OTHER, "return -F.logsigmoid(fake).sum()"),
    gan("the two losses swapped", '"non_saturating": g_loss_non_saturating, "minimax": g_loss_minimax',
        '"non_saturating": g_loss_minimax, "minimax": g_loss_non_saturating'),
    # on known laws
    gan("Eq. 2: q over p + q", BEST_D, "return q / (p + q)"),
    gan("Eq. 2: p over q", BEST_D, "return p / q"),
    gan("Eq. 2: an eps below the line", BEST_D, "return p / (p + q + 1e-2)"),
    gan("Eq. 3: p for both", CRITERION, CRITERION.replace("xlogy(q,", "xlogy(p,")),
    gan("Eq. 3: D for 1 - D", CRITERION, CRITERION.replace("1 - D", "D")),
    gan("Eq. 3: mean over the cells", CRITERION, CRITERION.replace(".sum()", ".mean()")),
    gan("Eq. 3: 0 log 0 is NaN", CRITERION, "return (p * D.log() + q * (1 - D).log()).sum()"),
    gan("KL: the arguments swapped", KL, "return (torch.xlogy(q, q) - torch.xlogy(q, p)).sum()"),
    gan("KL: cross-entropy alone", KL, "return -torch.xlogy(p, q).sum()"),
    gan("KL: 0 log 0 is NaN", KL, "return (p * (p / q).log()).sum()"),
    gan("JSD: not halved", JSD, "return kl(p, m) + kl(q, m)"),
    gan("JSD: from p twice", JSD, JSD.replace("kl(q, m)", "kl(p, m)")),
    gan("JSD: the mixture is p", "m = (p + q) / 2\n", "m = p\n"),
    gan("JSD: the mixture is no law", "m = (p + q) / 2\n", "m = p + q\n"),
    gan("bound: log 2", BOUND, BOUND.replace("math.log(4)", "math.log(2)")),
    gan("bound: not halved", BOUND, BOUND.replace(" / 2", "")),
    gan("bound: minus log 4", BOUND, BOUND.replace("+ math", "- math")),
    # Algorithm 1
    gan("noise uniform", DRAW_Z, DRAW_Z.replace("torch.randn", "torch.rand")),
    gan("noise from the global generator", DRAW_Z, DRAW_Z.replace("generator=generator, ", "")),
    gan("one noise for the batch", DRAW_Z, DRAW_Z + "[:1].expand(n, -1)"),
    gan("noise in float32 always", DRAW_Z, DRAW_Z.replace("dtype=weight.dtype", "dtype=torch.float32")),
    gan("the classes do not reach G", "return self.G(z, labels)\n", "return self.G(z, None)\n"),
    gan("no detach in D's step", D_FAKE, D_FAKE.replace(".detach()", "")),
    gan("D: data for generated", D_LOSS,
        "return d_loss(self.D(fake, labels, generator), self.D(batch.x, labels, generator))"),
    gan("D: classes of other examples for the generated", D_LOSS,
        D_LOSS.replace("self.D(fake, labels,", "self.D(fake, labels if labels is None else labels.flip(0),")),
    gan("D: units dropped by the global generator", D_LOSS,
        D_LOSS.replace("self.D(fake, labels, generator)", "self.D(fake, labels)")),
    gan("G: units dropped by the global generator", G_LOSS,
        G_LOSS.replace("self.D(fake, labels, generator)", "self.D(fake, labels)")),
    gan("G: always the non-saturating loss", G_LOSS, G_LOSS.replace("self.config.loss", '"non_saturating"')),
    gan("G: what it made is cut off", G_LOSS, G_LOSS.replace("self.D(fake,", "self.D(fake.detach(),")),
    gan("G: judged on the data", G_LOSS, G_LOSS.replace("self.D(fake,", "self.D(batch.x,")),
    gan("k ignored", "step % self.config.k == 0", "step % 1 == 0"),
    gan("G moves k times for one move of D", "step % self.config.k == 0", "step % self.config.k != 0"),
    gan("G moves a step early", "step % self.config.k == 0", "(step - 1) % self.config.k == 0"),
    gan("G's move trains D", 'Player("generator", self.G, self', 'Player("generator", self.D, self'),
    gan("D's move trains both", 'Player("discriminator", self.D, self', 'Player("discriminator", self.model, self'),
    gan("conditional always", "spec.classes if config.conditional else 0", "spec.classes"),
    gan("dropout forgotten", ", dropout=config.dropout)", ")"),
    gan("widths swapped", "config.g_width, config.g_depth", "config.d_width, config.g_depth"),
    gan("depths swapped", "config.d_width, config.d_depth", "config.d_width, config.g_depth"),
    # sampling and judging
    gan("sampling keeps the graph", "@torch.no_grad()\n    def sample(", "def sample("),
    gan("samples of class 0 alone", "torch.randint(self.classes, (n,)", "torch.randint(1, (n,)"),
    gan("classes asked for are not looked at", "if self.classes and labels is None:", "if self.classes:"),
    gan("walk: all rows from one noise", ENDS, ENDS.replace("(2, rows, 1,", "(2, 1, 1,") + ".repeat(1, rows, 1, 1)"),
    gan("walk: stands still", "ends[0].lerp(ends[1], share)", "ends[0].lerp(ends[0], share)"),
    gan("walk: noise from the global generator", ENDS, ENDS.replace("generator=generator, ", "")),
    gan("walk: a class in a column", ".repeat_interleave(columns) if", ".repeat(columns) if"),
    gan("judged on the training data", "real = self.D(data.held_out, data.held_out_labels",
        "real = self.D(data.train, data.train_labels"),
    gan("judged with the data swapped", "jsd_bound(real, fake).item()", "jsd_bound(fake, real).item()"),
    gan("settings: k = 0 accepted", 'for name in ("k", "d_z",', 'for name in ("d_z",'),
    gan("settings: everything dropped accepted", "0 <= self.dropout < 1", "0 <= self.dropout <= 1"),
    # the networks
    mlp("an activation after the last layer", "return nn.Sequential(*parts[:-1])", "return nn.Sequential(*parts)"),
    mlp("no activations", "nn.LeakyReLU(slope)]", "nn.Identity()]"),
    mlp("images without tanh", "return x.tanh() if len(self.shape) == 3 else x", "return x"),
    mlp("points in (-1, 1)", "return x.tanh() if len(self.shape) == 3 else x", "return x.tanh()"),
    mlp("images end in a sigmoid", "return x.tanh() if", "return x.sigmoid() if"),
    mlp("D's slope 0.01", "slope: float = 0.2,", "slope: float = 0.01,"),
    mlp("a batch of one loses its axis", "return h.squeeze(1)", "return h.squeeze()"),
    mlp("one layer too many in G", "[d_z + classes, *[width] * depth,", "[d_z + classes, *[width] * (depth + 1),"),
    mlp("one layer too few in D", "classes, *[width] * depth, 1]", "classes, *[width] * max(1, depth - 1), 1]"),
    mlp("the class is not beside x", "return torch.cat([x, F.one_hot(labels, classes).to(x.dtype)], dim=1)",
        "return torch.cat([x, F.one_hot(labels, classes).to(x.dtype) * 0], dim=1)"),
    mlp("classes before x", "[x, F.one_hot(labels, classes).to(x.dtype)]",
        "[F.one_hot(labels, classes).to(x.dtype), x]"),
    mlp("impossible classes accepted", "labels.max() >= classes", "labels.max() > classes"),
    mlp("dropout not scaled up", "return x * kept / (1 - share)", "return x * kept"),
    mlp("dropout keeps its share", ">= share\n", "< share\n"),
    mlp("one dropout for the batch", "torch.rand(x.shape, generator=generator, device=x.device)",
        "torch.rand(x[:1].shape, generator=generator, device=x.device)"),
    mlp("dropout from the global generator", "torch.rand(x.shape, generator=generator,", "torch.rand(x.shape,"),
    mlp("dropout when judging", "if self.training and self.dropout", "if self.dropout"),
    mlp("dropout of the logit itself", "self.dropout and isinstance(layer, nn.LeakyReLU)",
        "self.dropout and isinstance(layer, nn.Linear)"),
]  # fmt: skip

ONE_EACH = {
    "Eq. 1: one mean over both": "test_value_is_eq_1_written_out",
    "D's loss: halved": "test_d_loss_is_torchs_cross_entropy_of_real_and_generated",
    "minimax: log D": "test_generator_losses_are_the_papers_two",
    "Eq. 1: real and generated swapped": "test_a_perfect_discriminator_has_value_0",
    "Eq. 2: q over p + q": "test_optimal_discriminator_is_p_over_p_plus_q",
    "D's loss: V itself": "test_training_reaches_the_optimal_discriminator",
    "Eq. 1: no gradient from the data": "test_a_network_trained_as_D_comes_close",
    "Eq. 3: p for both": "test_criterion_is_the_value_of_the_best_discriminator",
    "JSD: not halved": "test_criterion_is_minus_log_4_plus_twice_the_jsd",
    "Eq. 2: an eps below the line": "test_criterion_of_gaussians_is_minus_log_4_plus_twice_the_jsd_by_quadrature",
    "Eq. 3: 0 log 0 is NaN": "test_criterion_is_lowest_where_the_laws_agree",
    "KL: the arguments swapped": "test_kl_is_scipys",
    "Eq. 1: the logit of a generated example not negated": "test_value_at_the_optimal_discriminator_is_the_criterion",
    "bound: log 2": "test_jsd_bound_is_reached",
    "non-saturating: the logarithm of a rounded sigmoid": "test_gradients_of_the_generators_losses_are_those_of_theory",
    "Eq. 1: sum for mean": "test_discriminators_gradient_pulls_real_up_and_generated_down",
    "Eq. 1: minus for plus": "test_at_p_equal_q_and_D_one_half_neither_player_has_a_gradient",
    "noise in float32 always": "test_gradient_of_each_players_loss_equals_finite_differences",
    "G: judged on the data": "test_every_parameter_receives_a_gradient",
    "D's move trains both": "test_a_players_move_leaves_the_other_untouched",
    "no detach in D's step": "test_no_gradient_of_the_discriminators_loss_enters_the_generator",
    "D: data for generated": "test_discriminator_sees_the_data_as_real",
    "G: always the non-saturating loss": "test_generator_lowers_the_loss_it_was_told_to",
    "G moves a step early": "test_discriminator_moves_k_times",
    "D: classes of other examples for the generated": "test_both_networks_see_the_classes_of_the_batch",
    "conditional always": "test_unconditional_networks_see_no_class",
    "noise uniform": "test_noise_is_standard_normal_and_fresh_in_every_loss",
    "dropout forgotten": "test_both_losses_drop_units_of_D_and_judging_does_not",
    "sampling keeps the graph": "test_samples_are_G_of_the_noise_and_the_classes_asked_for",
    "samples of class 0 alone": "test_samples_without_classes_asked_for_are_of_classes_drawn_evenly",
    "walk: stands still": "test_the_walk_shown_goes_straight_from_one_noise_to_another",
    "judged on the training data": "test_evaluate_bounds_the_divergence_on_held_out_data",
    "a batch of one loses its axis": "test_batch_of_one_and_odd_sizes",
    "one noise for the batch": "test_noise_is_standard_normal_and_fresh_in_every_loss",
    "noise from the global generator": "test_same_seed_same_bits_other_seed_other_bits",
    "D: units dropped by the global generator": "test_randomness_comes_from_the_generator_alone",
    "depths swapped": "test_first_weights_and_sizes_are_those_of_the_settings",
    "settings: k = 0 accepted": "test_bad_settings_name_field_value_and_what_is_expected",
    "Eq. 1: the logarithm of a rounded sigmoid": "test_the_logarithm_of_a_saturated_sigmoid",
    "non-saturating: the other loss by another name": "test_minus_log_D_is_not_log_one_minus_D",
    "non-saturating: G raises it": "test_smoothed_labels_move_the_optimum_of_both_players",
    "points in (-1, 1)": "test_generator_is_linear_maps_and_relus",
    "D's slope 0.01": "test_discriminator_is_linear_maps_and_leaky_relus",
    "one layer too few in D": "test_depth_and_width_are_those_of_the_hidden_layers",
    "classes before x": "test_the_class_is_a_one_hot_vector_beside_the_input",
    "impossible classes accepted": "test_missing_or_impossible_classes_are_refused",
    "the class is not beside x": "test_every_parameter_of_a_network_receives_a_gradient",
    "dropout not scaled up": "test_dropout_keeps_the_mean_and_drops_its_share",
    "dropout of the logit itself": "test_dropout_is_of_hidden_units_in_training_alone",
}
