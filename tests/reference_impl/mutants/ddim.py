"""Changes to ddim.py of the kind that people make, one at a time."""

from functools import partial

from tests.reference_impl.mutation import Mutant

MODULES = ["reference_impl.diffusion.ddim"]
PROOFS = ["diffusion/test_ddim.py"]

d = partial(Mutant, "reference_impl.diffusion.ddim")

WANTED = 'wanted = T * i // steps if spacing == "linear" else T * i**2 // steps**2'
NEXT = "tau.append(max(wanted, tau[-1] + 1 if tau else 1))"
GOOD = "good = len(tau) >= 1 and tau[0] >= 1 and tau[-1] <= schedule.T and all(a < b for a, b in pairwise(tau))"
IN_RANGE = "if ((t < 0) | (t > schedule.T)).any():"
SHARES = "return alpha_bar.sqrt(), (1 - alpha_bar).sqrt()"
DATA = "x_0 = data_from(prediction, said, x_t, alpha, noise)"
FREE = "return x_0, noise_from(prediction, said, x_t, alpha, noise)"
CLAMP = "x_0 = x_0.clamp(-limit, limit)"
HELD = 'return x_0, noise_from("x_0", x_0, x_t, alpha, noise)'
SIGMA = "return eta * noise_s / noise_t * (1 - (a_t / a_s) ** 2).sqrt()"
AT_BOTH = "(a_t, noise_t), (a_s, noise_s) = shares(schedule, t), shares(schedule, s)\n    return eta"
Q = "return times(alpha, x_0) + times((noise**2 - deviation**2).sqrt(), eps), deviation"
Q_SHARES = "alpha, noise = shares(schedule, s)"
QUIET = "if eta == 0 or s == 0:"
Z = "z = torch.randn(x_t.shape, generator=generator, device=x_t.device, dtype=x_t.dtype)"
STEP = "return mean + times(deviation, z)"
GUESS = "x_0, eps = guess(schedule, predict, x_t, t_each, prediction, limit)"
DOWN = "for t, s in pairwise([*reversed(tau), 0]):"
ASK = "x = step(schedule, predict, x, t, s, eta, prediction, generator, limit)"
WATCHED = "watch(trajectory(schedule, predict, x_T, tau, eta, prediction, generator, limit), len(tau) + 1)"
X_T = "x_T = torch.randn(shape, generator=generator, device=schedule.beta.device)"
DECODE = "return decode(schedule, predict, x_T, tau, eta, prediction, generator, limit, watch)"
EULER = "return times(a_s / a_t, x_t) + times(noise_s - a_s / a_t * noise_t, eps)"
UP = "for now, then in pairwise([0, *tau]):"
ENCODE = "_, eps = guess(schedule, predict, x, t.clamp(min=1), prediction)"
MOVE = "x = euler(schedule, x, eps, t, s)"
ANGLE = "theta = ((x * y).sum(dim=1) / (x.norm(dim=1) * y.norm(dim=1))).clamp(-1, 1).acos()"
OF_A = "of_a = (((1 - share) * theta).sin() / theta.sin()).masked_fill(straight, 1 - share)"
OF_B = "of_b = ((share * theta).sin() / theta.sin()).masked_fill(straight, share)"
SLERP = "return times(of_a, a) + times(of_b, b)"

