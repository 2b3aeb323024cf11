"""Changes to conditioning.py and guidance.py of the kind that people make, one at a time."""

from functools import partial

from tests.reference_impl.mutation import Mutant

MODULES = ["reference_impl.diffusion.conditioning", "reference_impl.diffusion.guidance"]
PROOFS = ["diffusion/test_conditioning.py", "diffusion/test_guidance.py"]

c = partial(Mutant, "reference_impl.diffusion.conditioning")
g = partial(Mutant, "reference_impl.diffusion.guidance")

DROPPED = "dropped = torch.rand(labels.shape, generator=generator, device=labels.device) < p_uncond"
FILL = "return labels.masked_fill(dropped, classes)"
ONCE = "if labels is None or w == 0:"
ALONE = "return network(x, t, labels)\n"
GUIDED = "return (1 + w) * network(x, t, labels) - w * network(x, t, None)"

BY_NAME = 'return Schedule.linear(T) if name == "linear" else Schedule.cosine(T)'
SAID = "said = network(mixture(x_0, eps, alpha, noise), t, labels)"
ERROR = "return (target(prediction, x_0, eps, alpha, noise) - said).square().flatten(1).mean(dim=1)"
DRAW_T = "t = torch.randint(1, schedule.T + 1, x_0.shape[:1], generator=generator, device=x_0.device)"
DRAW_EPS = "eps = torch.randn(x_0.shape, generator=generator, device=x_0.device, dtype=x_0.dtype)"
LOSS = "return loss_at(schedule, network, prediction, x_0, labels, t, eps).mean()"
X_T = "x_t = mixture(x_0, eps, alpha, noise)"
IMPLIED = "implied = noise_from(prediction, network(x_t, t, labels), x_t, alpha, noise)"
NOISE_ERROR = "return (eps - implied).square().flatten(1).mean(dim=1)"
SHARES = "alpha, noise = ddim.shares(schedule, t)\n    said"
BUILT = "build_network(config.network, spec.shape[0], config.width, spec.classes, config.patch)"
SCHEDULE = "self.schedule = build_schedule(config.schedule, config.T)"
SEEN = "seen = drop_labels(labels, self.classes, self.config.p_uncond, generator) if self.classes else None"
TRAIN = "return loss(self.schedule, self.model, self.config.prediction, x_0, seen, generator)"
NOISE = "x_T = torch.randn((n, *self.shape), generator=generator, device=self.schedule.beta.device)"
SAMPLE = "return self.decode(x_T, labels, self.config.w, self.config.sample_steps, generator, watch)"
ENDS = "ends = torch.randn((2, columns, *self.shape), generator=generator, device=data.train.device)"
STRENGTHS = "strengths = [self.decode(ends[0], labels, w, few, generator) for w in STRENGTHS]"
STEPS = "steps = [self.decode(ends[0], labels, self.config.w, min(s, self.config.T), generator) for s in STEPS]"
PATH = "path = [ddim.slerp(ends[0], ends[1], share / 7) for share in range(8)]"
WALK = "walk = [self.decode(x_T, labels, self.config.w, few, generator) for x_T in path]"
KNOWN = "known_labels = data.held_out_labels[:MEASURED] if self.classes else None"
AT = "for t in torch.linspace(1, self.config.T, 20).long().tolist():"
FIXED = "eps = torch.randn(x_0.shape, generator=generator, device=x_0.device)\n            t_each"

