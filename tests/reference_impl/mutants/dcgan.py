"""Changes to dcgan.py of the kind that people make, one at a time."""

from functools import partial

from tests.reference_impl.mutation import Mutant

MODULES = ["reference_impl.gan.dcgan"]
PROOFS = ["gan/test_dcgan.py"]

dcgan = partial(Mutant, "reference_impl.gan.dcgan")

DOWN = "conv = nn.Conv2d(c_in, c_out, kernel_size=4, stride=2, padding=1, bias=False)"
UP = "conv = nn.ConvTranspose2d(c_in, c_out, kernel_size=4, stride=2, padding=1, bias=False)"
NORM = "norm = nn.BatchNorm2d(channels, eps=1e-5, momentum=0.1)"
PROJECT = "project = nn.ConvTranspose2d(d_z + classes, channels[0], self.base, bias=False)"
LOGIT = "logit = nn.Conv2d(channels[-1], 1, base, bias=False)"
G_HIDDEN = "layers += [up(before, after), batch_norm(after), nn.ReLU()]"
D_HIDDEN = "layers += [down(before, after), batch_norm(after), nn.LeakyReLU(SLOPE)]"
G_FIRST = "layers: list[nn.Module] = [project, batch_norm(channels[0]), nn.ReLU()]"
D_FIRST = "layers: list[nn.Module] = [down(shape[0] + classes, width), nn.LeakyReLU(SLOPE)]"
G_LAST = "nn.Sequential(*layers, up(channels[-1], shape[0]), nn.Tanh())"
D_LOSS = "return F.softplus(-real).mean() + F.softplus(fake).mean()"
G_LOSS = "return F.softplus(-fake).mean()\n"
D_STEP = "return discriminator_loss(D(x, labels), D(fake, labels))"
G_STEP = "return generator_loss(D(G(z, labels), labels))"
PLANES = "one_hot(labels, classes, x)[:, :, None, None].expand(-1, -1, *x.shape[2:])"
NO_GRAD = "    with torch.no_grad():  # D's step moves D: nothing is to be known of how G made the images\n        fake"
NOISE = "return 2 * torch.rand(n, d_z, generator=random, device=random.device) - 1"
WALK = "return (1 - share) * start + share * end"
LABELS_OF_THE_PICTURE = "torch.arange(rows, device=z.device).repeat_interleave(10)"
FIRST = 'Player("discriminator", self.D, lower_L_D)'
SECOND = 'Player("generator", self.G, lower_L_G)'
DRAW = "            z = draw_noise(len(batch.x), self.config.d_z, random)\n"
SAME = DRAW.replace("random)", "Random(random.device).manual_seed(0))")
TWO_BATCHES = "    real, fake = D(torch.cat([x, fake]), None if labels is None else labels.repeat(2)).chunk(2)\n"

