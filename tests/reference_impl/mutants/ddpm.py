"""Changes to process.py, bound.py, ddpm.py and unet.py of the kind that people make, one at a time."""

from functools import partial

from tests.reference_impl.mutation import Mutant

MODULES = [
    "reference_impl.diffusion.unet",
    "reference_impl.diffusion.process",
    "reference_impl.diffusion.bound",
    "reference_impl.diffusion.ddpm",
]
PROOFS = ["diffusion/test_process.py", "diffusion/test_bound.py", "diffusion/test_ddpm.py", "diffusion/test_unet.py"]

process = partial(Mutant, "reference_impl.diffusion.process")
bound = partial(Mutant, "reference_impl.diffusion.bound")
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
LAW = "log_var = torch.where(t == 1, log_var, schedule.at(t).beta.log())"
KL = "return (torch.expm1(ratio) - ratio + (mean_1 - mean_2).square() * (-log_var_2).exp()) / 2"
DENSITY = "return -(math.log(2 * math.pi) + log_var + (x_0 - mean).square() * (-log_var).exp()) / 2"
EDGES = "upper, lower = ((x_0 + d - mean) * (-log_var / 2).exp() for d in (delta, -delta))"
INNER = "inner = log_a + (-torch.expm1(log_b - log_a)).log()"
ENDS = "first, last = x_0 < -1 + delta, x_0 > 1 - delta"
MASS = "torch.where(first, torch.special.log_ndtr(upper), torch.where(last, torch.special.log_ndtr(-lower), inner))"
TILDE = "return ((1 - s.alpha_bar_prev) / (1 - s.alpha_bar) * s.beta).log()"
PRIOR = "kl_gaussians(alpha_bar.sqrt() * x_0.double(), (1 - alpha_bar).log(), nothing, nothing)"
TERM = "kl = kl_gaussians(true_mean.double(), times(true_log_var, torch.ones_like(mean)), mean, log_var)"
CHOICE = "torch.where(first[:, None, None, None], -log_decoder(x_0, mean, log_var, levels), kl)"
CUT = "return [max(k, T * k**3 // K**3) for k in range(K + 1)]"
SUM_T = "t = torch.randint(low + 1, high + 1, x_0.shape[:1], generator=generator, device=x_0.device)"
SUM_EPS = "eps = torch.randn(x_0.shape, generator=generator, device=x_0.device, dtype=x_0.dtype)\n        bound"
SUM = "bound = bound + (high - low) * term_at(schedule, p, x_0, t, eps, levels)"
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
    process("cosine: no offset", "/ T + s) / (1 + s) * math", "/ T) * math"),
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
    # the bound
    bound("KL: no half", KL, KL.replace(") / 2", ")")),
    bound("KL: the distance not squared", KL, KL.replace(".square()", ".abs()")),
    bound("KL: the distance by the first variance", KL, KL.replace("(-log_var_2)", "(-log_var_1)")),
    bound("KL: log of the ratio left out", KL, KL.replace("torch.expm1(ratio) - ratio", "torch.expm1(ratio)")),
    bound("KL: sign of the log", KL, KL.replace("- ratio", "+ ratio")),
    bound("KL: rounded where the laws are near", KL, KL.replace("torch.expm1(ratio)", "(ratio.exp() - 1)")),
    bound("density: no 2 pi", DENSITY, DENSITY.replace("math.log(2 * math.pi) + ", "")),
    bound("density: sign", DENSITY, DENSITY.replace("return -(", "return (")),
    bound("Eq. 13: bins of half their width", "delta = 1 / (levels - 1)", "delta = 1 / (2 * (levels - 1))"),
    bound("Eq. 13: bins too narrow by one level", "delta = 1 / (levels - 1)", "delta = 1 / levels"),
    bound("Eq. 13: bins of 256 levels", "delta = 1 / (levels - 1)", "delta = 1 / 255"),
    bound("Eq. 13: variance for standard deviation", EDGES, EDGES.replace("(-log_var / 2)", "(-log_var)")),
    bound("Eq. 13: mirrored law", EDGES, EDGES.replace("x_0 + d - mean", "mean + d - x_0")),
    bound("Eq. 13: the upper tail not mirrored", "mirrored = upper + lower > 0", "mirrored = upper + lower > 1e9"),
    bound("Eq. 13: the wrong tail mirrored", "mirrored = upper + lower > 0", "mirrored = upper + lower < 0"),
    bound("Eq. 13: difference of the functions, clipped", INNER,
          "inner = (log_a.exp() - log_b.exp()).clamp(min=1e-12).log()"),
    bound("Eq. 13: the lower edge left out", INNER, "inner = log_a"),
    bound("Eq. 13: in float32", "x_0, mean, log_var = x_0.double(), mean.double(), log_var.double()",
          "x_0, mean, log_var = x_0.float(), mean.float(), log_var.float()"),
    bound("Eq. 13: end bins are finite", ENDS, ENDS.replace("x_0 < -1 + delta, x_0 > 1 - delta", "x_0 < -9, x_0 > 9")),
    bound("Eq. 13: last bin is finite", ENDS, ENDS.replace("x_0 > 1 - delta", "x_0 > 9")),
    bound("Eq. 13: ends swapped", MASS, MASS.replace("log_ndtr(upper)", "log_ndtr(-lower)", 1)
          .replace("where(last, torch.special.log_ndtr(-lower)", "where(last, torch.special.log_ndtr(upper)")),
    bound("one level accepted", "check(levels == 0 or levels >= 2,", "check(levels >= 0,"),
    bound("bits: nats", "nats.flatten(1).mean(dim=1) / math.log(2)", "nats.flatten(1).mean(dim=1)"),
    bound("bits: for an image, not a dimension", "nats.flatten(1).mean(dim=1)", "nats.flatten(1).sum(dim=1)"),
    bound("beta~_1 is the log of 0", "s = schedule.at(t.clamp(min=2))", "s = schedule.at(t)"),
    bound("beta~_2 for all", "s = schedule.at(t.clamp(min=2))", "s = schedule.at(t.clamp(min=2, max=2))"),
    bound("beta for beta~", TILDE, "return s.beta.log()"),
    bound("L_T: no root before x_0", PRIOR, PRIOR.replace("alpha_bar.sqrt()", "alpha_bar")),
    bound("L_T: at T - 1", "alpha_bar = schedule.alpha_bar[-1]", "alpha_bar = schedule.alpha_bar[-2]"),
    bound("L_T: abar's log", PRIOR, PRIOR.replace("(1 - alpha_bar).log()", "alpha_bar.log()")),
    bound("L_T: left out", "bound = prior_term(schedule, x_0)", "bound = 0 * prior_term(schedule, x_0)"),
    bound("L_{t-1}: asked at x_0", "mean, log_var = p(x_t, t)", "mean, log_var = p(x_0, t)"),
    bound("L_{t-1}: asked at t + 1", "mean, log_var = p(x_t, t)",
          "mean, log_var = p(x_t, (t + 1).clamp(max=schedule.T))"),
    bound("L_{t-1}: the laws swapped", TERM,
          "kl = kl_gaussians(mean, log_var, true_mean.double(), times(true_log_var, torch.ones_like(mean)))"),
    bound("L_{t-1}: posterior of x_t", "q_posterior(schedule, x_0, x_t, t)", "q_posterior(schedule, x_t, x_t, t)"),
    bound("L_0: the log of 0 in a branch not taken", "true_var.masked_fill(first, 1.0).log()", "true_var.log()"),
    bound("L_0 at every t", CHOICE, "-log_decoder(x_0, mean, log_var, levels)"),
    bound("L_0 never", CHOICE, "kl"),
    bound("L_0: sign", CHOICE, CHOICE.replace("-log_decoder", "log_decoder")),
    bound("L_0 at t = 2", "first = t == 1", "first = t == 2"),
    bound("a mean of another shape accepted", "if mean.shape != x_0.shape:", "if False:"),
    bound("strata: equal", CUT, "return [T * k // K for k in range(K + 1)]"),
    bound("strata: empty at first", CUT, CUT.replace("max(k, T * k**3 // K**3)", "T * k**3 // K**3")),
    bound("strata: stop short of T", CUT, CUT.replace("k in range(K + 1)", "k in range(K)")),
    bound("more strata than steps accepted", "check(1 <= K <= T,", "check(1 <= K,"),
    bound("sum: the stratum's first time missed", SUM_T, SUM_T.replace("low + 1, high + 1", "low + 2, high + 2")),
    bound("sum: a stratum's time never its last", SUM_T,
          SUM_T.replace("low + 1, high + 1", "low + 1, max(high, low + 2)")),
    bound("sum: one time for all images", SUM_T, SUM_T.replace("x_0.shape[:1]", "(1,)") + ".expand(len(x_0))"),
    bound("sum: times from the global generator", SUM_T, SUM_T.replace("generator=generator, ", "")),
    bound("sum: noise from the global generator", SUM_EPS, SUM_EPS.replace("generator=generator, ", "")),
    bound("sum: one noise for all images", SUM_EPS,
          SUM_EPS.replace("dtype=x_0.dtype)", "dtype=x_0.dtype)[:1].expand_as(x_0)")),
    bound("sum: strata not weighed", SUM, SUM.replace("(high - low) * ", "")),
    bound("sum: the mean over t", SUM, SUM.replace("(high - low) * ", "(high - low) / schedule.T * ")),
    bound("held out: all images", "x_0[:HELD_OUT].split(60)", "x_0.split(60)"),
    bound("held out: the first part only", "torch.cat(parts).mean()", "parts[0].mean() * 1.001"),
    bound("held out: keeps the graph", "@torch.no_grad()\ndef held_out_bits", "def held_out_bits"),
    bound("held out: more strata than steps", "K = min(STRATA, schedule.T)", "K = STRATA"),
    bound("held out: every t", "K = min(STRATA, schedule.T)", "K = schedule.T"),
    # the reverse process
    ddpm("bound: log of the standard deviation", LAW, LAW.replace(".beta.log()", ".beta.sqrt().log()")),
    ddpm("bound: beta at t = 1 too", LAW, "log_var = schedule.at(t).beta.log()"),
    ddpm("bound: the two extremes swapped", 'if variance == "beta":\n            log_var',
         'if variance != "beta":\n            log_var'),
    ddpm("bound: the mean is the noise", "return p_mean(schedule, x_t, t, eps_theta(x_t, t)), log_var",
         "return eps_theta(x_t, t), log_var"),
    ddpm("bound: the method's variance is not passed on",
         "p = reverse_law(self.schedule, self.model, self.config.variance)",
         "p = reverse_law(self.schedule, self.model)"),
    ddpm("bound: levels are those of a byte", "p, x_0, self.levels, generator", "p, x_0, 256, generator"),
    ddpm("bound: of training images", "held_out_bits(self.schedule, p, x_0,",
         "held_out_bits(self.schedule, p, data.train,"),
    ddpm("held-out loss: of all images", "data.held_out[:HELD_OUT]", "data.held_out"),
    ddpm("patches are not passed on", ", patch=config.patch)", ")"),
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
    ddpm("Sec. 3.2: the two extremes swapped", 'if variance == "beta":\n        return',
         'if variance != "beta":\n        return'),
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
    "KL: the distance by the first variance": "test_kl_equals_torchs_own_for_each_pixel",
    "KL: no half": "test_kl_equals_quadrature",
    "Eq. 13: bins of half their width": "test_probabilities_of_all_levels_add_up_to_one",
    "Eq. 13: difference of the functions, clipped": "test_a_mean_far_away_costs_its_squared_distance_and_pulls_back",
    "Eq. 13: the upper tail not mirrored": "test_decoder_is_the_mass_in_the_levels_bin_on_both_sides_of_the_mean",
    "density: no 2 pi": "test_without_levels_it_is_the_normal_density",
    "L_T: no root before x_0": "test_prior_term_is_its_closed_form",
    "beta~_2 for all": "test_log_beta_tilde_is_the_posteriors_but_at_t_1",
    "L_{t-1}: the laws swapped": "test_bound_of_a_gaussian_law_with_its_exact_reverse_model_is_its_closed_form",
    "L_T: left out": "test_the_sum_over_every_t_estimates_the_closed_form_and_so_do_strata",
    "Eq. 13: end bins are finite": "test_bits_of_a_discrete_law_are_not_below_its_entropy_and_come_near_it",
    "L_0 at t = 2": "test_each_image_gets_the_term_of_its_own_t",
    "L_0: the log of 0 in a branch not taken": "test_gradients_of_the_terms_equal_finite_differences_at_t_1_too",
    "L_{t-1}: asked at x_0": "test_the_law_is_asked_at_x_t_of_eq_4",
    "strata: empty at first": "test_strata_cut_1_to_T_into_K_parts_that_grow",
    "strata: equal": "test_strata_of_a_thousand_steps",
    "sum: strata not weighed": "test_strata_are_unbiased_and_every_t_is_exact",
    "sum: a stratum's time never its last": "test_times_are_uniform_in_each_stratum_and_each_images_own",
    "sum: noise from the global generator": "test_noise_is_fresh_for_each_image_and_time_and_comes_from_the_generator",
    "held out: all images": "test_held_out_bits_are_the_mean_of_the_first_360_images",
    "more strata than steps accepted": "test_bad_arguments_name_what_is_expected",
    "bound: beta at t = 1 too": "test_the_bounds_reverse_law_is_the_samplers_but_for_the_variance_at_t_1",
    "bound: levels are those of a byte": "test_bits_of_held_out_images_are_measured_by_the_bound_on_their_own_levels",
    "patches are not passed on": "test_patches_become_channels",
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