MUTANTS = [
    # the times
    d("D.2: counted from 0", "for i in range(1, steps + 1):", "for i in range(steps):"),
    d("D.2: linear times end at T - 1", WANTED, WANTED.replace("T * i // steps if", "(T - 1) * i // steps if")),
    d("D.2: steps of whole length", WANTED, WANTED.replace("T * i // steps if", "T // steps * i if")),
    d("D.2: rounded up", WANTED, WANTED.replace("T * i // steps if", "-(-T * i // steps) if")),
    d("D.2: quadratic ends at 0.8 T", WANTED, WANTED.replace("else T *", "else T * 4 // 5 *")),
    d("D.2: quadratic is cubic", WANTED, WANTED.replace("i**2 // steps**2", "i**3 // steps**3")),
    d("D.2: quadratic is linear", WANTED, WANTED.replace("i**2 // steps**2", "i // steps")),
    d("D.2: equal times stay equal", NEXT, "tau.append(max(wanted, 1))"),
    d("D.2: time 0 stays", NEXT, NEXT.replace("else 1", "else 0")),
    d("D.2: equal times moved by two", NEXT, NEXT.replace("+ 1 if", "+ 2 if")),
    d("more steps than times", "check(1 <= steps <= T,", "check(1 <= steps,"),
    d("no steps", "check(1 <= steps <= T,", "check(steps <= T,"),
    d("T not checked", 'check(T >= 1, "T", T, "a number of steps >= 1")', "pass"),
    d("spacing not checked", 'check(spacing in ("linear", "quadratic"),', "check(True,"),
    d("tau may be empty", GOOD, GOOD.replace("len(tau) >= 1 and ", "not tau or ")),
    d("tau may hold 0", GOOD, GOOD.replace("tau[0] >= 1", "tau[0] >= 0")),
    d("tau may hold T + 1", GOOD, GOOD.replace("<= schedule.T and", "<= schedule.T + 1 and")),
    d("tau may stand still", GOOD, GOOD.replace("a < b", "a <= b")),
    d("tau may fall", GOOD, GOOD.replace(" and all(a < b for a, b in pairwise(tau))", "")),
    # the shares
    d("times after T are accepted", IN_RANGE, "if (t < 0).any():"),
    d("times before 0 are accepted", IN_RANGE, "if (t > schedule.T).any():"),
    d("alpha for abar", "alpha_bar = schedule.alpha_bar[t]", "alpha_bar = schedule.alpha[t]"),
    d("abar in float32", "alpha_bar = schedule.alpha_bar[t]", "alpha_bar = schedule.alpha_bar.float()[t].double()"),
    d("no root on abar", SHARES, "return alpha_bar, (1 - alpha_bar).sqrt()"),
    d("no root on 1 - abar", SHARES, "return alpha_bar.sqrt(), 1 - alpha_bar"),
    d("noise is 1 minus the signal", SHARES, "return alpha_bar.sqrt(), 1 - alpha_bar.sqrt()"),
    # the guess
    d("Eq. 9: always by the noise", DATA, DATA.replace("prediction, said", '"eps", said')),
    d("Eq. 9: signal and noise swapped", DATA, DATA.replace("alpha, noise", "noise, alpha")),
    d("noise always as said", FREE, "return x_0, said"),
    d("noise by shares swapped", FREE, FREE.replace("alpha, noise", "noise, alpha")),
    d("guess at time 0 allowed", "if (t < 1).any():", "if (t < 0).any():"),
    d("guess of another shape allowed", "if said.shape != x_t.shape:", "if said.ndim != x_t.ndim:"),
    d("guess always limited", "if limit is None:", "limit = limit or 1.0\n    if limit is None:"),
    d("limited from above only", CLAMP, "x_0 = x_0.clamp(max=limit)"),
    d("limit is 1 whatever is said", CLAMP, "x_0 = x_0.clamp(-1, 1)"),
    d("limited data, unlimited noise", HELD, FREE),
    # sigma
    d("Eq. 16: eta left out", SIGMA, SIGMA.replace("eta * ", "(eta > 0) * ")),
    d("Eq. 16: eta squared", SIGMA, SIGMA.replace("eta *", "eta**2 *")),
    d("Eq. 16: first fraction upside down", SIGMA, SIGMA.replace("noise_s / noise_t", "noise_t / noise_s")),
    d("Eq. 16: first fraction left out", SIGMA, SIGMA.replace("noise_s / noise_t * ", "")),
    d("Eq. 16: no root on the variance", SIGMA, SIGMA.replace(".sqrt()", "")),
    d("Eq. 16: roots of abar in the fraction", SIGMA, SIGMA.replace("(a_t / a_s) ** 2", "a_t / a_s")),
    d("Eq. 16: second fraction upside down", SIGMA, SIGMA.replace("a_t / a_s", "a_s / a_t")),
    d("Eq. 16: beta of one step", SIGMA, SIGMA.replace("(1 - (a_t / a_s) ** 2).sqrt()", "schedule.beta[t].sqrt()")),
    d("eta beyond 1 allowed", 'check(0 <= eta <= 1, "eta"', 'check(0 <= eta, "eta"'),
    d("eta below 0 allowed", 'check(0 <= eta <= 1, "eta"', 'check(eta <= 1, "eta"'),
    d("a step may stand still", "if (s >= t).any():", "if (s > t).any():"),
    # the step
    d("Eq. 7: shares of t, not of s", Q_SHARES, "alpha, noise = shares(schedule, t)"),
    d("Eq. 7: sigma not taken off", Q, Q.replace("noise**2 - deviation**2", "noise**2")),
    d("Eq. 7: sigma added", Q, Q.replace("- deviation**2", "+ deviation**2")),
    d("Eq. 7: sigma not squared", Q, Q.replace("- deviation**2", "- deviation")),
    d("Eq. 7: no root", Q, Q.replace("(noise**2 - deviation**2).sqrt()", "(noise**2 - deviation**2)")),
    d("Eq. 7: noise less sigma", Q, Q.replace("(noise**2 - deviation**2).sqrt()", "(noise - deviation)")),
    d("Eq. 7: data not scaled", Q, Q.replace("times(alpha, x_0)", "x_0")),
    d("Eq. 7: minus the noise", Q, Q.replace("x_0) + times", "x_0) - times")),
    d("Eq. 7: eta not handed on", "deviation = sigma(schedule, t, s, eta)", "deviation = sigma(schedule, t, s, 0.0)"),
    d("Eq. 12: noise drawn though eta is 0", QUIET, "if s == 0:"),
    d("Eq. 12: noise drawn at the last step", QUIET, "if eta == 0:"),
    d("Eq. 12: no noise", QUIET, "if True:"),
    d("Eq. 12: noise of variance 1", STEP, "return mean + z"),
    d("Eq. 12: noise of sigma^2", STEP, STEP.replace("deviation,", "deviation**2,")),
    d("Eq. 12: uniform noise", Z, Z.replace("randn", "rand")),
    d("Eq. 12: noise from the global generator", Z, Z.replace("generator=generator, ", "")),
    d("Eq. 12: one noise for all images", Z, Z.replace("x_t.shape,", "(1, *x_t.shape[1:]),")),
    d("Eq. 12: noise in float32", Z, Z.replace(", dtype=x_t.dtype", "")),
    d("prediction not handed on", GUESS, GUESS.replace("prediction, limit", '"eps", limit')),
    d("limit not handed on", GUESS, GUESS.replace(", limit)", ")")),
    d("asked at s", GUESS, GUESS.replace("t_each", "s_each.clamp(min=1)")),
    d("step keeps the graph", "@torch.no_grad()\ndef step(", "def step("),
    # sampling
    d("sampling stops at tau_1", DOWN, "for t, s in pairwise(reversed(tau)):"),
    d("sampling ends at time 1", DOWN, "for t, s in pairwise([*reversed(tau), 1]):"),
    d("sampling runs upwards", DOWN, "for s, t in pairwise([0, *tau]):"),
    d("sampling takes all times", DOWN, "for t, s in pairwise(range(tau[-1], -1, -1)):"),
    d("x_T not shown", "yield tau[-1], x\n", "yield tau[-1], 0 * x\n"),
    d("states shown with the time they came from", "yield s, x\n", "yield t, x\n"),
    d("trajectory: eta not handed on", ASK, ASK.replace("s, eta,", "s, 0.0,")),
    d("trajectory: generator not handed on", ASK, ASK.replace("generator,", "None,")),
    d("trajectory: limit not handed on", ASK, ASK.replace(", limit)", ")")),
    d("decode: total off by one", WATCHED, WATCHED.replace("len(tau) + 1", "len(tau)")),
    d("decode: eta not handed on", WATCHED, WATCHED.replace("eta,", "0.0,")),
    d("decode: prediction not handed on", WATCHED, WATCHED.replace("prediction,", '"eps",')),
    d("sample: starts from zero", X_T, X_T.replace("torch.randn(shape, generator=generator,", "torch.zeros(shape,")),
    d("sample: starts from uniform noise", X_T, X_T.replace("randn", "rand")),
    d("sample: starts from the global generator", X_T, X_T.replace("generator=generator, ", "")),
    d("sample: eta not handed on", DECODE, DECODE.replace("eta,", "0.0,")),
    d("sample: prediction not handed on", DECODE, DECODE.replace("prediction,", '"eps",')),
    d("sample: limit not handed on", DECODE, DECODE.replace("limit,", "None,")),
    # there and back
    d("Eq. 13: signal not scaled", EULER, EULER.replace("times(a_s / a_t, x_t)", "x_t")),
    d("Eq. 13: signal scaled the wrong way", EULER, EULER.replace("times(a_s / a_t,", "times(a_t / a_s,")),
    d("Eq. 13: difference of the noise, not of r", EULER, EULER.replace("a_s / a_t * noise_t", "noise_t")),
    d("Eq. 13: backwards", EULER, EULER.replace("noise_s - a_s / a_t * noise_t", "a_s / a_t * noise_t - noise_s")),
    d("encoding starts at tau_1", UP, "for now, then in pairwise(tau):"),
    d("encoding asks at the later time", ENCODE, ENCODE.replace("t.clamp(min=1)", "s")),
    d("encoding asks at time 0", ENCODE, ENCODE.replace("t.clamp(min=1)", "t")),
    d("encoding asks one later", ENCODE, ENCODE.replace("t.clamp(min=1)", "t + 1")),
    d("encoding: prediction not handed on", ENCODE, ENCODE.replace("prediction)", '"eps")')),
    d("encoding begins at time 1", MOVE, "x = euler(schedule, x, eps, t.clamp(min=1), s)"),
    d("encoding keeps the graph", "@torch.no_grad()\ndef encode(", "def encode("),
    d("encoding: times not checked", "known_times(schedule, tau)\n    x = x_0", "x = x_0"),
    d("decoding: times not checked", "known_times(schedule, tau)\n    x = x_T", "x = x_T"),
    # interpolation
    d("slerp is a straight line", SLERP, "return (1 - share) * a + share * b"),
    d("slerp: weights swapped", SLERP, "return times(of_b, a) + times(of_a, b)"),
    d("slerp: not divided by sin theta", OF_A, OF_A.replace(" / theta.sin()", "")),
    d("slerp: theta left out of the sine", OF_B, OF_B.replace("(share * theta).sin()", "share * theta.sin()")),
    d("slerp: one angle for the batch", ANGLE, ANGLE.replace(".acos()", ".acos().mean().expand(len(a))")),
    d("slerp: lengths not taken off", ANGLE, ANGLE.replace(" / (x.norm(dim=1) * y.norm(dim=1))", "")),
    d("slerp: arc sine", ANGLE, ANGLE.replace("acos", "asin")),
    d("slerp: one direction divides by zero", "straight = theta.sin() < 1e-6", "straight = theta.sin() < -1"),
    d("slerp: straight weight of a is the share", OF_A, OF_A.replace("straight, 1 - share", "straight, share")),
]  # fmt: skip