MUTANTS = [
    # the layers
    dcgan("down: stride 1", DOWN, DOWN.replace("stride=2", "stride=1")),
    dcgan("down: no padding", DOWN, DOWN.replace("padding=1", "padding=0")),
    dcgan("down: a bias", DOWN, DOWN.replace("bias=False", "bias=True")),
    dcgan("down: kernel of 5, so 8 becomes 3", DOWN, DOWN.replace("kernel_size=4", "kernel_size=5")),
    dcgan("up: stride 1", UP, UP.replace("stride=2", "stride=1")),
    dcgan(
        "up: kernel of 3", UP, UP.replace("kernel_size=4", "kernel_size=3").replace("bias", "output_padding=1, bias")
    ),
    dcgan("up: a bias", UP, UP.replace("bias=False", "bias=True")),
    dcgan("up: torch's own first weights", f"{UP}\n    nn.init.normal_(conv.weight, std=STD)", UP),
    dcgan("down: torch's own first weights", f"{DOWN}\n    nn.init.normal_(conv.weight, std=STD)", DOWN),
    dcgan("first weights of 0.2", "STD = 0.02", "STD = 0.2"),
    dcgan(
        "first weights uniform",
        f"{UP}\n    nn.init.normal_(conv.weight, std=STD)",
        f"{UP}\n    nn.init.uniform_(conv.weight, -STD * 3**0.5, STD * 3**0.5)",
    ),
    dcgan("slope of 0.02", "SLOPE = 0.2\n", "SLOPE = 0.02\n"),
    # batch normalisation
    dcgan("norm: 0.8 in the place of eps", NORM, "norm = nn.BatchNorm2d(channels, 0.8)"),
    dcgan("norm: momentum 0.9, as other libraries count", NORM, NORM.replace("momentum=0.1", "momentum=0.9")),
    dcgan("norm: no running statistics", NORM, NORM.replace("0.1)", "0.1, track_running_stats=False)")),
    dcgan("norm: each image by itself", NORM, "norm = nn.InstanceNorm2d(channels, affine=True)"),
    dcgan("norm: gains of 0", "nn.init.normal_(norm.weight, mean=1.0, std=STD)", "nn.init.zeros_(norm.weight)"),
    dcgan("norm: gains without mean 1", "mean=1.0, std=STD", "mean=0.0, std=STD"),
    dcgan("norm: gains of exactly 1", "    nn.init.normal_(norm.weight, mean=1.0, std=STD)\n", ""),
    dcgan("norm: eps 1e-3", NORM, NORM.replace("eps=1e-5", "eps=1e-3")),
    # classes
    dcgan("classes: any label passes", " or labels.max() >= classes:", ":"),
    dcgan("classes: negative labels pass", " or labels.min() < 0", ""),
    dcgan(
        "classes: the class is a number, not one-hot",
        "return F.one_hot(labels, classes).to(like.dtype)",
        "return labels[:, None].to(like.dtype).expand(-1, classes)",
    ),
    dcgan(
        "classes: one-hot before the noise",
        "torch.cat([z, one_hot(labels, classes, z)], dim=1)",
        "torch.cat([one_hot(labels, classes, z), z], dim=1)",
    ),
    dcgan("classes: planes of zeros", PLANES, PLANES.replace("expand(-1, -1, ", "new_zeros(len(x), classes, ")),
    dcgan(
        "classes: G is not told",
        "return self.layers(beside_noise(z, labels, self.classes)[:, :, None, None])",
        "return self.layers(beside_noise(z, labels * 0 if self.classes else None, self.classes)[:, :, None, None])",
    ),
    dcgan(
        "classes: D is not told",
        "return self.layers(beside_image(x, labels, self.classes)).flatten()",
        "return self.layers(beside_image(x, labels * 0 if self.classes else None, self.classes)).flatten()",
    ),
    # the players
    dcgan("sizes: one halving too many is let through", "n // f >= 2", "n // f >= 1"),
    dcgan("sizes: not divisible", "n % f == 0 and ", ""),
    dcgan("sizes: width for height", "return shape[1] // f, shape[2] // f", "return shape[2] // f, shape[1] // f"),
    dcgan(
        "G: widths the wrong way round",
        "[width * 2**i for i in reversed(range(depth))]",
        "[width * 2**i for i in range(depth)]",
    ),
    dcgan("G: constant widths", "[width * 2**i for i in reversed(range(depth))]", "[width for i in range(depth)]"),
    dcgan("D: constant widths", "[width * 2**i for i in range(depth)]", "[width for i in range(depth)]"),
    dcgan("G: torch's own weights in the first layer", "        nn.init.normal_(project.weight, std=STD)\n", ""),
    dcgan("D: torch's own weights in the last layer", "        nn.init.normal_(logit.weight, std=STD)\n", ""),
    dcgan("G: a bias in the first layer", PROJECT, PROJECT.replace("bias=False", "bias=True")),
    dcgan("D: a bias at the logit", LOGIT, LOGIT.replace("bias=False", "bias=True")),
    dcgan("G: no batch norm after the first layer", G_FIRST, "layers: list[nn.Module] = [project, nn.ReLU()]"),
    dcgan("G: batch norm after the ReLU", G_HIDDEN, "layers += [up(before, after), nn.ReLU(), batch_norm(after)]"),
    dcgan("G: leaky ReLU", G_HIDDEN, G_HIDDEN.replace("nn.ReLU()", "nn.LeakyReLU(SLOPE)")),
    dcgan("G: batch norm at the output", G_LAST, G_LAST.replace("nn.Tanh()", "batch_norm(shape[0]), nn.Tanh()")),
    dcgan("G: a sigmoid at the output", G_LAST, G_LAST.replace("nn.Tanh()", "nn.Sigmoid()")),
    dcgan("G: no tanh", G_LAST, G_LAST.replace(", nn.Tanh()", "")),
    dcgan("D: batch norm at the input", D_FIRST, D_FIRST.replace("nn.LeakyReLU", "batch_norm(width), nn.LeakyReLU")),
    dcgan("D: plain ReLU", D_HIDDEN, D_HIDDEN.replace("nn.LeakyReLU(SLOPE)", "nn.ReLU()")),
    dcgan("D: no batch norm", D_HIDDEN, D_HIDDEN.replace(" batch_norm(after),", "")),
    dcgan(
        "D: a sigmoid before losses that take logits",
        "self.layers = nn.Sequential(*layers, logit)",
        "self.layers = nn.Sequential(*layers, logit, nn.Sigmoid())",
    ),
    # the game
    dcgan("noise: on [0, 1]", NOISE, NOISE.replace("2 * ", "").replace(" - 1", "")),
    dcgan("noise: on [-1/2, 1/2]", NOISE, NOISE.replace("2 * ", "").replace(" - 1", " - 0.5")),
    dcgan("noise: normal", NOISE, NOISE.replace("2 * torch.rand(", "torch.randn(").replace(" - 1", "")),
    dcgan("noise: from the global generator", NOISE, NOISE.replace("generator=random, ", "")),
    dcgan(
        "noise: one vector for the whole batch",
        NOISE,
        NOISE.replace("rand(n,", "rand(1,").replace(" - 1", ".expand(n, -1) - 1"),
    ),
    dcgan("L_D: the real images' sign", D_LOSS, D_LOSS.replace("-real", "real")),
    dcgan("L_D: the fake images' sign", D_LOSS, D_LOSS.replace("softplus(fake)", "softplus(-fake)")),
    dcgan("L_D: half of it", D_LOSS, D_LOSS.replace("return ", "return 0.5 * (") + ")"),
    dcgan("L_D: sum for mean", D_LOSS, D_LOSS.replace("softplus(-real).mean()", "softplus(-real).sum()")),
    dcgan("L_D: through a sigmoid", D_LOSS, "return -real.sigmoid().log().mean() - (1 - fake.sigmoid()).log().mean()"),
    dcgan("L_G: the one that saturates", G_LOSS, "return -F.softplus(fake).mean()\n"),
    dcgan("L_G: sign", G_LOSS, "return F.softplus(fake).mean()\n"),
    dcgan("L_G: through a sigmoid", G_LOSS, "return -fake.sigmoid().log().mean()\n"),
    dcgan("D's step: no detach", NO_GRAD, "    if True:\n        fake"),
    dcgan("D's step: real and fake change places", D_STEP, "return discriminator_loss(D(fake, labels), D(x, labels))"),
    dcgan(
        "D's step: real and fake in one batch",
        f"    {D_STEP}\n",
        f"{TWO_BATCHES}    return discriminator_loss(real, fake)\n",
    ),
    dcgan(
        "D's step: fakes judged by other labels",
        D_STEP,
        "return discriminator_loss(D(x, labels), D(fake, labels if labels is None else labels.flip(0)))",
    ),
    dcgan("G's step: detached from D", G_STEP, "return generator_loss(D(G(z, labels).detach(), labels))"),
    dcgan("G's step: the discriminator's loss", G_STEP, "return discriminator_loss(*[D(G(z, labels), labels)] * 2)"),
    dcgan(
        "G's step: D in eval mode",
        f"    {G_STEP}",
        "    D.eval()\n    fake = D(G(z, labels), labels)\n    D.train()\n    return generator_loss(fake)",
    ),
    # samples
    dcgan("samples: G in training mode", "    G.eval()\n", ""),
    dcgan("samples: G is left in eval mode", "    G.train(training)\n", ""),
    dcgan("samples: G is put into training mode", "G.train(training)", "G.train()"),
    dcgan("samples: keep the graph", "@torch.no_grad()\ndef generate", "def generate"),
    dcgan("samples: only the first part", "z.split(at_once)", "z.split(at_once)[:1]"),
    dcgan(
        "samples: every part has the first one's labels",
        "labels.split(at_once), strict",
        "[labels[:at_once]] * len(z), strict",
    ),
    dcgan("walk: backwards", WALK, "return share * start + (1 - share) * end"),
    dcgan("walk: both ends at once", WALK, "return start + share * end"),
    dcgan("walk: uneven", WALK, "return (1 - share**2) * start + share**2 * end"),
    dcgan(
        "walk: never arrives",
        "torch.linspace(0, 1, steps, device=start.device)",
        "torch.arange(steps, device=start.device) / steps",
    ),
    dcgan(
        "walk: on a sphere, as for normal noise",
        WALK,
        "return torch.cos(share * torch.pi / 2) * start + torch.sin(share * torch.pi / 2) * end",
    ),
    dcgan("picture: rows and columns change places", ".transpose(0, 1)  # rows, columns, d_z", ""),
    dcgan(
        "picture: the class changes along the row",
        LABELS_OF_THE_PICTURE,
        "torch.arange(rows, device=z.device).repeat(10)",
    ),
    # the method
    dcgan("method: conditional without being asked", "spec.classes if config.conditional else 0", "spec.classes"),
    dcgan("method: D lowers G's loss", "self.D, lower_L_D)", "self.D, lower_L_G)"),
    dcgan("method: G moves first", f"[{FIRST}, {SECOND}]", f"[{SECOND}, {FIRST}]"),
    dcgan(
        "method: G's noise is the same in every step",
        f"{DRAW}            return generator_step",
        f"{SAME}            return generator_step",
    ),
    dcgan(
        "method: D's noise is the same in every step",
        f"{DRAW}            return discriminator_step",
        f"{SAME}            return discriminator_step",
    ),
    dcgan("method: samples of class 0 unless asked", "torch.randint(self.classes, (n,),", "torch.randint(1, (n,),"),
    dcgan("method: samples ignore the classes asked for", "if self.classes and labels is None:", "if self.classes:"),
]

