"""Changes to reflow.py of the kind that people make, one at a time."""

from functools import partial

from tests.reference_impl.mutation import Mutant

MODULES = ["reference_impl.diffusion.reflow"]
PROOFS = ["diffusion/test_reflow.py"]

reflow = partial(Mutant, "reference_impl.diffusion.reflow")

PAIRS = 'return z_0, integrate(v, z_0, even(steps), "midpoint")'
ONE_STEP = 'return integrate(v, z_0, even(1), "euler")'
MAKE = "z_0, z_1 = pairs(self.flow.velocity(batch.labels), noise_like(batch.x, generator), self.config.pair_steps)"
TIMES = "t = draw_times(len(z_0), generator=generator, device=z_0.device)"
DROP = "drop_labels(batch.labels, self.classes, self.config.p_uncond, generator) if self.classes else None"
LOSS = "return loss_at(conditional_velocity(self.second, labels), z_0, z_1, t).mean()"
COPY = "self.second.load_state_dict(self.flow.model.state_dict())"
FIELD = "return conditional_velocity(self.second, labels if self.classes else None)"
SAMPLE = 'for _, x in watch(trajectory(self.velocity(labels), x_0, grid, "midpoint"), len(grid)):'
START = "x_0 = torch.randn(n, *self.shape, generator=generator, device=generator.device)\n        grid"
SHOWN = "name: torch.stack([integrate(v, x_0, even(steps)) for steps in (1, 2, 4, 8, 32)])"
FLOWS = 'flows = {"before": self.flow.velocity(labels), "after": self.velocity(labels)}'
BOTH = 'for suffix, v in (("_before", self.flow.velocity(labels)), ("", self.velocity(labels))):'
SECOND = "self.second = build_network(config.network, spec.shape[0], config.width, spec.classes, config.patch)"

