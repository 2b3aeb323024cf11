"""Changes to improved_ddpm.py of the kind that people make, one at a time."""

from functools import partial

from tests.reference_impl.mutation import Mutant

MODULES = ["reference_impl.diffusion.improved_ddpm"]
PROOFS = ["diffusion/test_improved_ddpm.py"]

improved = partial(Mutant, "reference_impl.diffusion.improved_ddpm")

CUT = "return output[:, :c], (output[:, c:] + 1) / 2"
LOG_BETA = "v, log_beta = v.double(), schedule.at(t).beta.log()"
MIX = "return times(log_beta, v) + times(log_beta_tilde(schedule, t), 1 - v)"
CLIP = "x_0.clamp(-1, 1) if clip else x_0"
LAW = "return mean, log_sigma(schedule, v, t)"
FROZEN = "frozen = torch.cat([guess.detach(), output[:, x_0.shape[1] :]], dim=1)"
FROZEN_LAW = "p = reverse_law(schedule, lambda x_t, t: frozen, clip=False)"
TERM = "vlb = term_at(schedule, p, x_0, t, eps, levels)"
SIMPLE = "return (eps - guess).square().flatten(1).mean(dim=1), vlb"
DRAW_T = "t = torch.randint(1, schedule.T + 1, x_0.shape[:1], generator=generator, device=x_0.device)"
DRAW_EPS = "eps = torch.randn(x_0.shape, generator=generator, device=x_0.device, dtype=x_0.dtype)"
HYBRID = "return simple.mean() + weight * schedule.T * vlb.mean()"
SPACED = "S = torch.linspace(1, schedule.T, K, dtype=torch.float64).round().long()"
BETAS = "return Schedule(torch.cat([torch.zeros_like(kept[:1]), 1 - kept[1:] / kept[:-1]])), S"
DRAW_Z = "z = torch.randn(x_t.shape, generator=generator, device=x_t.device, dtype=x_t.dtype)"
STEP = "return mean + (log_var / 2).exp().to(x_t.dtype) * z"
SHORT = "p = reverse_law(short, lambda x, k: network(x, S[k]), clip)"
DRAW_X = "x = torch.randn(shape, generator=generator, device=S.device)"
BACK = "for k in range(K, 0, -1):"
UNET = "UNet(channels=spec.shape[0], width=config.width, outputs=2, patch=config.patch)"
LOSS = "loss_hybrid(self.schedule, self.model, x_0, self.levels, generator, self.config.vlb_weight)"
TIMES = "for t in torch.linspace(1, self.config.T, 20).long().tolist():"
BITS = "held_out_bits(self.schedule, p, x_0, self.levels, generator)"