ONE_EACH = {
    "down: no padding": "test_a_strided_convolution_is_its_sum_and_halves_the_size",
    "up: kernel of 3": "test_the_transposed_convolution_is_the_adjoint_and_doubles_the_size",
    "up: a bias": "test_a_fractional_stride_steps_over_pixels_with_zeros_between_them",
    "G: widths the wrong way round": "test_g_doubles_the_size_and_d_halves_it_with_twice_the_channels",
    "D: a bias at the logit": "test_g_begins_with_one_matrix_and_d_ends_with_one_logit",
    "G: batch norm at the output": "test_the_players_have_the_layers_of_section_3_and_no_others",
    "G: a sigmoid at the output": "test_samples_lie_where_the_data_lie",
    "norm: eps 1e-3": "test_batch_norm_is_its_formula_in_training_and_in_eval",
    "G: batch norm after the ReLU": "test_the_players_have_the_layers_of_section_3_and_no_others",
    "norm: gains of 0": "test_hidden_layers_are_normalised_in_training_at_the_first_step",
    "norm: 0.8 in the place of eps": "test_a_positional_0_8_is_eps_and_undoes_the_normalisation",
    "down: a bias": "test_a_bias_before_batch_norm_does_nothing_so_there_is_none",
    "D: torch's own weights in the last layer": "test_first_weights_are_normal_with_standard_deviation_0_02",
    "noise: normal": "test_noise_is_uniform_on_the_cube",
    "L_D: the real images' sign": "test_losses_are_eq_1_and_its_variant_in_probabilities",
    "L_D: sum for mean": "test_losses_equal_torchs_cross_entropies",
    "L_D: half of it": "test_a_discriminator_that_cannot_tell_has_loss_2_log_2",
    "L_G: through a sigmoid": "test_losses_and_gradients_hold_where_the_logarithm_of_a_sigmoid_breaks",
    "L_G: the one that saturates": "test_the_generators_gradient_does_not_vanish_when_d_is_sure",
    "D's step: no detach": "test_the_discriminators_step_knows_nothing_of_the_generators_weights",
    "D's step: fakes judged by other labels": "test_both_steps_are_the_losses_of_what_d_says_of_the_right_images",
    "D's step: real and fake change places": "test_real_and_fake_images_go_through_d_in_batches_of_their_own",
    "D's step: real and fake in one batch": "test_d_says_the_same_of_a_fake_in_both_steps",
    "G's step: detached from D": "test_gradient_of_each_loss_equals_finite_differences",
    "method: D lowers G's loss": "test_d_moves_first_and_each_player_has_its_own_loss_noise_and_labels",
    "classes: planes of zeros": "test_the_class_stands_beside_the_noise_and_covers_a_channel_of_the_image",
    "classes: G is not told": "test_another_class_is_another_image_and_another_judgement",
    "method: conditional without being asked": "test_without_classes_labels_are_not_looked_at",
    "samples: G in training mode": "test_a_sample_does_not_depend_on_the_others_in_its_batch",
    "samples: G is put into training mode": "test_drawing_samples_changes_nothing_as_it_would_in_training_mode",
    "samples: keep the graph": "test_samples_keep_no_gradient",
    "walk: on a sphere, as for normal noise": "test_a_walk_is_straight_even_and_inside_the_cube",
    "picture: the class changes along the row": "test_each_row_of_the_picture_is_a_walk_in_one_class",
    "method: samples ignore the classes asked for": "test_samples_are_of_the_classes_asked_for_or_of_any",
    "noise: from the global generator": "test_same_seed_same_bits_and_no_other_source_of_randomness",
    "sizes: one halving too many is let through": "test_bad_settings_name_field_value_and_what_is_expected",
    "classes: any label passes": "test_bad_labels_name_what_is_expected",
}