MUTANTS = [
    # dropped classes
    c("dropped: kept with probability p", DROPPED, DROPPED.replace("< p_uncond", "> p_uncond")),
    c("dropped: for all of the batch or none", DROPPED, DROPPED.replace("labels.shape,", "(1,),")),
    c("dropped: normal draws", DROPPED, DROPPED.replace("rand", "randn")),
    c("dropped: from the global generator", DROPPED, DROPPED.replace("generator=generator, ", "")),
    c("dropped: always one in ten", DROPPED, DROPPED.replace("< p_uncond", "< 0.1")),
    c("dropped: classes 0 never", DROPPED, DROPPED.replace("< p_uncond", "< p_uncond * (labels > 0)")),
    c("dropped: the token is class 0", FILL, FILL.replace("classes)", "0)")),
    c("dropped: the token is the last class", FILL, FILL.replace("classes)", "classes - 1)")),
    c("dropped: the token is -1", FILL, FILL.replace("classes)", "-1)")),
    c("dropped: nothing", FILL, "return labels"),
    c("dropped: in place", FILL, FILL.replace("masked_fill", "masked_fill_")),
    c("dropped: the others", FILL, FILL.replace("(dropped,", "(~dropped,")),
    # guidance
    c("Eq. 6: the scale 1 + w taken for w", GUIDED, GUIDED.replace("(1 + w) *", "w *").replace("- w *", "- (w - 1) *")),
    c("Eq. 6: plus for minus", GUIDED, GUIDED.replace("- w *", "+ w *")),
    c("Eq. 6: weights add up to 1 - w", GUIDED, GUIDED.replace("(1 + w) * ", "")),
    c("Eq. 6: weights add up to 1 + w", GUIDED, GUIDED.replace(" - w * network(x, t, None)", "")),
    c("Eq. 6: a mean of the two", GUIDED, GUIDED.replace("(1 + w)", "(1 - w)").replace("- w *", "+ w *")),
    c("Eq. 6: roles swapped", GUIDED, GUIDED.replace("t, labels", "t, no").replace("t, None", "t, labels")
      .replace("t, no)", "t, None)")),
    c("Eq. 6: twice the class", GUIDED, GUIDED.replace("None", "labels")),
    c("Eq. 6: w squared", GUIDED, GUIDED.replace("(1 + w)", "(1 + w**2)").replace("- w *", "- w**2 *")),
    c("asked twice without strength", ONCE, "if labels is None:"),
    c("no class: guided all the same", ONCE, "if w == 0:"),
    c("guidance never", ONCE, "if True:"),
    c("guidance only beyond 1", ONCE, "if labels is None or w <= 1:"),
    c("no guidance: class left out", ALONE, "return network(x, t, None)\n"),
    # the loss
    g("schedules swapped", BY_NAME, BY_NAME.replace('== "linear"', '!= "linear"')),
    g("schedule always of 1000 steps", BY_NAME, BY_NAME.replace("cosine(T)", "cosine()")),
    g("Alg. 1: shares of the step before", SHARES, SHARES.replace("(schedule, t)", "(schedule, t - 1)")),
    g("Alg. 1: signal and noise swapped", SAID, SAID.replace("alpha, noise", "noise, alpha")),
    g("Alg. 1: noise not scaled", SAID, SAID.replace("alpha, noise", "alpha, torch.ones_like(noise)")),
    g("Alg. 1: class not told", SAID, SAID.replace("labels", "None")),
    g("Alg. 1: time one late", SAID, SAID.replace("t, labels", "t + 1, labels")),
    g("Alg. 1: noise permuted against its target", SAID, SAID.replace("eps, alpha", "eps.flip(0), alpha")),
    g("Alg. 1: always the noise asked for", ERROR, ERROR.replace("prediction,", '"eps",')),
    g("Alg. 1: target by shares swapped", ERROR, ERROR.replace("alpha, noise", "noise, alpha")),
    g("Alg. 1: absolute error", ERROR, ERROR.replace("square()", "abs()")),
    g("Alg. 1: sum over the pixels", ERROR, ERROR.replace("mean(dim=1)", "sum(dim=1)")),
    g("Alg. 1: no gradient", ERROR, ERROR.replace("- said)", "- said.detach())")),
    g("Alg. 1: another shape is broadcast", "if said.shape != x_0.shape:", "if said.ndim != x_0.ndim:"),
    g("Alg. 1: t never T", DRAW_T, DRAW_T.replace("schedule.T + 1", "schedule.T")),
    g("Alg. 1: t may be 0", DRAW_T, DRAW_T.replace("(1, ", "(0, ")),
    g("Alg. 1: one t for the batch", DRAW_T, DRAW_T.replace("x_0.shape[:1]", "(1,)") + ".expand(len(x_0))"),
    g("Alg. 1: t from the global generator", DRAW_T, DRAW_T.replace("generator=generator, ", "")),
    g("Alg. 1: uniform noise", DRAW_EPS, DRAW_EPS.replace("randn", "rand")),
    g("Alg. 1: noise from the global generator", DRAW_EPS, DRAW_EPS.replace("generator=generator, ", "")),
    g("Alg. 1: one noise for the batch", DRAW_EPS,
      DRAW_EPS.replace("x_0.shape,", "x_0.shape[1:],") + ".expand(x_0.shape)"),
    g("Alg. 1: loss of the noise", LOSS, LOSS.replace("prediction,", '"eps",')),
    g("Alg. 1: loss is a sum", LOSS, LOSS.replace("mean()", "sum()")),
    g("Alg. 1: labels not handed on", LOSS, LOSS.replace("labels", "None")),
    # the measure
    g("measure: noise as said", IMPLIED, "implied = network(x_t, t, labels)"),
    g("measure: shares swapped", IMPLIED, IMPLIED.replace("alpha, noise", "noise, alpha")),
    g("measure: class not told", IMPLIED, IMPLIED.replace("labels", "None")),
    g("measure: x_t without its signal", X_T, X_T.replace("x_0,", "0 * x_0,")),
    g("measure: absolute error", NOISE_ERROR, NOISE_ERROR.replace("square()", "abs()")),
    g("measure: sum over the pixels", NOISE_ERROR, NOISE_ERROR.replace("mean(dim=1)", "sum(dim=1)")),
    # the settings
    g("T not checked", 'check(self.T >= 1, "T"', 'check(True, "T"'),
    g("p_uncond of 1 allowed", "check(0 < self.p_uncond < 1,", "check(0 < self.p_uncond <= 1,"),
    g("p_uncond of 0 allowed", "check(0 < self.p_uncond < 1,", "check(0 <= self.p_uncond < 1,"),
    g("w below -1 allowed", "check(self.w >= -1,", "check(self.w >= -2,"),
    g("w of -1 refused", "check(self.w >= -1,", "check(self.w >= 0,"),
    g("more sampling steps than times", "check(1 <= self.sample_steps <= self.T,", "check(1 <= self.sample_steps,"),
    g("no sampling steps", "check(1 <= self.sample_steps <= self.T,", "check(self.sample_steps <= self.T,"),
    g("eta beyond 1 allowed", "check(0 <= self.eta <= 1,", "check(0 <= self.eta,"),
    g("width of half a head allowed", "self.width % 16 == 0", "self.width % 8 == 0"),
    g("width of 0 allowed", "check(self.width >= 16 and ", "check("),
    g("patch of 0 allowed", "check(self.patch >= 1,", "check(self.patch >= 0,"),
    # the method
    g("always a U-Net", BUILT, BUILT.replace("config.network", '"unet"')),
    g("width not handed on", BUILT, BUILT.replace("config.width", "32")),
    g("network knows no class", BUILT, BUILT.replace("spec.classes", "0")),
    g("patch not handed on", BUILT, BUILT.replace("config.patch", "1")),
    g("schedule always cosine", SCHEDULE, SCHEDULE.replace("config.schedule", '"cosine"')),
    g("T not handed on", SCHEDULE, SCHEDULE.replace("config.T", "1000")),
    g("training: no class dropped", SEEN, "seen = labels if self.classes else None"),
    g("training: every class dropped", SEEN, SEEN.replace("self.config.p_uncond", "1.0")),
    g("training: p_uncond always 0.1", SEEN, SEEN.replace("self.config.p_uncond", "0.1")),
    g("training: class 0 as the token", SEEN, SEEN.replace("self.classes, self", "0, self")),
    g("training: always the noise", TRAIN, TRAIN.replace("self.config.prediction", '"eps"')),
    g("training: dropped in vain", TRAIN, TRAIN.replace("seen", "labels")),
    g("samples start from zero", NOISE, NOISE.replace("torch.randn(", "0 * torch.randn(")),
    g("samples start from the global generator", NOISE, NOISE.replace("generator=generator, ", "")),
    g("samples without guidance", SAMPLE, SAMPLE.replace("self.config.w", "0.0")),
    g("samples of any class", SAMPLE, SAMPLE.replace("labels", "None")),
    g("sample_steps not handed on", SAMPLE, SAMPLE.replace("self.config.sample_steps", "20")),
    g("steps of the sampler not handed on", "ddim.spread(config.T, steps)", "ddim.spread(config.T, config.T)"),
    g("eta not handed on", "            config.eta,\n", "            0.0,\n"),
    g("prediction not handed on to the sampler", "            config.prediction,\n", '            "v",\n'),
    g("never clipped", "1.0 if config.clip else None", "None"),
    g("always clipped", "1.0 if config.clip else None", "1.0"),
    g("strength not handed on", "guided(self.model, labels, w)", "guided(self.model, labels, config.w)"),
    g("sampler's noise not handed on", "generator,\n            1.0 if", "None,\n            1.0 if"),
    # pictures and numbers
    g("picture of strengths: fresh noise in each row", STRENGTHS,
      STRENGTHS.replace("ends[0], labels, w", "torch.randn_like(ends[0]), labels, w")),
    g("picture of strengths: one strength", STRENGTHS, STRENGTHS.replace("labels, w,", "labels, self.config.w,")),
    g("picture of steps: one number of steps", STEPS, STEPS.replace("min(s, self.config.T)", "few")),
    g("picture of steps: more steps than times", STEPS, STEPS.replace("min(s, self.config.T)", "s")),
    g("picture of steps: no guidance", STEPS, STEPS.replace("self.config.w", "0.0")),
    g("walk: ends in the middle", PATH, PATH.replace("share / 7", "share / 14")),
    g("walk: a straight line", PATH, PATH.replace("ddim.slerp(", "torch.lerp(")),
    g("walk: no guidance", WALK, WALK.replace("self.config.w", "0.0")),
    g("pictures from the global generator", ENDS, ENDS.replace("generator=generator, ", "")),
    g("held-out loss: labels not told", KNOWN, "known_labels = None"),
    g("held-out loss: labels of other images", KNOWN, KNOWN.replace("held_out_labels", "held_out_labels.roll(1)")),
    g("held-out loss: early times only", AT, AT.replace("self.config.T,", "self.config.T / 2,")),
    g("held-out loss: fewer times", AT, AT.replace(", 20)", ", 10)")),
    g("held-out loss: fresh noise each time", FIXED, FIXED.replace("generator=generator, ", "")),
    g("held-out loss: of the training images", "x_0 = data.held_out[:MEASURED]", "x_0 = data.train[:MEASURED]"),
    g("held-out loss: of the last images", "x_0 = data.held_out[:MEASURED]", "x_0 = data.held_out[-MEASURED:]"),
]  # fmt: skip

