"""Changes to ode.py and flow_matching.py of the kind that people make, one at a time."""

from functools import partial

from tests.reference_impl.mutation import Mutant

MODULES = ["reference_impl.diffusion.ode", "reference_impl.diffusion.flow_matching"]
PROOFS = ["diffusion/test_flow_matching.py", "diffusion/test_ode.py"]

ode = partial(Mutant, "reference_impl.diffusion.ode")
flow = partial(Mutant, "reference_impl.diffusion.flow_matching")

MIDPOINT = "return x + h * slope(x + h / 2 * k_1, t + h / 2)"
HEUN = "return x + h / 2 * (k_1 + slope(x + h * k_1, t + h))"
PATH = "return times(1 - (1 - sigma_min) * t, x_0) + times(t, x_1)"
TARGET = "return x_1 - (1 - sigma_min) * x_0\n\n\ndef ends_from"
ENDS = "return x_0, v + (1 - sigma_min) * x_0"
UNIFORM = "return torch.rand(n, generator=generator, device=device, dtype=torch.float64)"
LOGIT = "return torch.sigmoid(m + s * torch.randn(n, generator=generator, device=device, dtype=torch.float64))"
GUESS = "guess, wanted = v(path(x_0, x_1, t, sigma_min), t), target(x_0, x_1, sigma_min)"
LOSS = "return (guess - wanted).square().flatten(1).mean(dim=1)"
NOISE = "return torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)"
S = "return (h * ((z[-1] - z[0]) - slopes).square().flatten(1).mean(dim=1)).sum()"
TIMED = "return lambda x, t, labels: network(x, TIME_SCALE * t, labels)"
DRAW = "t = draw_times(len(x_1), config.time_law, config.logit, generator, x_1.device)"
DROP = "drop_labels(batch.labels, self.classes, config.p_uncond, generator) if self.classes else None"
LOSS_AT = "return loss_at(v, noise_like(x_1, generator), x_1, t, config.sigma_min).mean()"
FIELD = "return conditional_velocity(self.model, labels if self.classes else None, self.config.guidance)"
SAMPLE = "for _, x in watch(trajectory(self.velocity(labels), x_0, grid, self.config.solver), len(grid)):"
START = "x_0 = torch.randn(n, *self.shape, generator=generator, device=generator.device)\n        grid"
HELD_OUT = "losses.append(loss_at(v, noise_like(x_1, generator), x_1, t_each, self.config.sigma_min).mean())"
FIRST = "x_0 = torch.randn(n, *shape, generator=generator, device=generator.device)\n    return"

