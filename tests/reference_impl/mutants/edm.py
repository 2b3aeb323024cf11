"""Changes to edm.py of the kind that people make, one at a time."""

from functools import partial

from tests.reference_impl.mutation import Mutant

MODULES = ["reference_impl.diffusion.edm"]
PROOFS = ["diffusion/test_edm.py"]

edm = partial(Mutant, "reference_impl.diffusion.edm")

SKIP = "c_skip=sigma_data**2 / variance"
OUT = "c_out=sigma * sigma_data * variance.rsqrt()"
IN = "c_in=variance.rsqrt()"
NOISE = "c_noise=sigma.log() / 4"
EQ_7 = "return times(c.c_skip, x) + times(c.c_out, F(times(c.c_in, x), c.c_noise))"
WEIGHT = "return (sigma**2 + sigma_data**2) / (sigma * sigma_data) ** 2"
DRAW = "return (P_mean + P_std * torch.randn(n, generator=generator, device=device, dtype=torch.float64)).exp()"
GUESS = "guess = D(y + times(sigma, eps), sigma)"
LOSS = "return times(loss_weight(sigma, sigma_data), (guess - y).square()).flatten(1).mean(dim=1)"
EPS = "eps = torch.randn(y.shape, generator=generator, device=y.device, dtype=y.dtype)"
TIMES = "t = (sigma_max ** (1 / rho) + share * (sigma_min ** (1 / rho) - sigma_max ** (1 / rho))) ** rho"
GAMMA = "return min(self.S_churn / N, math.sqrt(2) - 1) if self.S_tmin <= t <= self.S_tmax else 0.0"
STIR = "return x + math.sqrt(t_hat**2 - t**2) * S_noise * eps, t_hat"
STIR_EPS = "eps = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)"
SLOPE = "return (x - D(x, torch.full(x.shape[:1], t, device=x.device, dtype=torch.float64))) / t"
EULER = "x_next = x + (t_next - t) * d\n"
HEUN = "return x + (t_next - t) * (d + slope(D, x_next, t_next)) / 2"
START = "x = levels[0] * torch.randn(shape, generator=generator, device=t.device, dtype=dtype)"
CALL_STIR = "x_hat, t_hat = stir(x, now, churn.gamma(now, len(levels) - 1), churn.S_noise, generator)"
CALL_STEP = "x = step(D, x_hat, t_hat, then, order)"
DROP = "labels = drop_labels(batch.labels, self.classes, c.p_uncond, generator)"
METHOD_D = "return denoise(lambda x, c: self.model(x, c, labels), x, sigma, self.config.sigma_data)"
CHAIN = "states = trajectory(D, (n, *self.shape), self.t, generator, c.order, Churn(*c.churn))"
SCALED = "scaled = times(c.sigma_data * preconditioning(sigma, c.sigma_data).c_in, x)"
ORDER = 'check(order in (1, 2), "order", order, "1 (Euler) or 2 (Heun)")'