MUTANTS = [
    # the learned variance
    improved("halves: v is the raw output", CUT, CUT.replace("(output[:, c:] + 1) / 2", "output[:, c:]")),
    improved("halves: noise and v swapped", CUT, "return output[:, c:], (output[:, :c] + 1) / 2"),
    improved("halves: v from 0 to 2", CUT, CUT.replace(" / 2", "")),
    improved("halves: v by a sigmoid", CUT, CUT.replace("(output[:, c:] + 1) / 2", "output[:, c:].sigmoid()")),
    improved("halves: any number of channels accepted", "if output.shape != (b, 2 * c, h, w):", "if False:"),
    improved("Eq. 15: the extremes swapped", MIX,
             "return times(log_beta, 1 - v) + times(log_beta_tilde(schedule, t), v)"),
    improved("Eq. 15: variances mixed, not their logs", MIX,
             "return (times(log_beta.exp(), v) + times(log_beta_tilde(schedule, t).exp(), 1 - v)).log()"),
    improved("Eq. 15: v ignored", MIX, "return times(log_beta, torch.ones_like(v))"),
    improved("Eq. 15: v ignored, the small variance", MIX,
             "return times(log_beta_tilde(schedule, t), torch.ones_like(v))"),
    improved("Eq. 15: v kept within [0, 1]", LOG_BETA, LOG_BETA.replace("v.double()", "v.double().clamp(0, 1)")),
    improved("Eq. 15: v of an image's mean", LOG_BETA,
             LOG_BETA.replace("v.double()", "v.double().mean(dim=(1, 2, 3), keepdim=True).expand_as(v)")),
    improved("Eq. 15: alpha for beta", LOG_BETA, LOG_BETA.replace(".beta.log()", ".alpha.log()")),
    improved("Eq. 15: standard deviation for variance", LOG_BETA, LOG_BETA.replace(".beta.log()", ".beta.log() / 2")),
    improved("Eq. 15: at t = 1 the log of 0", MIX,
             "s = schedule.at(t)\n    small = ((1 - s.alpha_bar_prev) / (1 - s.alpha_bar) * s.beta).log()\n"
             "    return times(log_beta, v) + times(small, 1 - v)"),
    improved("Eq. 15: in float32", LOG_BETA, LOG_BETA.replace("v.double()", "v.float()")),
    improved("reverse law: the noise is the mean", LAW, LAW.replace("mean, log", "eps, log")),
    improved("reverse law: the variance, not its log", LAW, LAW + ".exp()"),
    improved("reverse law: never clipped", CLIP, "x_0"),
    improved("reverse law: always clipped", CLIP, "x_0.clamp(-1, 1)"),
    improved("reverse law: clipped to [0, 1]", CLIP, CLIP.replace("-1, 1", "0, 1")),
    improved("reverse law: not clipped unless told so", "network: Predictor, clip: bool = True)",
             "network: Predictor, clip: bool = False)"),
    improved("L_vlb: clipped", FROZEN_LAW, FROZEN_LAW.replace(", clip=False", "")),
    improved("sampling: the choice to clip is not passed on", SHORT, SHORT.replace(", clip)", ")")),
    improved("sampling: not clipped unless told so", "generator: Generator, clip: bool = True",
             "generator: Generator, clip: bool = False"),
    # the objective
    improved("Eq. 16: L_vlb moves the noise too", FROZEN, FROZEN.replace("guess.detach()", "guess")),
    improved("Eq. 16: L_vlb's gradient stopped at v", FROZEN, FROZEN + ".detach()"),
    improved("Eq. 16: the noise of L_simple is stopped", SIMPLE, SIMPLE.replace("guess)", "guess.detach())")),
    improved("Eq. 16: halves swapped on the way to L_vlb", FROZEN,
             "frozen = torch.cat([output[:, x_0.shape[1] :], guess.detach()], dim=1)"),
    improved("L_vlb: other levels", TERM, TERM.replace("eps, levels)", "eps, 256)")),
    improved("L_vlb: density for the decoder", TERM, TERM.replace("eps, levels)", "eps, 0)")),
    improved("L_vlb: other noise than the network saw", TERM, TERM.replace("t, eps,", "t, -eps,")),
    improved("the network is told t - 1", "output = network(q_sample(schedule, x_0, t, eps), t)",
             "output = network(q_sample(schedule, x_0, t, eps), t - 1)"),
    improved("the network sees x_0", "output = network(q_sample(schedule, x_0, t, eps), t)",
             "output = network(x_0, t)"),
    improved("the network is asked twice", FROZEN_LAW, FROZEN_LAW.replace("lambda x_t, t: frozen", "network")),
    improved("Eq. H14: sign of the target", SIMPLE, SIMPLE.replace("eps - guess", "eps + guess")),
    improved("Eq. H14: absolute error", SIMPLE, SIMPLE.replace(".square()", ".abs()")),
    improved("Eq. H14: summed over pixels", SIMPLE, SIMPLE.replace(".mean(dim=1)", ".sum(dim=1)")),
    improved("Eq. H14: noise permuted against its target", SIMPLE, SIMPLE.replace("(eps -", "(eps.flip(0) -")),
    improved("t never T", DRAW_T, DRAW_T.replace("schedule.T + 1", "schedule.T")),
    improved("t never 1", DRAW_T, DRAW_T.replace("randint(1,", "randint(2,")),
    improved("one t for the batch", DRAW_T, DRAW_T + "[:1].expand(len(x_0))"),
    improved("t from the global generator", DRAW_T, DRAW_T.replace("generator=generator, ", "")),
    improved("one noise for the batch", DRAW_EPS, DRAW_EPS + "[:1].expand_as(x_0)"),
    improved("uniform noise", DRAW_EPS, DRAW_EPS.replace("torch.randn", "torch.rand")),
    improved("noise from the global generator", DRAW_EPS, DRAW_EPS.replace("generator=generator, ", "")),
    improved("Eq. 16: lambda left out", HYBRID, HYBRID.replace("weight * ", "")),
    improved("Eq. 16: the mean over t for the sum", HYBRID, HYBRID.replace("schedule.T * ", "")),
    improved("Eq. 16: L_simple alone", HYBRID, "return simple.mean() + 0 * vlb.mean()"),
    improved("Eq. 16: L_vlb alone", HYBRID, HYBRID.replace("simple.mean() +", "0 * simple.mean() +")),
    improved("Eq. 16: sign of L_vlb", HYBRID, HYBRID.replace("+ weight", "- weight")),
    improved("lambda is a hundredth", "generator: Generator, weight: float = 0.001\n",
             "generator: Generator, weight: float = 0.01\n"),
    # fewer steps
    improved("strided: without t = 1", SPACED, SPACED.replace("linspace(1,", "linspace(2,")),
    improved("strided: rounded down", SPACED, SPACED.replace(".round()", "")),
    improved("strided: stops short of T", SPACED, SPACED.replace("schedule.T, K,", "schedule.T - 1, K,")),
    improved("strided: the first K times", SPACED, "S = torch.arange(1, K + 1)"),
    improved("strided: the betas of the kept times", BETAS,
             "return Schedule(schedule.beta[S]), S"),
    improved("strided: ratio upside down", BETAS, BETAS.replace("1 - kept[1:] / kept[:-1]", "kept[:-1] - kept[1:]")),
    improved("strided: one step accepted", "check(2 <= K <= schedule.T,", "check(1 <= K <= schedule.T,"),
    improved("sampling: noise at the last step", "if t == 1:", "if t == 0:"),
    improved("sampling: no noise at the last two steps", "if t == 1:", "if t <= 2:"),
    improved("sampling: variance for standard deviation", STEP, STEP.replace("(log_var / 2)", "log_var")),
    improved("sampling: no noise", STEP, "return mean"),
    improved("sampling: z from the global generator", DRAW_Z, DRAW_Z.replace("generator=generator, ", "")),
    improved("sampling: one z for the batch", DRAW_Z, DRAW_Z.replace("x_t.shape,", "x_t[..., :1].shape,")),
    improved("sampling: keeps the graph", "@torch.no_grad()\ndef p_sample(", "def p_sample("),
    improved("sampling: in float64", STEP, STEP.replace(".to(x_t.dtype)", "")),
    improved("sampling: the network is told k", SHORT, SHORT.replace("S[k]", "k")),
    improved("sampling: the network is told S_{k-1}", SHORT, SHORT.replace("S[k]", "S[k - 1].clamp(min=1)")),
    improved("sampling: the long schedule's variances", SHORT,
             "p = reverse_law(schedule, network)\n    long, p = p, lambda x, k: long(x, S[k])"),
    improved("sampling: starts from uniform noise", DRAW_X, DRAW_X.replace("torch.randn", "torch.rand")),
    improved("sampling: starts from the global generator", DRAW_X, DRAW_X.replace("generator=generator, ", "")),
    improved("sampling: stops before the last step", BACK, "for k in range(K, 1, -1):"),
    improved("sampling: forwards", BACK, "for k in range(1, K + 1):"),
    improved("sampling: times of the step taken", "yield int(S[k - 1]), x", "yield int(S[k]), x"),
    # the method
    improved("method: linear schedule", "Schedule.cosine(config.T)", "Schedule.linear(config.T)"),
    improved("method: patches are not passed on", UNET, UNET.replace(", patch=config.patch", "")),
    improved("method: one output", UNET, UNET.replace("outputs=2, ", "")),
    improved("method: lambda is not passed on", LOSS, LOSS.replace(", self.config.vlb_weight", "")),
    improved("method: levels of a byte", LOSS, LOSS.replace("self.levels", "256")),
    improved("method: samples in T steps", "K = self.config.sample_steps", "K = self.config.T"),
    improved("picture: each row from its own start", "generator.set_state(state)", "state.clone()"),
    improved("held-out loss: at t = 1 alone", TIMES, "for t in [1] * 20:"),
    improved("held-out loss: of all images", "data.held_out[:HELD_OUT]", "data.held_out"),
    improved("bits: levels of a byte", BITS, BITS.replace("self.levels", "256")),
    improved("bits: of training images", BITS, BITS.replace("x_0", "data.train")),
]  # fmt: skip

