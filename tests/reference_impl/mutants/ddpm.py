"""Changes to process.py, ddpm.py and unet.py of the kind that people make, one at a time."""

from functools import partial

from tests.reference_impl.mutation import Mutant

MODULES = ["reference_impl.diffusion.unet", "reference_impl.diffusion.process", "reference_impl.diffusion.ddpm"]
PROOFS = ["diffusion/test_process.py", "diffusion/test_ddpm.py", "diffusion/test_unet.py"]

process = partial(Mutant, "reference_impl.diffusion.process")
ddpm = partial(Mutant, "reference_impl.diffusion.ddpm")
unet = partial(Mutant, "reference_impl.diffusion.unet")

Q_STEP = "return times((1 - s.beta).sqrt(), x_prev) + times(s.beta.sqrt(), eps)"
Q_SAMPLE = "return times(s.alpha_bar.sqrt(), x_0) + times((1 - s.alpha_bar).sqrt(), eps)"
FROM_X_0 = "from_x_0 = s.alpha_bar_prev.sqrt() * s.beta / (1 - s.alpha_bar)"
FROM_X_T = "from_x_t = s.alpha.sqrt() * (1 - s.alpha_bar_prev) / (1 - s.alpha_bar)"
VARIANCE = "variance = (1 - s.alpha_bar_prev) / (1 - s.alpha_bar) * s.beta"
PREDICT = "return times(s.alpha_bar.rsqrt(), x_t - times((1 - s.alpha_bar).sqrt(), eps))"
P_MEAN = "return times(s.alpha.rsqrt(), x_t - times(s.beta / (1 - s.alpha_bar).sqrt(), eps))"
LOOKUP = "return At(self.beta[t], self.alpha[t], self.alpha_bar[t], self.alpha_bar[t - 1])"
DRAW_T = "t = torch.randint(1, schedule.T + 1, x_0.shape[:1], generator=generator, device=x_0.device)"
DRAW_EPS = "eps = torch.randn(x_0.shape, generator=generator, device=x_0.device, dtype=x_0.dtype)"
DRAW_Z = "z = torch.randn(x_t.shape, generator=generator, device=x_t.device, dtype=x_t.dtype)"
DRAW_X_T = "x_t = torch.randn(shape, generator=generator, device=schedule.beta.device, dtype=dtype)"
STEP = "return mean + times(sigma(schedule, t_each, variance), z)"
LOSS = "return (eps - guess).square().flatten(1).mean(dim=1)"