ONE_EACH = {
    "dropped: always one in ten": "test_classes_are_dropped_with_probability_p_uncond",
    "dropped: the token is class 0": "test_a_dropped_class_is_the_token_after_the_last_and_others_stay",
    "dropped: from the global generator": "test_what_is_dropped_comes_from_the_generator_alone",
    "Eq. 6: the scale 1 + w taken for w": "test_guidance_is_eq_6",
    "asked twice without strength": "test_without_strength_or_class_the_network_is_asked_once",
    "Eq. 6: roles swapped": "test_at_minus_1_nothing_of_the_class_is_left",
    "Eq. 6: weights add up to 1 - w": "test_guidance_of_any_prediction_implies_the_same_data",
    "Eq. 6: plus for minus": "test_with_exact_scores_the_guided_one_is_the_gradient_of_log_p",
    "guidance never": "test_guidance_trades_variety_for_distance_from_the_other_class",
    "Eq. 6: a mean of the two": "test_guided_samples_do_not_follow_the_law_whose_gradient_is_written",
    "schedules swapped": "test_schedules_by_name",
    "Alg. 1: always the noise asked for": "test_oracle_has_loss_zero_and_an_offset_c_has_loss_c_squared",
    "Alg. 1: sum over the pixels": "test_loss_at_is_each_images_own",
    "Alg. 1: target by shares swapped": "test_losses_of_the_predictions_differ_by_a_weight_of_each_time",
    "measure: noise as said": "test_the_measure_of_the_noise_is_zero_for_an_oracle",
    "Alg. 1: class not told": "test_the_network_sees_x_t_its_own_t_and_its_label",
    "Alg. 1: t never T": "test_times_are_uniform_on_1_to_T_and_noise_is_fresh",
    "Alg. 1: no gradient": "test_gradient_of_the_loss_equals_finite_differences",
    "training: p_uncond always 0.1": "test_training_drops_classes_with_p_uncond_and_keeps_the_rest",
    "samples without guidance": "test_sampling_is_ddim_with_the_guided_prediction",
    "no class: guided all the same": "test_without_labels_samples_are_of_any_class",
    "picture of strengths: one strength": "test_pictures_hold_noise_and_class_and_vary_one_thing",
    "samples of any class": "test_a_trained_toy_makes_the_class_that_is_asked_for",
    "patch not handed on": "test_the_settings_build_the_network_and_the_schedule",
    "training: always the noise": "test_what_is_trained_is_what_the_setting_says",
    "Alg. 1: t from the global generator": "test_same_seed_same_bits_other_seed_other_bits",
    "held-out loss: labels not told": "test_held_out_loss_is_the_error_of_the_noise_at_20_fixed_times",
    "w of -1 refused": "test_bad_values_name_field_value_and_what_is_expected",
    "Alg. 1: another shape is broadcast": "test_a_prediction_of_another_shape_is_refused",
}