MUTANTS = [
    # the solvers
    ode("Euler: half a step", "return x + h * k_1\n", "return x + h / 2 * k_1\n"),
    ode("Euler: backwards", "return x + h * k_1\n", "return x - h * k_1\n"),
    ode("Euler: a step of one", "return x + h * k_1\n", "return x + k_1\n"),
    ode("midpoint: the whole step to the middle", MIDPOINT, MIDPOINT.replace("x + h / 2 * k_1", "x + h * k_1")),
    ode("midpoint: the time of the start", MIDPOINT, MIDPOINT.replace("t + h / 2)", "t)")),
    ode("midpoint: the time of the end", MIDPOINT, MIDPOINT.replace("t + h / 2)", "t + h)")),
    ode("midpoint: goes on from the middle", MIDPOINT, MIDPOINT.replace("return x +", "return x + h / 2 * k_1 +")),
    ode("midpoint: Euler's slope", MIDPOINT, MIDPOINT.replace("x + h / 2 * k_1", "x")),
    ode("Heun: no half", HEUN, HEUN.replace("h / 2 * (", "h * (")),
    ode("Heun: the time of the start", HEUN, HEUN.replace("t + h)", "t)")),
    ode("Heun: half a step to the second slope", HEUN, HEUN.replace("x + h * k_1", "x + h / 2 * k_1")),
    ode("Heun: slopes subtracted", HEUN, HEUN.replace("k_1 + slope", "k_1 - slope")),
    ode("Heun: the first slope alone", HEUN, "return x + h * k_1"),
    ode("times in float32", "t, dtype=torch.float64, device=x.device))", "t, dtype=torch.float32, device=x.device))"),
    ode("one time for the batch", "torch.full(x.shape[:1], t,", "torch.full((1,), t,"),
    ode("grid: never reaches one", "[i / steps for i in range(steps + 1)]", "[i / steps for i in range(steps)]"),
    ode("grid: begins after the first step", "for i in range(steps + 1)]", "for i in range(1, steps + 1)]"),
    ode("grid: zero steps pass", "check(steps >= 1,", "check(steps >= 0,"),
    ode("trajectory: all steps alike", "step(v, x, t, after - t, solver)", "step(v, x, t, grid[1] - grid[0], solver)"),
    ode("trajectory: the time of the end", "step(v, x, t, after - t, solver)", "step(v, x, after, after - t, solver)"),
    ode("trajectory: Euler whatever is asked", "step(v, x, t, after - t, solver)", "step(v, x, t, after - t)"),
    ode("trajectory: without the start", "    yield grid[0], x\n", ""),
    ode("trajectory: the times before the steps", "yield after, x", "yield t, x"),
    ode("integrate: the first state", "last = state", "last = state if state is x else last"),
    ode("solving keeps the graph", "@torch.no_grad()\ndef step(", "def step("),
    ode("any solver passes", "check(solver in EVALUATIONS,", "check(True,"),
    ode("a grid of one time passes", "check(len(grid) >= 2,", "check(len(grid) >= 1,"),
    ode("Heun counted as one evaluation", '"heun": 2}', '"heun": 1}'),
    # the path
    flow("path: noise and data swapped", PATH, PATH.replace("x_0)", "x_1)").replace("times(t, x_1)", "times(t, x_0)")),
    flow("path: sigma_min left out", PATH, "return times(1 - t, x_0) + times(t, x_1)"),
    flow("path: sigma_min added to the data", PATH, PATH.replace("(1 - sigma_min) * t", "(1 + sigma_min) * t")),
    flow("path: variance preserving", PATH, PATH.replace("1 - (1 - sigma_min) * t", "(1 - t**2).sqrt()")),
    flow("target: noise to data and back", TARGET, TARGET.replace("x_1 - (1 - sigma_min) * x_0",
         "(1 - sigma_min) * x_0 - x_1")),
    flow("target: the data", TARGET, TARGET.replace("x_1 - (1 - sigma_min) * x_0", "x_1")),
    flow("target: sigma_min left out", TARGET, TARGET.replace("(1 - sigma_min) * x_0", "x_0")),
    flow("ends: noise ahead of x_t", "x_0 = x_t - times(t, v)", "x_0 = x_t + times(t, v)"),
    flow("ends: the data's share for the noise", "x_0 = x_t - times(t, v)", "x_0 = x_t - times(1 - t, v)"),
    flow("ends: sigma_min left out", ENDS, ENDS.replace("(1 - sigma_min) * x_0", "x_0")),
    flow("ends: data and noise swapped", ENDS, "return v + (1 - sigma_min) * x_0, x_0"),
    # the times
    flow("times: in float32", UNIFORM, UNIFORM.replace("dtype=torch.float64", "dtype=torch.float32")),
    flow("times: the second half alone", UNIFORM, UNIFORM.replace("return ", "return 0.5 + 0.5 * ")),
    flow("times: from the global generator", UNIFORM, UNIFORM.replace("generator=generator, ", "")),
    flow("times: one for the batch", UNIFORM, UNIFORM + "[:1].expand(n)"),
    flow("logit-normal: data and noise swapped", LOGIT, LOGIT.replace("m + s", "-m + s")),
    flow("logit-normal: variance for deviation", LOGIT, LOGIT.replace("s * torch", "s**2 * torch")),
    flow("logit-normal: a uniform logit", LOGIT, LOGIT.replace("torch.randn", "torch.rand")),
    flow("logit-normal: from the global generator", LOGIT, LOGIT.replace("generator=generator, ", "")),
    flow("logit-normal: the normal's own quantile", LOGIT, LOGIT.replace("torch.sigmoid", "torch.special.ndtr")),
    flow("times: any law passes", 'check(law in ("uniform", "logit_normal"),', "check(True,"),
    # the loss
    flow("loss: the network sees the data", GUESS, GUESS.replace("v(path(x_0, x_1, t, sigma_min), t)", "v(x_1, t)")),
    flow("loss: time backwards", GUESS, GUESS.replace("sigma_min), t)", "sigma_min), 1 - t)")),
    flow("loss: path without sigma_min", GUESS, GUESS.replace("x_1, t, sigma_min)", "x_1, t)")),
    flow("loss: target without sigma_min", GUESS, GUESS.replace("target(x_0, x_1, sigma_min)", "target(x_0, x_1)")),
    flow("loss: absolute error", LOSS, LOSS.replace("square()", "abs()")),
    flow("loss: noise permuted against its path", LOSS, LOSS.replace("guess - wanted", "guess - wanted.flip(0)")),
    flow("loss: no gradient", LOSS, LOSS.replace("guess -", "guess.detach() -")),
    flow("loss: a sum", LOSS, LOSS.replace("mean(dim=1)", "sum(dim=1)")),
    flow("loss: any shape passes", "if guess.shape != wanted.shape:", "if False:"),
    flow("noise: uniform", NOISE, NOISE.replace("torch.randn", "torch.rand")),
    flow("noise: one for the batch", NOISE, NOISE + "[:1].expand_as(x)"),
    flow("noise: from the global generator", NOISE, NOISE.replace("generator=generator, ", "")),
    # the straightness
    flow("straightness: unsquared", S, S.replace(".square()", ".abs()")),
    flow("straightness: equal weights", S, S.replace("(h * (", "(1 / len(h) * (")),
    flow("straightness: against the first slope", S, S.replace("(z[-1] - z[0])", "slopes[0]")),
    flow("straightness: against the end", S, S.replace("(z[-1] - z[0])", "z[-1]")),
    flow("straightness: a mean over the steps again", S, S.replace(").sum()", ").mean()")),
    flow("straightness: differences for slopes", "slopes = z.diff(dim=0) /", "slopes = len(h) * z.diff(dim=0) + 0 *"),
    flow("straightness: any number of times", "good = len(states) == len(grid) and", "good ="),
    flow("straightness: half of the way passes", "and abs(grid[-1] - grid[0] - 1) < 1e-9", ""),
    # the method
    flow("the network is told t", TIMED, TIMED.replace("TIME_SCALE * t", "t")),
    flow("the network is told the time left", TIMED, TIMED.replace("TIME_SCALE * t", "TIME_SCALE * (1 - t)")),
    flow("the network is told no class", TIMED, TIMED.replace(", labels)", ", None)")),
    flow("the scale is 100", "TIME_SCALE = 1000.0", "TIME_SCALE = 100.0"),
    flow("no guidance", "return guided(timed(network), labels, w)", "return guided(timed(network), labels, 0.0)"),
    flow("training: times uniform whatever is set", DRAW, "t = draw_times(len(x_1), generator=generator)"),
    flow("training: the logit's settings left out", DRAW, DRAW.replace("config.logit", "(0.0, 1.0)")),
    flow("training: no label dropped", DROP, "batch.labels if self.classes else None"),
    flow("training: labels where there are no classes", DROP, DROP.replace(" if self.classes else None", "")),
    flow("training: sigma_min left out", LOSS_AT, LOSS_AT.replace(", config.sigma_min", "")),
    flow("training: with guidance", "v = conditional_velocity(self.model, labels)\n        return",
         "v = conditional_velocity(self.model, labels, config.guidance)\n        return"),
    flow("sampling: without guidance", FIELD, FIELD.replace(", self.config.guidance", "")),
    flow("sampling: of any class", FIELD, FIELD.replace("labels if self.classes else None", "None")),
    flow("sampling: Euler whatever is set", SAMPLE, SAMPLE.replace(", self.config.solver", "")),
    flow("sampling: one step less", SAMPLE, "grid = grid[:-1]\n        " + SAMPLE),
    flow("sampling: from uniform noise", START, START.replace("torch.randn", "torch.rand")),
    flow("sampling: noise from the global generator", START, START.replace("generator=generator, ", "")),
    flow("network: no patches", "spec.classes, config.patch)", "spec.classes)"),
    flow("network: always the U-Net", "build_network(config.network,", 'build_network("unet",'),
    flow("numbers: half of the times", "for t in even(10):", "for t in even(5):"),
    flow("numbers: data for noise", HELD_OUT, HELD_OUT.replace("noise_like(x_1, generator)", "x_1")),
    flow("numbers: one class for all", "data.held_out_labels if", "data.held_out_labels * 0 if"),
    flow("numbers: straightness of another flow", "v = self.velocity(labels if labels is None else labels[:PATHS])",
         "v = self.velocity(None)"),
    flow("numbers: paths of other classes", "labels[:PATHS])", "labels.flip(0)[:PATHS])"),
    flow("pictures: all of one class", "torch.arange(n, device=x_0.device) % classes", "torch.arange(n) * 0"),
    flow("pictures: noise from the global generator", FIRST, FIRST.replace("generator=generator, ", "")),
    flow("pictures: one number of steps", "for steps in (1, 2, 4, 8, 32)]", "for steps in (1, 1, 1, 1, 1)]"),
    flow("config: sigma_min of one passes", "0 <= self.sigma_min < 1,", "0 <= self.sigma_min <= 1,"),
    flow("config: no spread of the logit passes", "0 < self.logit[1] < math.inf", "0 <= self.logit[1] < math.inf"),
    flow("config: all labels dropped passes", "0 <= self.p_uncond < 1", "0 <= self.p_uncond <= 1"),
    flow("config: no steps pass", "check(self.sampling_steps >= 1,", "check(self.sampling_steps >= 0,"),
]  # fmt: skip