MUTANTS = [
    # the schedule
    process("alpha = 1 + beta", "return 1 - self.beta\n", "return 1 + self.beta\n"),
    process("abar is a sum, not a product", "self.alpha.cumprod(dim=0)", "self.alpha.cumsum(dim=0)"),
    process("abar multiplies beta", "self.alpha.cumprod(dim=0)", "(1 - self.beta.cumsum(dim=0))"),
    process("schedule linear in sqrt(beta)", "torch.linspace(beta_1, beta_T, T, dtype=torch.float64)",
         "torch.linspace(beta_1**0.5, beta_T**0.5, T, dtype=torch.float64) ** 2"),
    process("schedule backwards", "torch.linspace(beta_1, beta_T, T,", "torch.linspace(beta_T, beta_1, T,"),
    process("schedule one step short", "torch.linspace(beta_1, beta_T, T, dtype",
         "torch.linspace(beta_1, beta_T, T + 1, dtype"),
    process("beta_T = 0.2", "beta_T: float = 0.02", "beta_T: float = 0.2"),
    process("cosine: no square", "* math.pi / 2).square()", "* math.pi / 2)"),
    process("cosine: no offset", "/ T + s) / (1 + s)", "/ T)"),
    process("cosine: not clipped", ".clamp(max=most)", ""),
    process("cosine: beta upside down", "f[1:] / f[:-1]", "f[:-1] / f[1:]"),
    process("tables read one step early", LOOKUP, LOOKUP.replace("[t]", "[t - 1]")),
    process("abar_{t-1} is abar_t", LOOKUP, LOOKUP.replace("[t - 1]", "[t]")),
    process("times out of range accepted", "if ((t < 1) | (t > self.T)).any():", "if (t > self.T).any():"),
    process("coefficients rounded to float32 before use", "self.beta[t], self.alpha[t], self.alpha_bar[t], ",
         "self.beta[t], self.alpha[t], self.alpha_bar[t].float().double(), "),
    # the forward process
    process("Eq. 2: no root on 1 - beta", Q_STEP, Q_STEP.replace("(1 - s.beta).sqrt()", "(1 - s.beta)")),
    process("Eq. 2: no root on beta", Q_STEP, Q_STEP.replace("s.beta.sqrt(), eps", "s.beta, eps")),
    process("Eq. 4: no root on abar", Q_SAMPLE, Q_SAMPLE.replace("s.alpha_bar.sqrt(), x_0", "s.alpha_bar, x_0")),
    process("Eq. 4: no root on 1 - abar", Q_SAMPLE, Q_SAMPLE.replace("(1 - s.alpha_bar).sqrt()", "(1 - s.alpha_bar)")),
    process("Eq. 4: alpha for abar", Q_SAMPLE, Q_SAMPLE.replace("s.alpha_bar", "s.alpha")),
    process("Eq. 4: one step early", Q_SAMPLE, Q_SAMPLE.replace("s.alpha_bar", "s.alpha_bar_prev")),
    # the posterior
    process("Eq. 7: abar_t for abar_{t-1} before x_0", FROM_X_0, FROM_X_0.replace("s.alpha_bar_prev", "s.alpha_bar")),
    process("Eq. 7: no root before x_0", FROM_X_0, FROM_X_0.replace("s.alpha_bar_prev.sqrt()", "s.alpha_bar_prev")),
    process("Eq. 7: no beta before x_0", FROM_X_0, FROM_X_0.replace(" * s.beta", "")),
    process("Eq. 7: abar for alpha before x_t", FROM_X_T, FROM_X_T.replace("s.alpha.sqrt()", "s.alpha_bar.sqrt()")),
    process("Eq. 7: wrong denominator before x_t", FROM_X_T,
            FROM_X_T.replace("/ (1 - s.alpha_bar)", "/ (1 - s.alpha)")),
    process("Eq. 7: variance beta", VARIANCE, "variance = s.beta"),
    process("Eq. 7: variance upside down", VARIANCE, "variance = (1 - s.alpha_bar) / (1 - s.alpha_bar_prev) * s.beta"),
    # the reverse process
    ddpm("Eq. 15: plus for minus", PREDICT, PREDICT.replace("x_t - ", "x_t + ")),
    ddpm("Eq. 15: divides by root alpha", PREDICT, PREDICT.replace("s.alpha_bar.rsqrt()", "s.alpha.rsqrt()")),
    ddpm("Eq. 11: plus for minus", P_MEAN, P_MEAN.replace("x_t - ", "x_t + ")),
    ddpm("Eq. 11: no root on 1 - abar", P_MEAN, P_MEAN.replace("(1 - s.alpha_bar).sqrt()", "(1 - s.alpha_bar)")),
    ddpm("Eq. 11: alpha for beta", P_MEAN, P_MEAN.replace("s.beta /", "s.alpha /")),
    ddpm("Eq. 11: multiplies by root alpha", P_MEAN, P_MEAN.replace("s.alpha.rsqrt()", "s.alpha.sqrt()")),
    ddpm("Eq. 11: divides by root abar", P_MEAN, P_MEAN.replace("s.alpha.rsqrt()", "s.alpha_bar.rsqrt()")),
    ddpm("Sec. 3.2: variance for standard deviation", "return s.beta.sqrt()\n", "return s.beta\n"),
    ddpm("Sec. 3.2: beta~ without its root",
         "return ((1 - s.alpha_bar_prev) / (1 - s.alpha_bar) * s.beta).sqrt()",
         "return (1 - s.alpha_bar_prev) / (1 - s.alpha_bar) * s.beta"),
    ddpm("Sec. 3.2: the two extremes swapped", 'if variance == "beta":', 'if variance != "beta":'),
    # Algorithm 1
    ddpm("Alg. 1: t from 0 to T - 1, read one off", DRAW_T,
         DRAW_T.replace("randint(1, schedule.T + 1,", "randint(0, schedule.T,")),
    ddpm("Alg. 1: t never T", DRAW_T, DRAW_T.replace("schedule.T + 1", "schedule.T")),
    ddpm("Alg. 1: t never 1", DRAW_T, DRAW_T.replace("randint(1,", "randint(2,")),
    ddpm("Alg. 1: one t for the batch", DRAW_T, DRAW_T + "[:1].expand(len(x_0))"),
    ddpm("Alg. 1: t from the global generator", DRAW_T, DRAW_T.replace("generator=generator, ", "")),
    ddpm("Alg. 1: one noise for the batch", DRAW_EPS, DRAW_EPS + "[:1].expand_as(x_0)"),
    ddpm("Alg. 1: uniform noise", DRAW_EPS, DRAW_EPS.replace("torch.randn", "torch.rand")),
    ddpm("Alg. 1: noise permuted against its target", LOSS,
         "return (eps.flip(0) - guess).square().flatten(1).mean(dim=1)"),
    ddpm("Eq. 14: sign of the target", LOSS, LOSS.replace("eps - guess", "eps + guess")),
    ddpm("Eq. 14: absolute error", LOSS, LOSS.replace("square()", "abs()")),
    ddpm("Eq. 14: the target is x_0", LOSS, LOSS.replace("eps - guess", "x_0 - guess")),
    ddpm("Eq. 14: mean over one axis, sum over the rest", LOSS,
         "return (eps - guess).square().mean(dim=1).flatten(1).sum(dim=1)"),
    ddpm("Eq. 14: no gradient", LOSS, LOSS.replace("guess)", "guess.detach())")),
    ddpm("the network is told t - 1", "guess = eps_theta(q_sample(schedule, x_0, t, eps), t)",
         "guess = eps_theta(q_sample(schedule, x_0, t, eps), t - 1)"),
    ddpm("broadcasting between guess and noise", "if guess.shape != eps.shape:", "if False:"),
    # Algorithm 2
    ddpm("Alg. 2: noise at the last step", "if t == 1:", "if t == 0:"),
    ddpm("Alg. 2: no noise at the last two steps", "if t == 1:", "if t <= 2:"),
    ddpm("Alg. 2: no noise at all", STEP, "return mean"),
    ddpm("Alg. 2: sigma ignores the choice", STEP, STEP.replace(", variance)", ")")),
    ddpm("Alg. 2: z from the global generator", DRAW_Z, DRAW_Z.replace("generator=generator, ", "")),
    ddpm("Alg. 2: one z for the batch", DRAW_Z, DRAW_Z.replace("x_t.shape,", "x_t[..., :1].shape,")),
    ddpm("Alg. 2: starts from uniform noise", DRAW_X_T, DRAW_X_T.replace("torch.randn", "torch.rand")),
    ddpm("Alg. 2: starts from zero", DRAW_X_T, DRAW_X_T + " * 0"),
    ddpm("Alg. 2: stops at t = 2", "range(schedule.T, 0, -1)", "range(schedule.T, 1, -1)"),
    ddpm("Alg. 2: starts at T - 1", "range(schedule.T, 0, -1)", "range(schedule.T - 1, 0, -1)"),
    ddpm("Alg. 2: forwards", "range(schedule.T, 0, -1)", "range(1, schedule.T + 1)"),
    ddpm("sampling keeps the graph", "@torch.no_grad()\ndef p_sample(", "def p_sample("),
    # the network
    unet("embedding: base 1000", "period: float = 10_000.0", "period: float = 1_000.0"),
    unet("embedding: frequencies off by two", "torch.arange(0, dim, 2,", "torch.arange(2, dim + 2, 2,"),
    unet("embedding: two sines", "[angle.sin(), angle.cos()]", "[angle.sin(), angle.sin()]"),
    unet("attention: scaled by h*w", "math.sqrt(q.shape[2])", "math.sqrt(q.shape[1])"),
    unet("attention: not scaled", " / math.sqrt(q.shape[2])", ""),
    unet("attention: softmax over queries", ".softmax(dim=2)", ".softmax(dim=1)"),
    unet("attention: norm made, not called", "tokens = self.norm(x).flatten(2)", "tokens = x.flatten(2)"),
    unet("attention: no residual", "return x + self.out(weight @ v)", "return self.out(weight @ v)"),
    unet("attention: made, not called", "x = self.low_2(self.attend(x), time)", "x = self.low_2(x, time)"),
    unet("attention: a bias that cannot matter", "3 * channels, bias=False", "3 * channels, bias=True"),
    unet("block: the time is left out", "y = y + self.time(time)[:, :, None, None]", "y = y + 0"),
    unet("block: second norm left out", "F.silu(self.norm_2(y))", "F.silu(y)"),
    unet("skip connection of zeros", "torch.cat([self.grow(x), skip], dim=1)",
         "torch.cat([self.grow(x), skip * 0], dim=1)"),
    unet("the class is left out", "time = time + self.label(", "time = time + 0 * self.label("),
    unet("no class is the first class", "torch.full_like(each[:, 0], self.classes)", "torch.zeros_like(each[:, 0])"),
    unet("only the first time is read", "for one in each.unbind(1)]", "for one in [each[:, 0]] * self.times]"),
    unet("last norm left out", "F.silu(self.norm(x))", "F.silu(x)"),
    unet("first guess is not zero", "nn.init.zeros_(self.leave.weight)", "nn.init.ones_(self.leave.weight)"),
]  # fmt: skip