MUTANTS = [
    # preconditioning
    edm("Tab. 1: c_skip of the noise", SKIP, "c_skip=sigma**2 / variance"),
    edm("Tab. 1: c_skip without squares", SKIP, "c_skip=sigma_data / (sigma + sigma_data)"),
    edm("Tab. 1: c_skip is 1", SKIP, "c_skip=torch.ones_like(sigma)"),
    edm("Tab. 1: c_out without its root", OUT, "c_out=sigma * sigma_data / variance"),
    edm("Tab. 1: c_out is sigma", OUT, "c_out=sigma"),
    edm("Tab. 1: c_in without its root", IN, "c_in=1 / variance"),
    edm("Tab. 1: c_in upside down", IN, "c_in=variance.sqrt()"),
    edm("Tab. 1: c_noise is sigma", NOISE, "c_noise=sigma / 4"),
    edm("Tab. 1: c_noise to base 10", NOISE, "c_noise=sigma.log10() / 4"),
    edm("Tab. 1: c_noise not divided by 4", NOISE, "c_noise=sigma.log()"),
    edm("variance: deviations added", "variance = sigma**2 + sigma_data**2", "variance = (sigma + sigma_data) ** 2"),
    edm("Eq. 7: the input is not scaled", EQ_7, EQ_7.replace("F(times(c.c_in, x)", "F(x")),
    edm("Eq. 7: the skip takes the scaled input", EQ_7,
        EQ_7.replace("times(c.c_skip, x)", "times(c.c_skip * c.c_in, x)")),
    edm("Eq. 7: the network is told sigma", EQ_7, EQ_7.replace("c.c_noise)", "sigma)")),
    edm("Eq. 7: no skip", EQ_7, "return times(c.c_out, F(times(c.c_in, x), c.c_noise))"),
    edm("Eq. 7: c_out left out", EQ_7, EQ_7.replace("times(c.c_out, F(times(c.c_in, x), c.c_noise))",
        "F(times(c.c_in, x), c.c_noise)")),
    edm("Eq. 7: the network left out", EQ_7, "return times(c.c_skip, x)"),
    edm("sigma = 0 accepted", "(sigma > 0).all()", "(sigma >= 0).all()"),
    # training
    edm("lambda = 1", WEIGHT, "return torch.ones_like(sigma)"),
    edm("lambda = 1 / sigma^2", WEIGHT, "return 1 / sigma**2"),
    edm("lambda without its square", WEIGHT, WEIGHT.removesuffix(" ** 2")),
    edm("lambda upside down", WEIGHT, "return (sigma * sigma_data) ** 2 / (sigma**2 + sigma_data**2)"),
    edm("levels normal, not log-normal", DRAW, DRAW.removesuffix(".exp()") + ".abs()"),
    edm("levels: P_std is a variance", DRAW, DRAW.replace("P_std *", "P_std**0.5 *")),
    edm("levels: to base 10", DRAW, "return 10 ** " + DRAW.removeprefix("return ").removesuffix(".exp()")),
    edm("levels: uniform", DRAW, DRAW.replace("torch.randn", "torch.rand")),
    edm("levels: one for the batch", DRAW, DRAW.replace("randn(n,", "randn(1,").replace(".exp()", ".exp().expand(n)")),
    edm("levels: from the global generator", DRAW, DRAW.replace("generator=generator, ", "")),
    edm("quantiles: ends included", "+ 0.5) / n", "+ 1) / (n + 1)"),
    edm("quantiles: uniform", "torch.special.ndtri(share)", "share"),
    edm("loss: D is told another level", GUESS, "guess = D(y + times(sigma, eps), sigma**2)"),
    edm("loss: noise of variance sigma", GUESS, GUESS.replace("times(sigma, eps)", "times(sigma.sqrt(), eps)")),
    edm("loss: signal scaled down as in DDPM", GUESS,
        GUESS.replace("y + times", "times((1 + sigma**2).rsqrt(), y) + times")),
    edm("loss: the target is the noise", LOSS, LOSS.replace("guess - y", "guess - eps")),
    edm("loss: the target is flipped", LOSS, LOSS.replace("guess - y", "guess - y.flip(0)")),
    edm("loss: absolute error", LOSS, LOSS.replace("square()", "abs()")),
    edm("loss: no gradient", LOSS, LOSS.replace("(guess - y)", "(guess.detach() - y + 0 * guess)")),
    edm("loss: weight squared", LOSS, LOSS.replace("sigma_data)", "sigma_data) ** 2", 1)),
    edm("loss: sum over the pixels", LOSS, LOSS.replace("mean(dim=1)", "sum(dim=1)")),
    edm("loss: any shape accepted", "check(guess.shape == y.shape,", "check(True,"),
    edm("loss: uniform noise", EPS, EPS.replace("torch.randn", "torch.rand")),
    edm("loss: one noise for the batch", EPS, EPS + "[:1].expand_as(y)"),
    edm("loss: noise from the global generator", EPS, EPS.replace("generator=generator, ", "")),
    # time steps
    edm("Eq. 5: rho upside down", TIMES, TIMES.replace("1 / rho", "rho").replace("** rho\n", "** (1 / rho)\n")),
    edm("Eq. 5: from sigma_min up", TIMES,
        "t = (sigma_min ** (1 / rho) + share * (sigma_max ** (1 / rho) - sigma_min ** (1 / rho))) ** rho"),
    edm("Eq. 5: never reaches sigma_min", "dtype=torch.float64) / (N - 1)", "dtype=torch.float64) / N"),
    edm("Eq. 5: logarithmic steps", TIMES, "t = sigma_max * (sigma_min / sigma_max) ** share"),
    edm("Eq. 5: no zero at the end", "return torch.cat([t, torch.zeros(1, dtype=torch.float64)])", "return t"),
    edm("Eq. 5: one step accepted", 'check(N >= 2, "N"', 'check(N >= 1, "N"'),
    edm("Eq. 5: equal ends accepted", "check(0 < sigma_min < sigma_max", "check(0 < sigma_min <= sigma_max"),
    edm("Eq. 5: rho = 0 accepted", 'check(rho > 0, "rho"', 'check(rho >= 0, "rho"'),
    edm("Eq. 5: sigma_max = 1", "sigma_max: float = 80.0", "sigma_max: float = 1.0"),
    # the flow and its solvers
    edm("slope: sign", SLOPE, SLOPE.replace("(x - D(", "-(x - D(")),
    edm("slope: divided by t^2", SLOPE, SLOPE + "**2"),
    edm("slope: not divided", SLOPE, SLOPE.removesuffix(" / t")),
    edm("slope: D is told the level in float32", SLOPE, SLOPE.replace("torch.float64", "torch.float32")),
    edm("step: backwards", EULER, EULER.replace("t_next - t", "t - t_next")),
    edm("step: correction at 0", "if order == 1 or t_next == 0:", "if order == 1:"),
    edm("step: always Euler", "if order == 1 or t_next == 0:", "if True:"),
    edm("step: always Heun", "if order == 1 or t_next == 0:", "if t_next == 0:"),
    edm("Heun: slopes not halved", HEUN, HEUN.removesuffix(" / 2")),
    edm("Heun: second slope alone", HEUN,
        HEUN.replace("(d + slope(D, x_next, t_next)) / 2", "slope(D, x_next, t_next)")),
    edm("Heun: second slope at the old level", HEUN, HEUN.replace("x_next, t_next)", "x_next, t)")),
    edm("Heun: second slope at the old state", HEUN, HEUN.replace("slope(D, x_next,", "slope(D, x,")),
    edm("Heun: from Euler's end", HEUN, HEUN.replace("return x +", "return x_next +")),
    edm("sampling keeps the graph", "@torch.no_grad()\ndef step(", "def step("),
    edm("sampler: starts from unit noise", START, START.replace("levels[0] * ", "")),
    edm("sampler: starts from noise of variance t_0", START, START.replace("levels[0]", "levels[0] ** 0.5")),
    edm("sampler: starts from uniform noise", START, START.replace("torch.randn", "torch.rand")),
    edm("sampler: starts from the global generator", START, START.replace("generator=generator, ", "")),
    edm("sampler: first step left out", "itertools.pairwise(levels):", "itertools.pairwise(levels[1:]):"),
    edm("sampler: last step left out", "itertools.pairwise(levels):", "itertools.pairwise(levels[:-1]):"),
    edm("sampler: order ignored", CALL_STEP, "x = step(D, x_hat, t_hat, then)"),
    edm("sampler: any order accepted", ORDER + "\n    levels", "levels"),
    edm("sampler: rising levels accepted", "levels == sorted(set(levels), reverse=True) and ", ""),
    edm("sampler: levels that do not end at 0 accepted", " and levels[-1] == 0", ""),
    # churn
    edm("churn: S_churn in each step", GAMMA, GAMMA.replace("self.S_churn / N", "self.S_churn")),
    edm("churn: no bound", GAMMA, GAMMA.replace("min(self.S_churn / N, math.sqrt(2) - 1)", "self.S_churn / N")),
    edm("churn: bound of 1", GAMMA, GAMMA.replace("math.sqrt(2) - 1", "1.0")),
    edm("churn: at every level", GAMMA, GAMMA.removesuffix(" if self.S_tmin <= t <= self.S_tmax else 0.0")),
    edm("churn: no upper end", GAMMA, GAMMA.replace(" <= self.S_tmax", "")),
    edm("churn: N counts the levels", CALL_STIR, CALL_STIR.replace("len(levels) - 1", "len(levels)")),
    edm("churn: deviations subtracted", STIR, STIR.replace("math.sqrt(t_hat**2 - t**2)", "(t_hat - t)")),
    edm("churn: noise of the raised level", STIR, STIR.replace("math.sqrt(t_hat**2 - t**2)", "t_hat")),
    edm("churn: the level is not raised", STIR, STIR.replace("eps, t_hat", "eps, t")),
    edm("churn: S_noise left out", STIR, STIR.replace("S_noise * ", "")),
    edm("churn: S_noise not passed on", CALL_STIR, CALL_STIR.replace("churn.S_noise", "1.0")),
    edm("churn: level raised to gamma t", "t_hat = t + gamma * t", "t_hat = t + gamma"),
    edm("churn: noise drawn where none is added", "if gamma == 0:", "if False:"),
    edm("churn: noise from the global generator", STIR_EPS, STIR_EPS.replace("generator=generator, ", "")),
    edm("churn: the step starts at the old level", CALL_STEP, CALL_STEP.replace("t_hat", "now")),
    edm("churn: the noise is lost", CALL_STEP, CALL_STEP.replace("x_hat", "x")),
    edm("churn: negative accepted", "check(0 <= self.S_churn < math.inf", "check(self.S_churn < math.inf"),
    edm("churn: empty range accepted", "check(0 <= self.S_tmin <= self.S_tmax", "check(0 <= self.S_tmin"),
    edm("churn: S_noise = 0 accepted", "check(0 < self.S_noise", "check(0 <= self.S_noise"),
    # the method
    edm("method: the class is left out of training", DROP, "labels = None"),
    edm("method: no class is ever dropped", DROP, "labels = batch.labels"),
    edm("method: a class stands for any", DROP, DROP.replace("self.classes,", "self.classes - 1,")),
    edm("method: D forgets the class", METHOD_D,
        METHOD_D.replace("self.model(x, c, labels)", "self.model(x, c, None)")),
    edm("method: sigma_data of the paper", METHOD_D, METHOD_D.replace("self.config.sigma_data", "0.5")),
    edm("method: loss with another sigma_data than D", "batch.x, c.P, c.sigma_data, generator)",
        "batch.x, c.P, 0.5, generator)"),
    edm("method: levels of the paper in training", "batch.x, c.P, c.sigma_data, generator)",
        "batch.x, (-1.2, 1.2), c.sigma_data, generator)"),
    edm("method: guidance left out", "c, D = self.config, guided(self.D, labels, self.config.w)",
        "c, D = self.config, guided(self.D, labels, 0.0)"),
    edm("method: guidance as a scale", "c, D = self.config, guided(self.D, labels, self.config.w)",
        "c, D = self.config, guided(self.D, labels, self.config.w - 1)"),
    edm("method: churn left out", CHAIN, CHAIN.replace(", Churn(*c.churn))", ")")),
    edm("method: order left out", CHAIN, CHAIN.replace("c.order", "2")),
    edm("method: range of levels left out", "self.t = time_steps(config.N, *config.levels)",
        "self.t = time_steps(config.N)"),
    edm("digits: sigma_data of the paper", "sigma_data: float = 0.75", "sigma_data: float = 0.5"),
    edm("pictures: state not scaled", SCALED, "scaled = x"),
    edm("pictures: each from noise of its own", "generator.set_state(state)  # the same noise again", "pass"),
    edm("pictures: Heun at twice the cost", "(2, (calls + 1) // 2)", "(2, calls)"),
    edm("evaluate: classes left out", "known = data.held_out_labels[:1000] if self.classes else None", "known = None"),
    edm("evaluate: training images", "c, y, losses = self.config, data.held_out[:1000], []",
        "c, y, losses = self.config, data.train[:1000], []"),
    edm("evaluate: one level", "for level in sigma_quantiles(20, c.P).tolist():", "for level in [0.3] * 20:"),
    edm("config: sigma_data = 0 accepted", "check(0 < self.sigma_data", "check(0 <= self.sigma_data"),
    edm("config: P_std = 0 accepted", "self.P[1] > 0", "self.P[1] >= 0"),
    edm("config: p_uncond = 1 accepted", "check(0 <= self.p_uncond < 1", "check(0 <= self.p_uncond <= 1"),
    edm("config: guidance of a model that never dropped", "check(self.w == 0 or self.p_uncond > 0", "check(True"),
    edm("config: w below -1 accepted", "check(-1 <= self.w < math.inf", "check(self.w < math.inf"),
]  # fmt: skip