MUTANTS = [
    # pairs and one step
    reflow("pairs: swapped", PAIRS, 'return integrate(v, z_0, even(steps), "midpoint"), z_0'),
    reflow("pairs: by Euler", PAIRS, PAIRS.replace("midpoint", "euler")),
    reflow("pairs: in one step", PAIRS, PAIRS.replace("even(steps)", "even(1)")),
    reflow("pairs: one step more", PAIRS, PAIRS.replace("even(steps)", "even(steps + 1)")),
    reflow("pairs: the way back", PAIRS, PAIRS.replace("even(steps)", "even(steps)[::-1]")),
    reflow("pairs: half of the way", PAIRS, PAIRS.replace("even(steps)", "even(2 * steps)[: steps + 1]")),
    reflow("one step: two", ONE_STEP, ONE_STEP.replace("even(1)", "even(2)")),
    reflow("one step: the midpoint's", ONE_STEP, ONE_STEP.replace("euler", "midpoint")),
    reflow("one step: the velocity at the end", ONE_STEP, ONE_STEP.replace("even(1)", "[1.0, 2.0]")),
    # the loss of stage two
    reflow("reflow: pairs of the second flow itself", MAKE, MAKE.replace("self.flow.velocity", "self.velocity")),
    reflow("reflow: pairs of any class", MAKE, MAKE.replace("velocity(batch.labels)", "velocity(None)")),
    reflow("reflow: pairs of other classes", MAKE, MAKE.replace("(batch.labels)", "(batch.labels.flip(0))")),
    reflow("reflow: from the data", MAKE, MAKE.replace("noise_like(batch.x, generator)", "batch.x")),
    reflow("reflow: noise from the global generator", MAKE, MAKE.replace("(batch.x, generator)", "(batch.x, None)")),
    reflow("reflow: pairs with the sampler's steps", MAKE, MAKE.replace("pair_steps", "sampling_steps")),
    reflow("reflow: the end is the data", LOSS, LOSS.replace("z_1, t)", "batch.x, t)")),
    reflow("reflow: fresh noise for the line", LOSS, LOSS.replace("z_0, z_1", "noise_like(z_0, generator), z_1")),
    reflow("reflow: lines from the end to the noise", LOSS, LOSS.replace("z_0, z_1", "z_1, z_0")),
    reflow("reflow: ends permuted", LOSS, LOSS.replace("z_1, t)", "z_1.flip(0), t)")),
    reflow("reflow: the first network is judged", LOSS, LOSS.replace("self.second", "self.flow.model")),
    reflow("reflow: with guidance", LOSS, LOSS.replace(", labels)", ", labels, self.config.guidance)")),
    reflow("reflow: times at the noise alone", TIMES, TIMES.replace("t = ", "t = 0 * ")),
    reflow("reflow: times from the global generator", TIMES, TIMES.replace("generator=generator, ", "")),
    reflow("reflow: one time for the batch", TIMES, TIMES + "[:1].expand(len(z_0))"),
    reflow("reflow: no label dropped", DROP, "batch.labels if self.classes else None"),
    reflow("reflow: all labels dropped", DROP, DROP.replace("self.config.p_uncond", "1.0")),
    reflow("reflow: labels where there are no classes", DROP, DROP.replace(" if self.classes else None", "")),
    # the stages
    reflow("stages: the second begins with the first", "plays=lambda step: step > n", "plays=lambda step: True"),
    reflow("stages: the first goes on", "plays=lambda step: step <= n", "plays=lambda step: True"),
    reflow("stages: one step early", "plays=lambda step: step > n", "plays=lambda step: step >= n"),
    reflow("stages: the first ends one step early", "plays=lambda step: step <= n", "plays=lambda step: step < n"),
    reflow("stages: the losses swapped", "self.flow_loss, plays", "self.reflow_loss, plays"),
    reflow("stages: one learning rate", "optimiser=self.optimiser)", "optimiser=adam)"),
    reflow("stages: the learning rate's factor of one", '"lr_scale"] = self.config.lr_scale', '"lr_scale"] = 1.0'),
    reflow("copy: none", COPY, "pass"),
    reflow("copy: the other way round", COPY, "self.flow.model.load_state_dict(self.second.state_dict())"),
    reflow("copy: when not training, too", "if self.second.training:", "if True:"),
    reflow("model: the networks swapped", '{"first": self.flow.model, "second": self.second}',
           '{"first": self.second, "second": self.flow.model}'),
    reflow("network: the second without patches", SECOND, SECOND.replace(", config.patch", "")),
    reflow("network: the second is a U-Net", SECOND, SECOND.replace("config.network", '"unet"')),
    reflow("network: the second knows no class", SECOND, SECOND.replace("spec.classes", "0")),
    reflow("network: the first's dropped labels", "p_uncond=self.p_uncond,", ""),
    reflow("network: the first's guidance", "guidance=self.guidance,", ""),
    reflow("network: the first's patches", "patch=self.patch,", ""),
    reflow("network: the first's width", "width=self.width,", ""),
    # sampling, pictures, numbers
    reflow("sampling: the first flow", FIELD, FIELD.replace("self.second", "self.flow.model")),
    reflow("sampling: of any class", FIELD, FIELD.replace("labels if self.classes else None", "None")),
    reflow("sampling: with guidance", FIELD, FIELD.replace("else None)", "else None, self.config.guidance)")),
    reflow("sampling: by Euler", SAMPLE, SAMPLE.replace("midpoint", "euler")),
    reflow("sampling: from uniform noise", START, START.replace("torch.randn", "torch.rand")),
    reflow("sampling: noise from the global generator", START, START.replace("generator=generator, ", "")),
    reflow("pictures: before and after swapped", FLOWS,
           'flows = {"after": self.flow.velocity(labels), "before": self.velocity(labels)}'),
    reflow("pictures: fewest steps last", SHOWN, SHOWN.replace("(1, 2, 4, 8, 32)", "(32, 8, 4, 2, 1)")),
    reflow("numbers: before and after swapped", BOTH,
           'for suffix, v in (("", self.flow.velocity(labels)), ("_before", self.velocity(labels))):'),
    reflow("numbers: of any class", BOTH, BOTH.replace("self.velocity(labels)", "self.velocity(None)")),
    reflow("numbers: one step of the samples", "one_step(v, x_0), asked)", "samples, asked)"),
    reflow("numbers: noise from the global generator", "noise_like(samples, generator), even(32)",
           "noise_like(samples, None), even(32)"),
    reflow("config: no stage one passes", "check(self.flow_steps >= 1,", "check(self.flow_steps >= 0,"),
    reflow("config: no steps for a pair pass", "check(self.pair_steps >= 1,", "check(self.pair_steps >= 0,"),
    reflow("config: no learning rate passes", "check(0 < self.lr_scale", "check(0 <= self.lr_scale"),
    reflow("config: the rest unchecked", "self.first()  # whose", "pass  # whose"),
]  # fmt: skip

ONE_EACH = {
    "pairs: by Euler": "test_pairs_are_noise_and_where_the_first_flow_carries_it",
    "pairs: swapped": "test_lines_between_the_ends_of_a_gaussians_flow_are_straight_paths",
    "one step: the velocity at the end": "test_one_step_is_noise_plus_velocity_at_time_zero",
    "reflow: from the data": "test_reflows_loss_is_that_of_the_lines_between_its_own_pairs",
    "reflow: pairs of other classes": "test_pairs_keep_their_class_and_a_tenth_of_the_second_flows_are_dropped",
    "network: the first's guidance": "test_guidance_makes_the_pairs_and_is_not_asked_of_the_second_flow",
    "reflow: labels where there are no classes": "test_an_unconditional_method_asks_for_no_class",
    "sampling: by Euler": "test_samples_are_where_the_second_flow_ends",
    "stages: one step early": "test_stage_one_moves_the_first_flow_and_stage_two_the_second",
    "stages: one learning rate": "test_the_second_flow_has_a_learning_rate_of_its_own",
    "copy: none": "test_the_second_flow_is_a_copy_of_the_first_while_that_is_trained",
    "pictures: before and after swapped": "test_pictures_show_both_flows_from_the_same_noise",
    "numbers: before and after swapped": "test_numbers_are_of_both_flows_from_the_same_noise",
    "reflow: ends permuted": "test_reflow_straightens_a_mixtures_flow",
    "network: the second without patches": "test_settings_reach_both_networks",
    "reflow: times from the global generator": "test_same_seed_same_bits_and_nothing_from_the_global_generator",
    "reflow: the first network is judged": "test_gradient_of_reflows_loss_equals_finite_differences",
    "config: no stage one passes": "test_bad_settings_name_field_value_and_what_is_expected",
}