ONE_EACH = {
    "alpha = 1 + beta": "test_linear_schedule_is_the_papers",
    "beta_T = 0.2": "test_end_of_the_forward_process_is_nearly_the_prior",
    "cosine: no offset": "test_cosine_schedule_is_the_papers",
    "abar_{t-1} is abar_t": "test_lookup_at_t_holds_the_neighbours_apart",
    "Eq. 2: no root on beta": "test_forward_step_has_mean_and_variance_of_eq_2",
    "Eq. 4: one step early": "test_q_sample_equals_the_steps_by_recursion",
    "Eq. 4: alpha for abar": "test_q_sample_equals_the_steps_by_simulation",
    "Eq. 7: abar for alpha before x_t": "test_posterior_equals_bayes_rule_by_quadrature",
    "Eq. 7: variance beta": "test_posterior_equals_conditioning_the_joint_gaussian",
    "Eq. 7: no root before x_0": "test_posterior_equals_bayes_rule_by_quadrature",
    "Eq. 15: plus for minus": "test_predict_x0_inverts_q_sample",
    "Eq. 11: alpha for beta": "test_p_mean_is_the_posterior_mean_at_the_x0_it_implies",
    "Sec. 3.2: beta~ without its root": "test_sigma_is_the_papers_two_extremes",
    "Alg. 2: noise at the last step": "test_last_step_adds_no_noise",
    "Alg. 2: sigma ignores the choice": "test_every_other_step_adds_noise_of_sigma_t",
    "Alg. 1: noise permuted against its target": "test_oracle_has_loss_zero_and_an_offset_c_has_loss_c_squared",
    "Eq. 14: absolute error": "test_loss_at_is_each_images_own",
    "Alg. 1: uniform noise": "test_the_network_sees_x_t_and_its_own_t",
    "Alg. 1: t never T": "test_times_are_uniform_on_1_to_T_and_noise_is_fresh",
    "Eq. 14: no gradient": "test_gradient_of_the_loss_equals_finite_differences",
    "Eq. 11: multiplies by root alpha": "test_sampling_recovers_a_gaussian",
    "Alg. 2: starts at T - 1": "test_sampling_a_short_rough_chain_matches_it_exactly",
    "Eq. 11: plus for minus": "test_sampling_recovers_a_mixture",
    "Alg. 2: stops at t = 2": "test_trajectory_runs_from_T_to_0_and_asks_the_network_at_each_t",
    "Alg. 2: starts from zero": "test_sampling_starts_from_the_standard_normal",
    "sampling keeps the graph": "test_sampling_keeps_no_gradient",
    "Alg. 1: t from the global generator": "test_randomness_comes_from_the_generator_alone",
    "Alg. 2: z from the global generator": "test_same_seed_same_bits_other_seed_other_bits",
    "coefficients rounded to float32 before use": "test_coefficients_are_exact_in_float32",
    "times out of range accepted": "test_bad_times_and_shapes_name_what_is_expected",
    "attention: a bias that cannot matter": "test_every_parameter_receives_a_gradient",
    "attention: made, not called": "test_every_submodule_is_called",
    "embedding: base 1000": "test_time_embedding_is_vaswanis",
    "attention: not scaled": "test_attention_equals_torchs_own",
    "block: the time is left out": "test_time_changes_every_pixel",
    "skip connection of zeros": "test_skip_connection_carries_the_image_around_the_low_resolution",
    "first guess is not zero": "test_starts_by_guessing_no_noise",
}