ONE_EACH = {
    "Tab. 1: c_in upside down": "test_input_and_target_have_unit_variance_in_closed_form",
    "Tab. 1: c_out is sigma": "test_input_and_target_have_unit_variance_by_simulation",
    "Tab. 1: c_skip without squares": "test_c_skip_is_what_makes_c_out_least",
    "Eq. 7: the network is told sigma": "test_denoiser_is_eq_7_with_a_network_that_sees_scaled_noise",
    "Eq. 7: no skip": "test_without_noise_D_would_be_the_identity",
    "sigma = 0 accepted": "test_no_noise_at_all_is_refused",
    "lambda without its square": "test_weight_undoes_c_out",
    "lambda = 1 / sigma^2": "test_loss_is_one_at_each_level_where_the_network_returns_zero",
    "loss: the target is flipped": "test_oracle_has_loss_zero_and_one_that_errs_by_c",
    "loss: weight squared": "test_loss_equals_eq_8_written_for_the_network",
    "loss: uniform noise": "test_the_network_sees_y_plus_its_own_noise",
    "levels: P_std is a variance": "test_levels_are_log_normal",
    "quantiles: ends included": "test_quantiles_split_the_law_of_levels_into_equal_shares",
    "loss: no gradient": "test_gradient_of_the_loss_equals_finite_differences",
    "Eq. 5: never reaches sigma_min": "test_time_steps_end_at_sigma_max_and_sigma_min",
    "Eq. 5: logarithmic steps": "test_time_steps_are_equally_spaced_in_the_rho_th_root",
    "slope: sign": "test_slope_is_minus_sigma_times_the_score",
    "step: correction at 0": "test_one_euler_step_to_zero_is_the_denoiser",
    "Heun: from Euler's end": "test_heuns_step_is_the_trapezoidal_rule",
    "Heun: second slope alone": "test_measured_order_of_convergence",
    "sampler: last step left out": "test_heun_calls_the_denoiser_2N_minus_1_times",
    "Heun: second slope at the old level": "test_sampler_equals_algorithm_1_by_hand",
    "sampler: starts from noise of variance t_0": "test_trajectory_begins_with_noise_of_sigma_max",
    "sampler: starts from unit noise": "test_sampling_recovers_a_mixture",
    "churn: bound of 1": "test_gamma_is_S_churn_over_N",
    "churn: deviations subtracted": "test_stirring_raises_the_level",
    "churn: the level is not raised": "test_sampler_keeps_a_gaussians_marginal_law_at_every_level",
    "churn: no upper end": "test_without_churn_the_stochastic_sampler_is_the_deterministic_one",
    "churn: N counts the levels": "test_churn_steps_from_the_raised_level",
    "slope: not divided": "test_no_noise_is_left_after_the_last_step",
    "sampling keeps the graph": "test_sampling_keeps_no_gradient",
    "digits: sigma_data of the paper": "test_sigma_data_of_the_digits_is_theirs",
    "method: sigma_data of the paper": "test_network_is_told_the_level_and_the_class",
    "method: a class stands for any": "test_classes_are_dropped_with_probability_p_uncond_in_training",
    "method: guidance as a scale": "test_guidance_extrapolates_the_denoiser",
    "method: churn left out": "test_method_samples_as_it_is_configured",
    "method: loss with another sigma_data than D": "test_method_trains_on_the_loss_as_it_is_configured",
    "Eq. 7: the network left out": "test_every_parameter_receives_a_gradient",
    "pictures: Heun at twice the cost": "test_pictures_end_with_the_samples",
    "churn: noise from the global generator": "test_same_seed_same_bits_other_seed_other_bits",
    "evaluate: one level": "test_held_out_loss_is_at_fixed_levels",
    "config: P_std = 0 accepted": "test_bad_values_name_field_value",
    "sampler: rising levels accepted": "test_bad_levels_orders_and_shapes_are_refused",
}