ONE_EACH = {
    "halves: noise and v swapped": "test_the_networks_first_half_is_noise_and_its_second_gives_v",
    "Eq. 15: variances mixed, not their logs": "test_v_of_0_and_1_are_the_two_extremes_and_between_them_logs_are_mixed",
    "Eq. 15: v of an image's mean": "test_log_sigma_is_each_pixels_own",
    "reverse law: the noise is the mean": "test_reverse_law_has_the_implied_posterior_mean_and_the_learned_variance",
    "reverse law: clipped to [0, 1]": "test_implied_data_are_clipped_unless_told_otherwise",
    "sampling: not clipped unless told so": "test_the_way_back_of_a_network_that_errs_stays_near_only_if_clipped",
    "Eq. H14: noise permuted against its target": "test_oracle_has_l_simple_zero_and_an_offset_c_has_c_squared",
    "L_vlb: density for the decoder": "test_vlb_term_is_the_kl_by_hand_and_the_decoders_bits_at_t_1",
    "Eq. 16: L_vlb moves the noise too": "test_vlb_teaches_v_and_leaves_the_noise_alone_and_l_simple_does_the_reverse",
    "Eq. 16: the mean over t for the sum": "test_hybrid_loss_is_l_simple_plus_lambda_T_times_the_term_at_its_own_t",
    "the network is asked twice": "test_the_network_is_asked_once",
    "t never T": "test_times_are_uniform_on_1_to_T_and_noise_is_fresh",
    "Eq. 16: L_vlb's gradient stopped at v": "test_gradient_of_the_hybrid_loss_equals_finite_differences",
    "strided: rounded down": "test_strided_schedule_has_the_alpha_bar_of_the_times_it_keeps",
    "strided: ratio upside down": "test_all_steps_kept_are_the_schedule_itself",
    "sampling: the long schedule's variances": "test_few_steps_recover_a_gaussian_by_the_right_variance_and_no_extreme",
    "sampling: noise at the last step": "test_last_step_adds_no_noise_and_every_other_adds_sigma",
    "sampling: the network is told S_{k-1}": "test_trajectory_asks_the_network_at_the_long_schedules_times",
    "sampling: starts from uniform noise": "test_sampling_starts_from_the_standard_normal_and_keeps_no_gradient",
    "method: one output": "test_batch_of_one_and_odd_sizes",
    "method: patches are not passed on": "test_patches_halve_what_the_network_sees",
    "method: linear schedule": "test_the_method_has_the_cosine_schedule_and_its_own_levels_weight_and_steps",
    "t from the global generator": "test_same_seed_same_bits_other_seed_other_bits",
    "picture: each row from its own start": "test_the_picture_has_a_row_for_each_number_of_steps_from_one_start",
    "held-out loss: of all images": "test_no_more_than_360_held_out_images_are_measured",
    "bits: levels of a byte": "test_evaluation_is_on_fixed_times_and_noise_and_bounds_the_bits",
    "strided: one step accepted": "test_bad_values_name_field_value_and_what_is_expected",
}