ONE_EACH = {
    "Euler: half a step": "test_measured_order_of_convergence",
    "midpoint: the time of the start": "test_measured_order_of_convergence",
    "Heun: half a step to the second slope": "test_one_step_of_each_solver_is_its_formula",
    "Heun: the time of the start": "test_second_order_solvers_are_exact_where_v_is_linear_in_time",
    "times in float32": "test_where_and_how_often_v_is_asked",
    "trajectory: all steps alike": "test_trajectory_yields_each_time_of_an_uneven_grid_from_the_start_on",
    "trajectory: the time of the end": "test_states_on_the_way_follow_the_exact_flow",
    "Euler: a step of one": "test_the_way_back_ends_where_it_began",
    "midpoint: goes on from the middle": "test_solvers_with_the_analytic_velocity_recover_a_mixture",
    "grid: never reaches one": "test_even_grid_has_both_ends_exactly",
    "solving keeps the graph": "test_solving_keeps_no_gradient",
    "any solver passes": "test_bad_solvers_grids_and_steps_are_refused",
    "path: noise and data swapped": "test_path_goes_from_noise_to_data",
    "path: variance preserving": "test_without_sigma_min_the_path_is_lius",
    "path: sigma_min left out": "test_lipmans_path_has_mean_t_x1_and_its_standard_deviation",
    "target: sigma_min left out": "test_target_is_the_derivative_of_the_path",
    "ends: sigma_min left out": "test_the_ends_that_a_velocity_implies",
    "ends: data and noise swapped": "test_a_flow_is_a_diffusion_with_alpha_t_and_sigma_one_minus_t",
    "ends: noise ahead of x_t": "test_velocity_implies_the_score_of_the_noisy_data",
    "times: the second half alone": "test_uniform_times",
    "logit-normal: variance for deviation": "test_logit_normal_times_have_the_density_of_eq_19",
    "logit-normal: data and noise swapped": "test_a_positive_mean_of_the_logit_favours_times_near_the_data",
    "loss: noise permuted against its path": "test_oracle_of_the_conditional_velocity_has_loss_zero_and_an_offset_c",
    "loss: absolute error": "test_loss_at_is_each_images_own",
    "loss: the network sees the data": "test_the_marginal_velocity_minimises_the_loss_with_an_excess",
    "target: the data": "test_the_marginal_velocity_of_a_mixture_is_the_conditional_expectation",
    "straightness: against the end": "test_straightness_of_two_standard_normals_is_two_minus_half_pi",
    "straightness: equal weights": "test_straightness_is_zero_at_constant_speed_and_only_there",
    "straightness: unsquared": "test_what_the_flow_saves_is_its_straightness_and_the_crossings",
    "the network is told t": "test_the_network_is_told_1000_t_and_sees_the_path_at_t",
    "training: sigma_min left out": "test_the_loss_draws_its_times_noise_and_sigma_as_the_settings_say",
    "training: no label dropped": "test_labels_reach_the_network_and_a_tenth_of_them_are_dropped",
    "sampling: from uniform noise": "test_samples_are_where_the_flow_ends",
    "sampling: without guidance": "test_guidance_is_followed_when_sampling_and_only_then",
    "pictures: one number of steps": "test_steps_are_shown_from_the_same_noise_for_each_class_in_turn",
    "noise: one for the batch": "test_the_loss_draws_its_times_noise_and_sigma_as_the_settings_say",
    "numbers: data for noise": "test_numbers_are_on_fixed_times_and_noise_and_are_what_they_say",
    "numbers: straightness of another flow": "test_evaluation_asks_for_the_held_out_classes_and_follows_the_samplers",
    "loss: no gradient": "test_gradient_of_the_loss_equals_finite_differences",
    "network: no patches": "test_settings_reach_the_network",
    "times: from the global generator": "test_same_seed_same_bits_and_nothing_from_the_global_generator",
    "config: sigma_min of one passes": "test_bad_settings_name_field_value_and_what_is_expected",
    "loss: any shape passes": "test_unknown_laws_solvers_shapes_and_grids_are_refused",
}