ONE_EACH = {
    "D.2: steps of whole length": "test_times_are_the_papers",
    "D.2: equal times stay equal": "test_times_increase_from_1_or_later_to_T_however_many_there_are",
    "D.2: quadratic is linear": "test_quadratic_times_that_the_floor_makes_equal_are_moved_to_the_next_free_one",
    "Eq. 16: beta of one step": "test_sigma_is_eq_16_and_at_eta_1_ddpms_beta_tilde",
    "Eq. 16: first fraction left out": "test_step_to_time_0_has_no_noise_whatever_eta",
    "Eq. 7: data not scaled": "test_q_at_eta_1_is_ddpms_posterior",
    "Eq. 7: sigma not taken off": "test_marginals_of_the_process_are_those_of_ddpm_for_every_eta",
    "Eq. 7: noise less sigma": "test_whole_chains_that_know_x_0_have_those_marginals",
    "Eq. 9: always by the noise": "test_guess_finds_the_data_and_the_noise_in_what_an_oracle_says",
    "limited data, unlimited noise": "test_a_limited_guess_stays_in_range_and_its_noise_still_mixes_to_x_t",
    "Eq. 12: noise of sigma^2": "test_at_eta_1_it_is_ddpm_step_for_step",
    "Eq. 12: uniform noise": "test_a_short_rough_chain_has_the_law_carried_by_hand",
    "Eq. 12: noise drawn though eta is 0": "test_without_noise_it_is_a_function_of_x_T",
    "prediction not handed on": "test_a_gaussian_is_recovered_by_few_steps",
    "Eq. 7: minus the noise": "test_sampling_recovers_a_mixture",
    "sampling stops at tau_1": "test_it_asks_once_at_each_time_of_tau_and_at_no_other",
    "sampling takes all times": "test_it_asks_once_at_each_time_of_tau_and_at_no_other",
    "Eq. 12: noise drawn at the last step": "test_the_last_step_adds_no_noise",
    "sample: starts from uniform noise": "test_samples_start_from_the_standard_normal",
    "sample: eta not handed on": "test_arguments_reach_the_steps",
    "step keeps the graph": "test_sampling_and_encoding_keep_no_gradient",
    "Eq. 13: backwards": "test_a_step_without_noise_is_an_euler_step_of_the_ode",
    "Eq. 13: difference of the noise, not of r": "test_without_noise_it_is_a_method_of_first_order",
    "encoding begins at time 1": "test_encoding_is_the_chain_carried_by_hand",
    "encoding: prediction not handed on": "test_encoding_is_the_same_whatever_is_predicted",
    "encoding asks at the later time": "test_encoding_asks_at_1_for_the_noise_of_the_data",
    "slerp: theta left out of the sine": "test_slerp_walks_a_great_circle",
    "slerp is a straight line": "test_slerp_of_noise_keeps_its_variance_which_the_straight_line_halves",
    "slerp: one angle for the batch": "test_slerp_is_each_images_own",
    "slerp: one direction divides by zero": "test_slerp_between_points_of_one_direction_is_straight",
    "abar in float32": "test_coefficients_are_exact_in_float32",
    "tau may stand still": "test_bad_values_name_field_value_and_what_is_expected",
}
